"""Money with its uncertainty."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from runner.monitoring.binning import learn
from runner.monitoring.estimate import change_of_payoff, loss_of_shift, on_labels, on_scores
from runner.monitoring.profile import BinMeans, ColumnProfile, profile


def column_with_payoff(slope: float) -> ColumnProfile:
    """A standard normal column whose payoff rises by `slope` a unit."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20_000)
    values = pl.Series(x)
    bins = learn(values)
    coded = bins.code(values)
    return profile("x", "feature", values, bins, coded).with_money(coded, slope * x + rng.standard_normal(len(x)))


def test_a_realised_mean_has_a_student_interval() -> None:
    found = on_labels(np.array([1.0, 2.0, 3.0]), "EUR per row")
    assert found["value"] == 2.0
    # The 97.5% quantile of Student with 2 degrees, 4.303, times the standard error of 0.577.
    assert (found["low"], found["high"]) == (pytest.approx(-0.484, abs=1e-3), pytest.approx(4.484, abs=1e-3))


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_labels_give_no_bounds_and_say_why(n: int) -> None:
    found = on_labels(np.ones(n), "EUR per row")
    assert found["low"] is None
    assert found["why"]


def test_scores_that_promise_too_much_out_of_fold_are_corrected() -> None:
    bin = np.repeat([0, 1], 500)
    expected = np.where(bin == 0, 1.0, 5.0)
    residual = BinMeans.of(bin, np.where(bin == 0, -0.5, -2.0), 3)
    only_high = on_scores(np.full(100, 5.0), np.ones(100, dtype=int), residual, "EUR per row")
    assert only_high["value"] == pytest.approx(3.0)
    assert only_high["low"] < 3.0 < only_high["high"]
    assert on_scores(expected, bin, residual, "EUR per row")["value"] == pytest.approx(3.0 - 1.25)


def test_a_shift_is_priced_by_the_payoffs_of_the_bins_it_moves_rows_to() -> None:
    column = column_with_payoff(10.0)
    shifted = np.random.default_rng(1).standard_normal(5000) - 0.3
    coded = column.bins.code(pl.Series(shifted))
    found = change_of_payoff(column, np.bincount(coded.bin, minlength=column.bins.n + 1), 100.0, "EUR per month")
    assert found["low"] < -300.0 < found["high"]
    assert found["high"] < 0.0


def test_a_column_that_payoff_does_not_depend_on_costs_nothing_for_sure() -> None:
    column = column_with_payoff(0.0)
    found = loss_of_shift(column, 0.3, 1.0, "EUR per row")
    assert abs(found["value"]) < 0.05


def test_the_larger_loss_of_the_two_directions_is_told() -> None:
    for slope in (10.0, -10.0):
        found = loss_of_shift(column_with_payoff(slope), 0.1, 1.0, "EUR per row")
        assert found["value"] == pytest.approx(1.0, abs=0.15)
        assert found["low"] < found["value"] < found["high"]


def test_money_that_no_number_can_hold_is_unknown_and_says_so() -> None:
    huge = np.array([1e308, 1e308, -1e308, 1.0])
    for found in (on_labels(huge, "EUR"), on_labels(np.array([np.inf, 1.0]), "EUR"), on_scores(huge, np.zeros(4, dtype=int), promised(1e308), "EUR")):
        assert found["low"] is None
        assert found["why"]
        assert found["value"] is None or np.isfinite(found["value"])
    assert on_labels(np.full(3, 1e308), "EUR")["value"] == pytest.approx(1e308)


def promised(residual: float) -> BinMeans:
    return BinMeans(np.array([10.0, 10.0]), np.array([residual, residual]), np.array([1.0, 1.0]))


def test_a_bin_whose_money_is_too_large_counts_as_one_whose_money_is_not_known() -> None:
    found = BinMeans.of(np.array([0, 0, 1, 1]), np.array([1e308, 1e308, 1.0, 3.0]), 3)
    assert found.rows.tolist() == [0.0, 2.0, 0.0]
    assert found.mean.tolist() == [0.0, 2.0, 0.0]


@pytest.mark.parametrize("slope", [1e307, 8e307])
def test_a_price_too_large_for_a_number_is_unknown(slope: float) -> None:
    column = replace(column_with_payoff(1.0), payoff=None)
    payoff = BinMeans(np.full(column.bins.n + 1, 50.0), np.linspace(-slope, slope, column.bins.n + 1), np.zeros(column.bins.n + 1))
    moved = np.zeros(column.bins.n + 1)
    moved[0] = 100.0
    for found in (change_of_payoff(replace(column, payoff=payoff), moved, 1e6, "EUR"), loss_of_shift(replace(column, payoff=payoff), 1.0, 1e6, "EUR")):
        assert found["low"] is None
        assert found["why"]
