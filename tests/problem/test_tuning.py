"""A policy's free number is set to what earns most out of fold, and each fold is decided by the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.bundle.payoff import realised
from runner.problem.policies import tuning
from runner.problem.policies.tuning import Terms

PAYOFF: dict[str, Any] = {"unit": "EUR", "actions": {"call": {"no": "-1", "yes": "gain"}, "wait": {"no": "0", "yes": "0"}}, "sql": None}
NUMBER: dict[str, Any] = {"unit": "EUR", "actions": None, "sql": "CASE WHEN decision > actual THEN 3 * (actual - decision) ELSE decision - actual END"}


def threshold(at: float | None = None, payoff: dict[str, Any] = PAYOFF) -> Terms:
    return Terms({"kind": "threshold", "act": "call", "otherwise": "wait", "label": "yes", "at": at}, payoff, ["no", "yes"], "outcome")


def customers(n: int, seed: int) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Rows, (n, 2) probabilities that are right, (n,) outcomes."""
    draw = np.random.default_rng(seed)
    yes = draw.random(n)
    outcome = (draw.random(n) < yes).astype(float)
    rows = pl.DataFrame({"gain": np.full(n, 3.0), "outcome": np.array(["no", "yes"])[outcome.astype(int)]})
    return rows, np.column_stack([1 - yes, yes]), outcome


def earned(terms: Terms, rows: pl.DataFrame, p: np.ndarray) -> float:
    decided = tuning.earn(terms, rows, p, None, [])
    return float(realised(rows, terms.payoff, decided["decision"], rows["outcome"]).sum())


def test_the_tuned_threshold_is_near_the_break_even_of_a_right_score() -> None:
    rows, p, outcome = customers(20000, 1)
    # Calling costs 1 and earns 3: worth it from a quarter upward.
    assert tuning.tune(threshold(), rows, p, outcome).policy["at"] == pytest.approx(0.25, abs=0.03)


def test_no_other_threshold_earns_more_on_the_rows_it_was_tuned_on() -> None:
    for seed in range(5):
        rows, p, outcome = customers(60, seed)
        p = np.round(p, 1)
        tuned = earned(tuning.tune(threshold(), rows, p, outcome), rows, p)
        assert tuned == pytest.approx(max(earned(threshold(at), rows, p) for at in np.linspace(-0.05, 1.05, 23)))


def test_a_cut_between_neighbouring_floats_acts_on_the_upper_one_alone() -> None:
    low = 0.1
    high = float(np.nextafter(low, 1.0))
    p = np.array([[1 - low, low], [1 - high, high]])
    rows = pl.DataFrame({"gain": [3.0, 3.0], "outcome": ["no", "yes"]})
    at = tuning.tune(threshold(), rows, p, np.array([0.0, 1.0])).policy["at"]
    assert [low >= at, high >= at] == [False, True]


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_nothing_is_acted_on_when_acting_only_costs(score: float) -> None:
    rows, _, _ = customers(20, 3)
    rows = rows.with_columns(outcome=pl.lit("no"))
    p = np.column_stack([np.full(20, 1 - score), np.full(20, score)])
    tuned = tuning.tune(threshold(), rows, p, np.zeros(20))
    assert tuning.earn(tuned, rows, p, None, [])["decision"].unique().to_list() == ["wait"]


def test_everything_is_acted_on_when_acting_always_pays() -> None:
    rows, p, _ = customers(20, 3)
    tuned = tuning.tune(threshold(), rows.with_columns(outcome=pl.lit("yes")), p, np.ones(20))
    assert tuning.earn(tuned, rows, p, None, [])["decision"].unique().to_list() == ["call"]


def test_a_declared_threshold_is_left_alone() -> None:
    rows, p, outcome = customers(100, 4)
    assert tuning.tune(threshold(0.9), rows, p, outcome) == threshold(0.9)


def test_a_fold_is_decided_by_the_others_alone() -> None:
    rows, p, outcome = customers(300, 5)
    fold = np.arange(300) % 3
    before = tuning.cross_fitted(threshold(), rows, p, outcome, fold, None)
    turned = np.where(fold == 0, 1 - outcome, outcome)
    relabelled = rows.with_columns(outcome=pl.Series(np.array(["no", "yes"])[turned.astype(int)]))
    after = tuning.cross_fitted(threshold(), relabelled, p, turned, fold, None)
    own = pl.Series(fold == 0)
    assert before.filter(own)["decision"].equals(after.filter(own)["decision"])


def test_cross_fitting_keeps_the_order_of_rows() -> None:
    rows, p, outcome = customers(90, 6)
    fold = np.arange(90) % 3
    decided = tuning.cross_fitted(threshold(0.5), rows, p, outcome, fold, None)
    assert decided["decision"].to_list() == ["call" if share >= 0.5 else "wait" for share in p[:, 1]]
    assert decided["payoff"].to_list() == [0.0 if d == "wait" else 3.0 if o else -1.0 for d, o in zip(decided["decision"], outcome, strict=True)]


def test_a_number_is_moved_towards_the_cheaper_side() -> None:
    draw = np.random.default_rng(7)
    prediction = draw.uniform(50, 100, 2000)
    outcome = prediction + draw.normal(0, 5, 2000)
    terms = Terms({"kind": "per_row", "shift": None}, NUMBER, [], "outcome")
    rows = pl.DataFrame({"outcome": outcome})
    # Too high costs three times as much as too low: the best is the lower quarter of the errors.
    assert tuning.tune(terms, rows, prediction.reshape(-1, 1), outcome).policy["shift"] == pytest.approx(np.quantile(outcome - prediction, 0.25), abs=0.5)


def test_a_number_is_expected_to_earn_what_it_then_earns() -> None:
    draw = np.random.default_rng(8)
    prediction = draw.uniform(50, 100, 4000)
    outcome = prediction + draw.normal(0, 5, 4000)
    rows = pl.DataFrame({"outcome": outcome})
    terms = Terms({"kind": "per_row", "shift": None}, NUMBER, [], "outcome")
    told = tuning.cross_fitted(terms, rows, prediction.reshape(-1, 1), outcome, np.arange(4000) % 4, None)
    assert told["expected_payoff"].mean() == pytest.approx(told["payoff"].mean(), abs=0.5)
