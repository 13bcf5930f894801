"""The tables behind the pictures: calibration, payoff by share, residuals."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from runner.evaluation import curves
from runner.evaluation.candidates import Judged, Outcomes

PAYOFF = {"unit": "EUR", "actions": {"call": {"no": "-1", "yes": "gain"}, "wait": {"no": "0", "yes": "0"}}}
PROBLEM = {"rule_act": "call", "target": "outcome"}


def test_calibration_counts_every_row_once_in_order_of_the_score() -> None:
    p = np.random.default_rng(0).random(103)
    table = curves.calibration(p, (p > 0.5).astype(float))
    assert table["rows"].sum() == 103
    assert table["predicted"].is_sorted()
    assert (table["rows"] * table["observed"]).sum() == pytest.approx((p > 0.5).sum())


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_rows_make_few_points(n: int) -> None:
    assert curves.calibration(np.full(n, 0.5), np.ones(n)).height == n
    assert curves.residuals(np.full(n, 0.5), np.ones(n)).height == n


def test_a_right_score_has_hardly_any_calibration_error() -> None:
    draw = np.random.default_rng(1)
    p = draw.random(20000)
    hit = (draw.random(20000) < p).astype(float)
    assert curves.calibration_error(curves.calibration(p, hit)) < 0.02
    assert curves.calibration_error(curves.calibration(p, 1 - hit)) == pytest.approx(0.5, abs=0.02)
    assert curves.calibration_error(curves.calibration(np.zeros(0), np.zeros(0))) == 0.0


def judged(yes: np.ndarray, outcome: np.ndarray) -> Judged:
    rows = pl.DataFrame({"gain": np.full(len(yes), 3.0), "outcome": np.array(["no", "yes"])[outcome]})
    p = np.column_stack([1 - yes, yes])
    return Judged(rows, {"trees": Outcomes(p, rows["outcome"], yes, yes, 1)}, ["no", "yes"])


def test_payoff_by_share_begins_with_nobody_and_ends_with_everybody() -> None:
    table = curves.payoff_by_share(judged(np.array([0.1, 0.9, 0.5, 0.4]), np.array([0, 1, 1, 0])), "trees", PROBLEM, PAYOFF)
    assert table["share"].to_list() == [0.0, 0.25, 0.5, 0.75, 1.0]
    # Called in the order yes, yes, no, no: +3, +3, -1, -1 over four rows.
    assert table["payoff_per_row"].to_list() == [0.0, 0.75, 1.5, 1.25, 1.0]


def test_payoff_by_share_has_at_most_as_many_points_as_asked_for() -> None:
    draw = np.random.default_rng(2)
    table = curves.payoff_by_share(judged(draw.random(1000), draw.integers(0, 2, 1000)), "trees", PROBLEM, PAYOFF, points=20)
    assert table.height == 21
    assert table["share"].is_sorted()


def test_residuals_show_the_spread_of_what_came_true() -> None:
    draw = np.random.default_rng(3)
    prediction = draw.uniform(0, 100, 5000)
    table = curves.residuals(prediction, prediction + draw.normal(0, 1, 5000))
    assert table.height == 10
    assert np.allclose(table["actual_p50"], table["predicted"], atol=1.0)
    assert (table["actual_p10"] < table["actual_p50"]).all()
    assert (table["actual_p50"] < table["actual_p90"]).all()
