"""Intervals and sets hold what comes true as often as declared, are fitted on other folds, and survive any numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.bundle.intervals import bounded, strangeness
from runner.problem.policies import conformal
from runner.problem.policies.conformal import FOR_LABELS, FOR_NUMBERS, Declared, Seen
from runner.stats.coverage import held, measured

LABELS = ("a", "b", "c")


def declared(kind: str, coverage: float = 0.9, by: str | None = None, labels: tuple[str, ...] = ()) -> Declared:
    return Declared(coverage, kind, by, labels, "outcome")


def prices(n: int, seed: int, folds: int = 5, uneven: bool = True) -> Seen:
    """Predictions of a skewed outcome that spreads more where it is larger."""
    draw = np.random.default_rng(seed)
    prediction = draw.uniform(1.0, 10.0, n)
    outcome = prediction + (prediction if uneven else 3.0) * (draw.gamma(2.0, 0.3, n) - 0.6)
    rows = pl.DataFrame({"outcome": outcome, "town": draw.choice(["north", "south"], n)})
    return Seen(rows, prediction.reshape(-1, 1), outcome, np.arange(n) % folds)


def kinds_of_loan(n: int, seed: int, folds: int = 5) -> Seen:
    """Right probabilities of three labels, of which one is rare."""
    draw = np.random.default_rng(seed)
    raw = draw.normal(0, 1.5, (n, 3)) + np.array([1.5, 0.5, -2.0])
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    outcome = (p.cumsum(axis=1) < draw.random((n, 1))).sum(axis=1).clip(max=2).astype(float)
    rows = pl.DataFrame({"outcome": np.array(LABELS)[outcome.astype(int)], "town": draw.choice(["north", "south"], n)})
    return Seen(rows, p, outcome, np.arange(n) % folds)


def applied(made: dict[str, Any], later: Seen, labels: tuple[str, ...] = ()) -> pl.DataFrame:
    return bounded(later.rows, later.p, labels, made)


@pytest.mark.parametrize("kind", [*FOR_NUMBERS, "auto"])
@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_new_rows_lie_inside_as_often_as_declared(kind: str, coverage: float) -> None:
    found = np.mean(
        [
            held(applied(conformal.fitted(prices(200, seed), declared(kind, coverage)), later := prices(200, 1000 + seed)), later.rows["outcome"]).mean()
            for seed in range(40)
        ]
    )
    # 40 x 200 rows: four standard errors, of the rows and of the quantiles.
    assert found == pytest.approx(coverage, abs=4 * math.sqrt(2 * coverage * (1 - coverage) / 8000))


@pytest.mark.parametrize("kind", FOR_LABELS)
def test_sets_hold_the_label_at_least_as_often_as_declared(kind: str) -> None:
    shares = []
    for seed in range(40):
        later = kinds_of_loan(200, 1000 + seed)
        made = conformal.fitted(kinds_of_loan(200, seed), declared(kind, labels=LABELS))
        shares.append(held(applied(made, later, LABELS), later.rows["outcome"]).mean())
    assert np.mean(shares) > 0.9 - 4 * math.sqrt(2 * 0.09 / 8000)
    assert np.mean(shares) < 0.93


def test_out_of_fold_coverage_is_that_of_new_rows() -> None:
    seen = prices(4000, 1)
    for kind in FOR_NUMBERS:
        found = measured(conformal.cross_fitted(seen, declared(kind)), seen.rows["outcome"], 0.9, 0.99)
        assert found["status"] == "kept"
        assert found["held"]["low"] < 0.9 < found["held"]["high"]


def test_a_fold_gets_intervals_from_the_others_alone() -> None:
    seen = prices(300, 2)
    moved = np.where(seen.fold == 1, seen.outcome + 100, seen.outcome)
    for kind in ("auto", *FOR_NUMBERS):
        before = conformal.cross_fitted(seen, declared(kind))
        after = conformal.cross_fitted(Seen(seen.rows, seen.p, moved, seen.fold), declared(kind))
        own = pl.Series(seen.fold == 1)
        assert before.filter(own).equals(after.filter(own))
        assert not before.filter(~own).equals(after.filter(~own))


def test_what_may_be_missed_is_shared_between_the_sides_where_signed() -> None:
    seen = prices(4000, 3, uneven=False)
    sides = {kind: measured(conformal.cross_fitted(seen, declared(kind)), seen.rows["outcome"], 0.9, 0.95) for kind in ("absolute", "signed")}
    assert sides["signed"]["below"] == pytest.approx(0.05, abs=0.015)
    assert sides["signed"]["above"] == pytest.approx(0.05, abs=0.015)
    # The outcome is skewed: an interval as far up as down misses on one side alone, and both shares say so.
    assert sides["absolute"]["below"] < 0.01
    assert sides["absolute"]["above"] > 0.08


def test_an_interval_is_wider_where_predictions_err_more_when_that_pays() -> None:
    kind, scores = conformal.chosen(prices(3000, 4), declared("auto"))
    assert kind == "local"
    assert scores["local"]["loss"] < min(scores["absolute"]["loss"], scores["signed"]["loss"])
    made = conformal.fitted(prices(3000, 4), declared("auto"))
    width = [w["high"] - w["low"] for w in bounded(pl.DataFrame({"x": [1, 2]}), np.array([[2.0], [9.0]]), (), made).to_dicts()]
    assert width[1] > 3 * width[0]


def test_what_is_alike_everywhere_stays_simple() -> None:
    draw = np.random.default_rng(5)
    prediction = draw.normal(0, 1, 3000)
    outcome = prediction + draw.normal(0, 1, 3000)
    seen = Seen(pl.DataFrame({"outcome": outcome}), prediction.reshape(-1, 1), outcome, np.arange(3000) % 5)
    assert conformal.chosen(seen, declared("auto"))[0] == "absolute"


def test_each_group_has_the_coverage_by_itself() -> None:
    def towns(seed: int) -> Seen:
        seen = prices(4000, seed, uneven=False)
        far = (seen.rows["town"] == "south").to_numpy()
        outcome = seen.p[:, 0] + (seen.outcome - seen.p[:, 0]) * np.where(far, 10, 1)
        return Seen(seen.rows.with_columns(outcome=outcome), seen.p, outcome, seen.fold)

    later = towns(7)
    for by, least, most in ((None, 0.7, 0.85), ("town", 0.88, 0.92)):
        found = held(applied(conformal.fitted(towns(6), declared("absolute", by=by)), later), later.rows["outcome"])
        assert least < found[(later.rows["town"] == "south").to_numpy()].mean() < most


def test_each_label_has_the_coverage_by_itself_where_the_target_is_the_group() -> None:
    later = kinds_of_loan(20_000, 9)
    rare = later.outcome == 2
    for by, least, most in ((None, 0.0, 0.7), ("outcome", 0.87, 0.95)):
        made = conformal.fitted(kinds_of_loan(20_000, 8), declared("lac", by=by, labels=LABELS))
        assert least < held(applied(made, later, LABELS), later.rows["outcome"])[rare].mean() < most


def test_a_group_that_is_new_or_small_gets_what_all_rows_have() -> None:
    seen = prices(300, 10)
    few = seen.rows.with_columns(town=pl.when(pl.int_range(300) < 5).then(pl.lit("islet")).otherwise("town"))
    made = conformal.fitted(Seen(few, seen.p, seen.outcome, seen.fold), declared("absolute", by="town"))
    assert list(made["groups"]) == ["north", "south"]
    rows = pl.DataFrame({"town": ["islet", "elsewhere", None]})
    alike = bounded(rows, np.full((3, 1), 5.0), (), made)
    assert alike.n_unique() == 1


@pytest.mark.parametrize("n", [1, 5, 8])
def test_so_few_rows_bound_nothing_and_say_so(n: int) -> None:
    seen = prices(n, 11)
    for kind in ("auto", *FOR_NUMBERS):
        found = applied(conformal.fitted(seen, declared(kind)), seen)
        assert found.null_count().row(0) == (n, n)
        assert held(found, seen.rows["outcome"]).all()
    sets = conformal.fitted(kinds_of_loan(n, 1), declared("auto", labels=LABELS))
    assert applied(sets, kinds_of_loan(n, 1), LABELS)["set"].to_list() == [list(LABELS)] * n
    assert measured(found, seen.rows["outcome"], 0.9, 0.95)["unbounded"] == 1.0


NUMBER = st.floats(-1e30, 1e30, allow_nan=False)


@settings(max_examples=60)
@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=60), st.sampled_from([*FOR_NUMBERS, "auto"]), st.integers(1, 4))
def test_any_numbers_give_an_interval_that_is_none_or_has_its_ends_in_order(pairs: list[tuple[float, float]], kind: str, folds: int) -> None:
    values = np.array(pairs)
    seen = Seen(pl.DataFrame({"outcome": values[:, 1]}), values[:, :1], values[:, 1], np.arange(len(values)) % folds)
    for found in (conformal.cross_fitted(seen, declared(kind)), applied(conformal.fitted(seen, declared(kind)), seen)):
        known = found.drop_nulls()
        assert known.select(pl.all().is_finite().all()).row(0) == (True, True)
        assert (known["low"] <= known["high"]).all()


@settings(max_examples=60)
@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=40), st.sampled_from([*FOR_LABELS, "auto"]))
def test_a_set_always_has_the_most_likely_label(shares: list[list[float]], kind: str) -> None:
    p = np.array(shares) + 1e-12
    p /= p.sum(axis=1, keepdims=True)
    outcome = np.arange(len(p)) % 3.0
    seen = Seen(pl.DataFrame({"outcome": np.array(LABELS)[outcome.astype(int)]}), p, outcome, np.arange(len(p)) % 2)
    sets = applied(conformal.fitted(seen, declared(kind, labels=LABELS)), seen, LABELS)["set"]
    assert all(LABELS[i] in found for i, found in zip(p.argmax(axis=1), sets.to_list(), strict=True))


@pytest.mark.parametrize("kind", FOR_LABELS)
def test_a_likelier_label_is_never_stranger(kind: str) -> None:
    p = kinds_of_loan(200, 12).p
    strange = strangeness(p, kind)
    order = np.argsort(-p, axis=1)
    assert (np.diff(np.take_along_axis(strange, order, axis=1), axis=1) >= -1e-15).all()


@pytest.mark.parametrize("by", [None, "town"])
def test_a_row_alone_gets_the_bytes_that_it_gets_among_others(by: str | None) -> None:
    numbers, labelled = prices(120, 13), kinds_of_loan(120, 13)
    for seen, labels, kinds in ((numbers, (), FOR_NUMBERS), (labelled, LABELS, FOR_LABELS)):
        for kind in kinds:
            made = conformal.fitted(seen, declared(kind, by=by, labels=labels))
            together = applied(made, seen, labels)
            alone = [bounded(seen.rows[i], seen.p[i : i + 1], labels, made) for i in range(len(seen.p))]
            assert pl.concat(alone).equals(together)


def test_constant_predictions_have_intervals_too() -> None:
    draw = np.random.default_rng(14)
    outcome = draw.normal(0, 1, 500)
    seen = Seen(pl.DataFrame({"outcome": outcome}), np.zeros((500, 1)), outcome, np.arange(500) % 5)
    for kind in FOR_NUMBERS:
        found = applied(conformal.fitted(seen, declared(kind)), seen)
        assert held(found, seen.rows["outcome"]).mean() == pytest.approx(0.9, abs=0.02)
