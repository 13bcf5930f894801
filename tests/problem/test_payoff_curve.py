"""Payoff along the policy's number: the point that ships is the best of the curve, and its band is that of a mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from runner.problem.policies import tuning
from runner.problem.policies.payoff_curve import payoff_curve
from runner.problem.policies.tuning import Terms

PAYOFF = {"unit": "EUR", "actions": {"call": {"no": "-1", "yes": "gain"}, "wait": {"no": "0", "yes": "0"}}, "sql": None}
NUMBER = {"unit": "EUR", "actions": None, "sql": "CASE WHEN decision > actual THEN 3 * (actual - decision) ELSE decision - actual END"}
CALLS = Terms({"kind": "threshold", "act": "call", "otherwise": "wait", "label": "yes", "at": None}, PAYOFF, ["no", "yes"], "outcome")


def customers(n: int = 2000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(1)
    yes = draw.random(n)
    outcome = (draw.random(n) < yes).astype(float)
    rows = pl.DataFrame({"gain": np.full(n, 3.0), "outcome": np.array(["no", "yes"])[outcome.astype(int)]})
    return rows, np.column_stack([1 - yes, yes]), outcome


def test_the_threshold_that_ships_stands_on_the_curve_and_no_point_is_above_it() -> None:
    rows, p, outcome = customers()
    tuned = tuning.tune(CALLS, rows, p, outcome)
    curve = payoff_curve(tuned, rows, p, outcome, 0.9)
    assert curve["x"][curve["chosen"]] == tuned.policy["at"]
    assert curve["payoff"][curve["chosen"]] == pytest.approx(max(curve["payoff"]))
    assert curve["x"] == sorted(curve["x"])
    # At the lowest score everything is acted on.
    everything = np.where(outcome == 1, 3.0, -1.0)
    assert curve["payoff"][0] == pytest.approx(everything.mean())
    assert curve["high"][0] - curve["low"][0] == pytest.approx(2 * 1.645 * everything.std(ddof=1) / np.sqrt(len(outcome)), rel=1e-3)


def test_rows_that_belong_together_widen_the_band() -> None:
    rows, p, outcome = customers(300)
    rows, p, outcome = pl.concat([rows] * 4), np.tile(p, (4, 1)), np.tile(outcome, 4)
    tuned = tuning.tune(CALLS, rows, p, outcome)
    apart, together = (payoff_curve(tuned, rows, p, outcome, 0.9, groups) for groups in (None, np.tile(np.arange(300), 4)))
    assert together["high"][0] - together["low"][0] == pytest.approx(2 * (apart["high"][0] - apart["low"][0]), rel=0.02)


def test_a_moved_number_has_a_curve_too() -> None:
    draw = np.random.default_rng(2)
    prediction = draw.uniform(50, 100, 500)
    outcome = prediction + draw.normal(0, 5, 500)
    rows = pl.DataFrame({"outcome": outcome})
    terms = tuning.tune(Terms({"kind": "per_row", "shift": None}, NUMBER, [], "outcome"), rows, prediction.reshape(-1, 1), outcome)
    curve = payoff_curve(terms, rows, prediction.reshape(-1, 1), outcome, 0.9)
    assert curve["of"] == "shift"
    assert curve["payoff"][curve["chosen"]] == max(curve["payoff"])


def test_a_policy_without_a_number_has_no_curve() -> None:
    rows, p, outcome = customers(50)
    assert payoff_curve(replace(CALLS, policy={"kind": "per_row", "shift": None}), rows, p, outcome, 0.9) == {}
