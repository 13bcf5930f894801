"""A feature that knows the answer is found; an honest one is not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from benchmarks.tables import Table, tables

from benchmarks import leakage as bench
from runner.features.leakage.case import FOLDS, Case, Suspicion
from runner.features.leakage.gates import gates
from runner.features.leakage.look import look
from runner.features.leakage.power import single_power
from runner.features.leakage.rest import Rest
from runner.features.leakage.spec import AcceptedSpec, LeakageSpec


def world(seed: int, n: int = 2000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = (draw.random(n) < 0.3).astype(float)
    rows = pl.DataFrame(
        {
            "noise": draw.normal(size=n),
            "many": [f"id{i}" for i in draw.integers(0, n, n)],
            "honest": y + draw.normal(size=n) * 1.5,
            "copy": y,
            "backwards": -y,
            "noisy_copy": y + draw.normal(size=n) * 0.35,
            "null_pattern": pl.Series([1.0 if v else None for v in y], dtype=pl.Float64),
        }
    )
    return rows, y.reshape(-1, 1), draw.integers(0, FOLDS, n)


def power_of(seed: int) -> dict[str, float]:
    rows, y, fold = world(seed)
    kinds = [{"name": c, "kind": "categorical" if rows.schema[c] == pl.String else "numeric"} for c in rows.columns]
    return single_power(rows, kinds, y, "binary", fold)


@pytest.mark.parametrize("seed", range(5))
def test_planted_leaks_stand_out_and_honest_features_do_not(seed: int) -> None:
    power = power_of(seed)
    assert min(power[c] for c in ("copy", "backwards", "noisy_copy", "null_pattern")) > 0.95
    assert power["honest"] < 0.8
    assert power["noise"] < 0.56
    assert power["many"] < 0.56


def test_a_feature_that_tells_nothing_is_worth_a_coin_whatever_the_folds() -> None:
    draw = np.random.default_rng(0)
    y = draw.choice(3, 300, p=[0.9, 0.07, 0.03])
    rows = pl.DataFrame({"constant": [1] * 300, "noise": draw.normal(size=300)})
    kinds = [{"name": name, "kind": "numeric"} for name in rows.columns]
    power = single_power(rows, kinds, (y[:, None] == np.arange(3)).astype(float), "multiclass", draw.integers(0, FOLDS, 300))
    assert power["constant"] == 0.5


def test_what_a_suspect_is_compared_with_is_said() -> None:
    draw = np.random.default_rng(0)
    y = (draw.random(1500) < 0.4).astype(float)
    rows = pl.DataFrame(
        {"weak": y + draw.normal(size=1500) * 2, "other": y + draw.normal(size=1500) * 2, "leak": y, "leak2": y + draw.normal(size=1500) * 0.05}
    )
    kinds = [{"name": name, "kind": "numeric"} for name in rows.columns]
    said = {s.column: s.evidence for s in look(Case(rows, kinds, y.reshape(-1, 1), "binary", "y", 1), 0.95) if s.kind == "power"}
    assert any("all features but the 2 suspects together" in evidence for evidence in said.values())


def test_nothing_is_fitted_for_a_strong_feature_that_another_one_alone_clears(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    y = (draw.random(1500) < 0.4).astype(float)
    rows = pl.DataFrame({f"strong{i}": y + draw.normal(size=1500) * 0.75 for i in range(6)})
    kinds = [{"name": name, "kind": "numeric"} for name in rows.columns]
    case = Case(rows, kinds, y.reshape(-1, 1), "binary", "y", 1)
    told = look(case, 0.95)
    monkeypatch.setattr(Rest, "predicted", lambda *_: pytest.fail("fitted"))
    assert look(case, 0.95) == told


SURE = Suspicion("copy", "power", "stops", "copy alone reaches 1.000", 1.0, 0.95, "AUC")


def test_a_suspect_fails_the_gate_with_every_way_out() -> None:
    (failed,) = gates([SURE], ("copy", 1.0), LeakageSpec(), "AUC")
    assert failed.status == "failed"
    for way in ("available", "features.drop", "features.leakage.accept.copy"):
        assert way in failed.evidence


def test_of_a_column_that_a_step_makes_the_columns_behind_it_are_to_be_declared() -> None:
    (failed,) = gates([SURE], ("copy", 1.0), LeakageSpec(), "AUC", made={"copy"})
    assert "data.columns.copy" not in failed.evidence
    assert "a column that the step reads" in failed.evidence


def test_an_accepted_suspect_is_shown_with_who_said_so() -> None:
    spec = LeakageSpec(accept={"copy": AcceptedSpec(reason="known before the decision", by="A. Analyst")})
    (warned,) = gates([SURE], ("copy", 1.0), spec, "AUC")
    assert warned.status == "warned"
    assert "A. Analyst" in warned.evidence


def test_a_weak_suspicion_warns_and_lets_the_run_go_on() -> None:
    (warned,) = gates([Suspicion("b", "power", "warns", "b is strong", 0.9, 0.95, "AUC")], ("b", 0.9), LeakageSpec(), "AUC")
    assert warned.status == "warned"
    assert "features.drop" not in warned.evidence


def table(name: str) -> Table:
    return next(tables([name]))


@pytest.mark.parametrize("name", ["customer_churn", pytest.param("hotel_price", marks=pytest.mark.slow)])
def test_every_planted_leak_is_found_and_the_clean_table_is_left_alone(name: str) -> None:
    judged = bench.judged(table(name), 1500)
    assert judged.clean == ()
    assert [kind for kind, found in judged.found.items() if not found] == []


def said_of(rows: pl.DataFrame, y: np.ndarray, task: str, target: str = "outcome", time: str | None = None) -> list[Suspicion]:
    features = [{"name": c, "kind": "categorical" if kind == pl.String else "numeric"} for c, kind in rows.schema.items() if not kind.is_temporal()]
    return look(Case(rows, features, y.reshape(-1, 1), task, target, 3, time), 0.95)


def test_flights_without_declared_availability_are_stopped() -> None:
    """The arrival gives the outcome, and the delay of the departure goes with it, whether the arrival is declared or not."""
    flights = table("flight_delay")
    raw = Table("flights", "sample", flights.place, flights.target, flights.task, (), flights.time)
    found = look(bench.case_of(raw, 4000), 0.95)
    assert {s.column for s in found if s.severity == "stops"} == {"arr_delay", "dep_delay"}
    left = Table("flights", "sample", flights.place, flights.target, flights.task, ("arr_delay",), flights.time)
    declared = bench.case_of(left, 4000)
    (departure,) = look(declared, 0.95)
    assert (departure.column, departure.severity) == ("dep_delay", "warns")
    departure, *_ = look(replace(declared, after=raw.cut(4000).select("arr_delay")), 0.95)
    assert (departure.column, departure.severity) == ("dep_delay", "stops")
    assert "arr_delay, which is known only after the event" in departure.evidence


def test_strong_features_of_an_easy_table_are_honest() -> None:
    """Each of several measures of one tumour tells nearly everything: they share a cause beside the outcome."""
    draw = np.random.default_rng(0)
    y = (draw.random(1500) < 0.4).astype(float)
    size = y * 3.6 + draw.normal(size=1500)
    rows = pl.DataFrame({f"measure_{at}": size + draw.normal(size=1500) * 0.8 for at in range(4)})
    assert said_of(rows, y, "binary") == []


@pytest.mark.parametrize("how", ["sum", "ratio"])
def test_a_number_rebuilt_from_two_columns_is_found(how: str) -> None:
    draw = np.random.default_rng(1)
    a, b, c = (draw.uniform(1.0, 100.0, 800) for _ in range(3))
    y = a - b if how == "sum" else a / b
    found = said_of(pl.DataFrame({"gross": a, "costs": b, "other": c}), y, "regression")
    assert {(s.kind, s.severity) for s in found} == {("arithmetic", "stops")}
    assert "gross" in found[0].evidence
    assert "costs" in found[0].evidence


def test_a_limit_on_a_difference_is_found() -> None:
    draw = np.random.default_rng(2)
    due, paid, other = (draw.uniform(0.0, 1.0, 1500) for _ in range(3))
    found = said_of(pl.DataFrame({"paid": paid, "other": other, "due": due}), (paid - due > 0.3).astype(float), "binary")
    assert any(s.kind == "arithmetic" and "paid" in s.evidence and "due" in s.evidence for s in found)


def test_a_mean_of_past_rows_is_no_look_ahead() -> None:
    draw = np.random.default_rng(4)
    y = draw.normal(size=900)
    total = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(900)
    past = (total[at] - total[np.maximum(at - 7, 0)]) / 7
    assert said_of(pl.DataFrame({"past": past, "other": draw.normal(size=900)}), y, "regression") == []


def test_the_next_class_counted_as_a_number_is_a_look_ahead() -> None:
    draw = np.random.default_rng(11)
    code = draw.integers(0, 3, 901)
    rows = pl.DataFrame({"next": code[1:].astype(float), "other": draw.normal(size=900)})
    features = [{"name": name, "kind": "numeric"} for name in rows.columns]
    found = look(Case(rows, features, np.eye(3)[code[:-1]], "multiclass", "outcome", 3), 0.95)
    assert [(s.column, s.kind, s.severity) for s in found] == [("next", "looks_ahead", "stops")]


def test_a_mean_per_id_over_more_rows_than_are_left_is_stopped_all_the_same() -> None:
    draw = np.random.default_rng(12)
    ids = draw.integers(0, 300, 1500)
    y = (draw.random(1500) < 0.3).astype(float)
    mean = np.bincount(ids, weights=y)[ids] / np.bincount(ids)[ids]
    left = draw.random(1500) < 0.8  # The others are the test's.
    rows = pl.DataFrame({"id": ids[left], "leak": mean[left], "other": draw.normal(size=int(left.sum()))})
    features = [{"name": name, "kind": "numeric"} for name in ("leak", "other")]
    found = look(Case(rows, features, y[left].reshape(-1, 1), "binary", "outcome", 3, None, ["id"]), 0.95)
    assert ("leak", "own_row", "stops") in [(s.column, s.kind, s.severity) for s in found]


def test_a_column_in_another_unit_is_no_look_ahead_even_where_ids_never_repeat() -> None:
    draw = np.random.default_rng(8)
    hours, y = draw.uniform(0.0, 1000.0, 900), draw.normal(size=900)
    rows = pl.DataFrame({"id": np.arange(900), "hours": hours, "seconds": hours * 3600 + 7, "rank": hours / 7.3, "other": draw.normal(size=900)})
    features = [{"name": name, "kind": "numeric"} for name in ("hours", "seconds", "rank", "other")]
    assert look(Case(rows, features, y.reshape(-1, 1), "regression", "outcome", 3, None, ["id"]), 0.95) == []


def test_parts_of_the_time_itself_follow_one_another_and_are_no_look_ahead() -> None:
    moments = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 12, 1), "8h", eager=True)[:900]
    draw = np.random.default_rng(9)
    rows = pl.DataFrame({"at": moments, "day": moments.dt.ordinal_day(), "week": moments.dt.week().cast(pl.Int64), "n": draw.normal(size=900)})
    assert said_of(rows, draw.normal(size=900), "regression", time="at") == []


def test_numbers_beyond_all_measure_are_looked_at_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    draw = np.random.default_rng(10)
    rows = pl.DataFrame({"huge": np.exp(draw.normal(size=900) * 200), "a": draw.normal(size=900), "b": draw.normal(size=900)})
    said_of(rows, (draw.random(900) < 0.4).astype(float), "binary")
    assert [str(w.message) for w in recwarn if "overflow" in str(w.message) or "invalid" in str(w.message)] == []


def test_a_planned_date_is_told_of_only_when_it_lies_ahead() -> None:
    draw = np.random.default_rng(5)
    y = (draw.random(600) < 0.5).astype(float)
    rows = pl.DataFrame({"at": pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 26), "1h", eager=True)[:600], "n": draw.normal(size=600)})
    before = rows.with_columns(opened=pl.col("at") - pl.duration(days=9), promised=pl.col("at") + pl.duration(days=30))
    found = said_of(before, y, "binary", time="at")
    assert [(s.column, s.kind, s.severity) for s in found] == [("promised", "later", "warns")]


def test_a_moment_of_the_same_day_is_not_later_than_a_decision_that_has_no_hour() -> None:
    draw = np.random.default_rng(7)
    y = (draw.random(600) < 0.5).astype(float)
    moments = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 26), "1h", eager=True)[:600]
    rows = pl.DataFrame({"day": moments.dt.date(), "called": moments, "n": draw.normal(size=600)})
    assert said_of(rows, y, "binary", time="day") == []


def test_infinite_and_missing_values_are_looked_at_like_others() -> None:
    draw = np.random.default_rng(8)
    y = (draw.random(600) < 0.5).astype(float)
    wild = [float("inf"), float("-inf"), float("nan"), None]
    some = pl.Series([wild[at % 4] if at % 7 == 0 else float(at % 13) for at in range(600)], dtype=pl.Float64)
    rows = pl.DataFrame({"some": some, "id": draw.integers(0, 150, 600), "none": pl.Series([None] * 600, dtype=pl.Float64), "copy": y})
    assert {s.column for s in said_of(rows, y, "binary")} == {"copy"}


def test_the_name_of_the_target_in_a_strong_feature_is_told() -> None:
    draw = np.random.default_rng(6)
    y = (draw.random(1000) < 0.5).astype(float)
    rows = pl.DataFrame({"churn_score": 1.1 * y + draw.normal(size=1000), "other": y + 2 * draw.normal(size=1000), "churn_noise": draw.normal(size=1000)})
    assert [(s.column, s.kind, s.severity) for s in said_of(rows, y, "binary", "churn")] == [("churn_score", "name", "warns")]


def test_regression_measures_explained_variance() -> None:
    draw = np.random.default_rng(0)
    y = draw.normal(size=1000)
    rows = pl.DataFrame({"copy": y * 3, "noise": draw.normal(size=1000)})
    power = single_power(rows, [{"name": c, "kind": "numeric"} for c in rows.columns], y.reshape(-1, 1), "regression", draw.integers(0, FOLDS, 1000))
    assert power["copy"] > 0.95
    assert power["noise"] < 0.05
