"""What the exploration finds where something was planted, and that it finds nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.expressions import identifier as quoted
from runner.core.files import json_text
from runner.features.explore import association
from runner.features.explore.exploration import explore, view_of
from runner.features.explore.parts import parts
from runner.features.explore.view import Declared, View
from runner.features.recipe import outcome_columns

PRICES = {"act": {"no": "-1", "yes": "5"}, "wait": {"no": "0", "yes": "0"}}
POLICY = {"kind": "per_row", "shift": None}


def problem(task: str = "binary", time: str | None = None, **more: Any) -> dict[str, Any]:
    labels = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": None}[task]
    actions = {"binary": PRICES, "multiclass": {"go": {"a": "1", "b": "0", "c": "-4"}, "stay": {"a": "0", "b": "0", "c": "0"}}, "regression": None}[task]
    payoff = {"unit": "EUR", "actions": actions, "sql": None if actions else "-ABS(decision - actual)", "rows_per_month": 100}
    positive = "yes" if task == "binary" else None
    return {"task": task, "target": "y", "positive": positive, "labels": labels, "payoff": payoff, "policy": POLICY, "time": time, **more}


def seen(rows: pl.DataFrame, told: dict[str, Any] | None = None, power: dict[str, float] | None = None, **columns: Any) -> View:
    told = told or problem()
    hidden = ("y", told["time"])
    features = [{"name": c, "kind": "categorical" if rows.schema[c] == pl.String else "numeric"} for c in rows.columns if c not in hidden]
    outcome, _ = outcome_columns(rows["y"], told["task"], told["labels"], told["positive"])
    return view_of(rows, features, outcome, told, {"columns": columns}, power or {}, 3)


def answers(y: np.ndarray) -> pl.Series:
    return pl.Series("y", np.where(y > 0, "yes", "no"))


def noise(seed: int, n: int = 2000, columns: int = 8) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    made = {f"n{k}": draw.normal(size=n) for k in range(columns)} | {f"c{k}": draw.choice(list("abcd"), n) for k in range(3)}
    return pl.DataFrame(made).with_columns(answers((draw.random(n) < 0.3).astype(float)))


# Measures, beside known values and other libraries.


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=60))
def test_rank_correlation_is_spearmans_with_ties(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import spearmanr

    x, y = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    ranks = np.column_stack([association.doubled_ranks(x), association.doubled_ranks(y)])
    found = association.rank_correlations(ranks, np.ones(ranks.shape, dtype=bool))[0, 1]
    constant = len(set(x)) == 1 or len(set(y)) == 1
    assert found == pytest.approx(0.0 if constant else spearmanr(x, y).statistic, abs=1e-9)


def test_the_correlation_ratio_is_that_of_the_analysis_of_variance_less_chance() -> None:
    from scipy.stats import f_oneway

    draw = np.random.default_rng(0)
    codes = draw.integers(0, 4, 500)
    values = codes * 0.3 + draw.normal(size=500)
    f = f_oneway(*(values[codes == k] for k in range(4))).statistic
    plain = f * 3 / (f * 3 + 496)
    corrected = 1 - (1 - plain) * 499 / 496
    found = association.correlation_ratios(codes, (values - values.mean())[:, None], np.ones((500, 1), dtype=bool))[0]
    assert found**2 == pytest.approx(corrected)


def test_cramers_v_is_scipys_less_chance() -> None:
    from scipy.stats.contingency import association as scipys

    counts = np.array([[200.0, 40.0, 10.0], [30.0, 250.0, 20.0]])
    n, plain = counts.sum(), scipys(counts.astype(int), method="cramer")
    phi = plain**2 - 2 / (n - 1)
    assert association.cramers_v(counts) == pytest.approx(np.sqrt(phi / (2 - 1 / (n - 1) - 1)))
    assert association.cramers_v(np.diag([50.0, 30.0, 20.0])) == pytest.approx(1.0)
    assert association.cramers_v(np.outer([10.0, 20.0], [30.0, 5.0])) == 0.0


def test_xi_sees_a_dependence_of_any_shape_and_none_in_noise() -> None:
    from scipy.stats import chatterjeexi

    draw = np.random.default_rng(1)
    x = draw.uniform(-1, 1, 2000)
    assert association.xi(x, x**2, 0) > 0.95
    assert association.xi(x, draw.normal(size=2000), 0) == pytest.approx(0.0, abs=0.06)
    assert association.xi(x, x**2, 0) == pytest.approx(chatterjeexi(x, x**2).statistic, abs=1e-9)


def test_uncertainty_has_a_direction() -> None:
    city = np.repeat(np.arange(6), 50)
    tells, back = association.uncertainty(association.contingency(city, city // 3))
    assert tells == pytest.approx(1.0)
    assert back < 0.5


# Parts and profiles.


def test_parts_have_round_ends_and_missing_values_are_a_part() -> None:
    rows = pl.DataFrame({"age": [*range(18, 98), None], "y": ["yes", *["no"] * 80]})
    named = parts(seen(rows), "age").named
    assert [p.get("to") for p in named[:-1]] == [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, None]
    assert named[-1] == {"missing": True}


def test_a_value_that_most_rows_have_is_a_part_of_its_own() -> None:
    rows = pl.DataFrame({"rain": [0.0] * 900 + [k / 100 for k in range(1, 101)], "y": ["yes", *["no"] * 999]})
    named = parts(seen(rows), "rain").named
    assert named[0] == {"value": 0.0}
    assert named[1]["above"] == 0.0


def test_a_profile_counts_every_row_and_its_interval_holds_the_mean() -> None:
    rows = noise(0).with_columns(n0=pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise(pl.col("n0")))
    for feature in explore(seen(rows))["features"]:
        told = feature["profile"]["parts"]
        assert sum(p["rows"] for p in told) == rows.height
        assert all(p["low"] <= p["mean"] <= p["high"] for p in told if p["rows"])


def test_an_outcome_that_turns_in_between_is_told_from_one_that_rises() -> None:
    draw = np.random.default_rng(5)
    x, z = draw.uniform(-1, 1, 4000), draw.uniform(-1, 1, 4000)
    rows = pl.DataFrame({"turn": x, "rise": z, "y": x**2 + 0.5 * z + draw.normal(size=4000) * 0.2})
    told = {f["name"]: f["with_outcome"] for f in explore(seen(rows, problem("regression")))["features"]}
    assert told["turn"]["shape"] == "bends"
    assert abs(told["turn"]["value"]) < 0.1 < told["turn"]["xi"]
    assert told["rise"]["shape"] == "rises"


# Redundant columns.


def planted(seed: int = 0, n: int = 3000) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    a, b = draw.normal(size=n), draw.normal(size=n)
    city = draw.integers(0, 12, n)
    return pl.DataFrame(
        {
            "a": a,
            "a_scaled": np.exp(a) * 3,
            "a_gaps": pl.Series([None if k % 3 == 0 else float(v) for k, v in enumerate(a)], dtype=pl.Float64),
            "b": b,
            "city": [f"city {k}" for k in city],
            "latitude": city * 1.5,
            "y": np.where(draw.random(n) < 1 / (1 + np.exp(-a)), "yes", "no"),
        }
    )


def test_columns_that_say_the_same_are_gathered_around_one_to_keep() -> None:
    power = {"a": 0.7, "a_scaled": 0.7, "a_gaps": 0.698, "b": 0.5, "city": 0.5, "latitude": 0.49}
    found = explore(seen(planted(), power=power))["clusters"]
    assert [{c["keep"], *(t["name"] for t in c["told"])} for c in found] == [{"a", "a_scaled", "a_gaps"}, {"city", "latitude"}]
    assert found[0]["keep"] in ("a", "a_scaled")
    assert found[0]["why"] == "missing"


def test_of_columns_as_strong_the_cheapest_is_kept() -> None:
    power = {"a": 0.7, "a_scaled": 0.699, "a_gaps": 0.6, "b": 0.5, "city": 0.5, "latitude": 0.49}
    found = explore(seen(planted(), power=power, a={"cost": 2.5}))["clusters"][0]
    assert (found["keep"], found["why"]) == ("a_scaled", "cost")


def test_the_strongest_is_kept_where_it_is_stronger() -> None:
    found = explore(seen(planted(), power={"a": 0.7, "a_scaled": 0.6, "a_gaps": 0.6}))["clusters"][0]
    assert (found["keep"], found["why"]) == ("a", "power")


# Interactions.


def test_an_exclusive_or_is_found_though_neither_side_tells_anything() -> None:
    draw = np.random.default_rng(2)
    rows = noise(2)
    p = np.where((rows["n0"].to_numpy() > 0) ^ (rows["n1"].to_numpy() > 0), 0.6, 0.2)
    rows = rows.with_columns(answers((draw.random(rows.height) < p).astype(float)))
    (found,) = explore(seen(rows))["interactions"]["found"]
    assert {found["a"], found["b"]} == {"n0", "n1"}
    assert found["together"] > 0.1
    assert found["apart"] < 0.02


@pytest.mark.parametrize("seed", range(6))
def test_pure_noise_raises_nothing(seed: int) -> None:
    found = explore(seen(noise(seed)))
    assert found["interactions"]["found"] == []
    assert found["clusters"] == []


@pytest.mark.parametrize("seed", range(3))
def test_features_that_each_do_their_own_are_no_interaction(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = noise(seed)
    score = rows["n0"].to_numpy() * 1.2 + rows["n1"].to_numpy() - 1.5
    rows = rows.with_columns(answers((draw.random(rows.height) < 1 / (1 + np.exp(-score))).astype(float)))
    assert explore(seen(rows))["interactions"]["found"] == []


def test_a_product_of_two_numbers_is_an_interaction_for_a_number_too() -> None:
    rows = noise(4)
    draw = np.random.default_rng(4)
    rows = rows.with_columns(y=rows["n0"] * rows["n1"] + pl.Series(draw.normal(size=rows.height)))
    (found,) = explore(seen(rows, problem("regression")))["interactions"]["found"]
    assert {found["a"], found["b"]} == {"n0", "n1"}


# Over time.


def dated(n: int = 3000) -> pl.DataFrame:
    draw = np.random.default_rng(9)
    day = np.sort(draw.integers(0, 360, n))
    turned = np.where(day < 180, 1.0, -1.0)
    x = draw.normal(size=n)
    late = draw.random(n) < 1 / (1 + np.exp(-x * turned * 1.5))
    return pl.DataFrame(
        {
            "when": [date(2024, 1, 1) + timedelta(days=int(d)) for d in day],
            "turning": x,
            "still": draw.normal(size=n),
            "drifting": draw.normal(size=n) + day / 90,
            "y": np.where(late, "yes", "no"),
        }
    )


def test_what_moves_and_what_changes_its_meaning_over_time_is_told() -> None:
    found = explore(seen(dated(), problem(time="when")))["over_time"]
    assert found["every"] == "week"
    assert sum(found["rows"]) == 3000
    assert found["moved"][0]["name"] == "drifting"
    assert found["moves"]["still"] < 0.02
    assert found["moves"]["drifting"] > 0.3
    assert [c["name"] for c in found["changed"]] == ["turning"]


def test_without_a_time_there_is_nothing_over_time() -> None:
    assert explore(seen(noise(0)))["over_time"] is None


# Skew and stakes.


def test_a_long_tail_gets_the_gentlest_change_that_takes_it_away() -> None:
    draw = np.random.default_rng(0)
    n = 2000
    rows = pl.DataFrame(
        {
            "even": draw.normal(size=n),
            "squared": draw.normal(8, 3, n) ** 2,
            "lognormal": np.exp(draw.normal(3, 1.2, n)),
            "both ways": draw.standard_t(1.5, n) * np.where(draw.random(n) < 0.9, 1, 40) + 5,
            "mostly_none": np.where(draw.random(n) < 0.8, 0.0, draw.exponential(5, n)),
            "y": ["yes", "no"] * (n // 2),
        }
    )
    told = {s["name"]: s for s in explore(seen(rows))["skewed"]}
    assert "even" not in told
    assert told["squared"]["proposed"] == "square root"
    assert told["lognormal"]["proposed"] == "logarithm"
    assert told["mostly_none"]["proposed"] == "split"
    for one in told.values():
        if one["sql"]:
            changed = rows.sql(f"SELECT {one['sql']} AS v FROM self")["v"]
            assert changed.is_finite().all()
    assert quoted("both ways") == '"both ways"'


def made_by(view: View, *, drop: tuple[str, ...] = (), steps: tuple[str, ...] = (), **made: tuple[str, list[str]]) -> View:
    """made: column to the kind of its step and the columns that it is made of."""
    kinds = {name: kind for name, (kind, _) in made.items()}
    return replace(view, declared=Declared(kinds, {name: of for name, (_, of) in made.items()}, steps, drop))


def test_a_scale_that_a_step_makes_already_is_not_proposed_and_no_name_is_taken_twice() -> None:
    draw = np.random.default_rng(1)
    z, w = np.exp(draw.normal(3, 1.2, 1000)), np.exp(draw.normal(3, 1.2, 1000))
    rows = pl.DataFrame({"z": z, "z_log": np.log1p(z), "z_wide": z * 2, "w": w, "w_log": draw.normal(size=1000), "y": ["yes", "no"] * 500})
    view = made_by(seen(rows, power={"z": 0.6}), z_log=("log", ["z"]), z_wide=("robust_scale", ["z"]), steps=("scales",))
    found = explore(view)
    assert [(s["name"], s.get("made")) for s in found["skewed"]] == [("w", "w_log_2")]
    assert found["scales"] == "scales_2"


def test_a_column_as_it_is_stays_before_one_made_of_it() -> None:
    draw = np.random.default_rng(2)
    x = draw.normal(size=1000)
    rows = pl.DataFrame({"x": x, "x_twice": x * 2, "lat": draw.normal(size=1000), "y": ["yes", "no"] * 500})
    (kept,) = explore(made_by(seen(rows, power={"x": 0.6, "x_twice": 0.601}), x_twice=("sql", ["x"])))["clusters"]
    assert (kept["keep"], kept["why"], kept["drop"], kept["saves"]) == ("x", "made", ["x_twice"], [])


def test_what_the_kept_feature_is_made_of_is_not_dropped_and_a_column_that_goes_is_said_to_be_saved() -> None:
    draw = np.random.default_rng(2)
    x = draw.normal(size=1000)
    rows = pl.DataFrame({"x": x, "better": x * 2, "again": x * 3, "y": ["yes", "no"] * 500})
    (kept,) = explore(made_by(seen(rows, power={"x": 0.6, "better": 0.7, "again": 0.6}), better=("sql", ["x"])))["clusters"]
    assert (kept["keep"], kept["drop"], kept["saves"]) == ("better", ["again"], ["again"])


def test_parts_of_the_calendar_follow_the_date_and_are_no_news() -> None:
    rows = dated().with_columns(month=pl.col("when").dt.month(), to_holiday=pl.col("when").dt.ordinal_day() % 50)
    found = explore(made_by(seen(rows, problem(time="when")), to_holiday=("calendar", ["when"])))["over_time"]
    assert found["dated"] == ["month", "to_holiday"]
    assert found["moved"][0]["name"] == "drifting"
    assert not {"month", "to_holiday"} & {m["name"] for m in found["moved"]}


def test_the_consequence_of_the_balance_is_told_in_payoff() -> None:
    rows = pl.DataFrame({"x": list(range(100)), "y": ["yes"] * 10 + ["no"] * 90})
    told = explore(seen(rows))["stakes"]
    assert {a["action"]: a["earns"]["value"] for a in told["always"]} == pytest.approx({"act": -0.4, "wait": 0.0})
    assert told["best"] == "wait"
    assert told["perfect"]["value"] == pytest.approx(0.5)
    assert {r["label"]: (r["right"], r["worth"]) for r in told["right"]} == {"yes": ("act", 5.0), "no": ("wait", 1.0)}


def test_a_capacity_bounds_what_a_perfect_model_earns() -> None:
    rows = pl.DataFrame({"x": list(range(100)), "y": ["yes"] * 10 + ["no"] * 90})
    policy = {"kind": "top_k", "act": "act", "otherwise": "wait", "rows": 5, "of_rows": 100, "per": None}
    told = explore(seen(rows, problem(policy=policy)))["stakes"]
    assert told["capacity"] == 0.05
    assert told["perfect"]["value"] == pytest.approx(0.25)
    assert told["always"][0]["earns"]["value"] == pytest.approx(-0.02)


# Edges, size and determinism.


@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_whatever_the_columns_hold_the_file_can_be_written(n: int, task: str) -> None:
    draw = np.random.default_rng(n)
    target = {
        "binary": draw.choice(["no", "yes"], n).tolist(),
        "multiclass": draw.choice(["a", "b", "c"], n).tolist(),
        "regression": draw.normal(size=n).tolist(),
    }
    rows = pl.DataFrame(
        {
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
            "no_text": pl.Series([None] * n, dtype=pl.String),
            "one": ["same"] * n,
            "constant": [7] * n,
            "endless": pl.Series([float("inf"), float("-inf"), float("nan"), 1.0, None] * n, dtype=pl.Float64)[:n],
            "huge": draw.normal(size=n) * 1e300,
            "flag": pl.Series(draw.random(n) < 0.5),
            "id": [f"id{k}" for k in range(n)],
            "when": [date(2024, 1, 1) + timedelta(days=k) for k in range(n)],
            "y": target[task],
        }
    )
    json_text(explore(seen(rows, problem(task, time="when"))))


def test_the_same_rows_give_the_same_file_and_a_large_table_is_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.features.explore import view

    monkeypatch.setattr(view, "SAMPLE_ROWS", 700)
    first, again = (explore(seen(noise(1))) for _ in range(2))
    assert json_text(first) == json_text(again)
    assert (first["rows"], first["drawn"]) == (2000, 700)
    assert sum(p["rows"] for p in first["features"][0]["profile"]["parts"]) == 2000


@pytest.mark.slow
def test_hundreds_of_columns_do_not_make_an_endless_file() -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame({f"x{k}": draw.normal(size=500) for k in range(220)} | {"y": np.where(draw.random(500) < 0.4, "yes", "no")})
    found = explore(seen(rows))
    assert len(found["features"]) == 220
    assert found["interactions"]["tried"] == 200 * 199 // 2
    assert len(json_text(found)) < 1_000_000
