"""Money: what a window earns, with labels or without, and what a moved column costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.monitoring import amounts
from runner.monitoring.profile import BinMeans, ColumnProfile

Interval = dict[str, Any]
CONFIDENCE = 0.95
Z = 1.96
TOO_LARGE = "amounts are larger than a number can hold"
# Sums of such amounts are told as unknown by `around`; numpy need not say so too.
QUIET = np.errstate(over="ignore", invalid="ignore")
WIDENED = 1.3
"""Factor that made the label-free interval hold over re-drawn models in simulations."""


def unknown(unit: str, why: str, value: float | None = None) -> Interval:
    """An interval without bounds, and the reason."""
    return {"value": None if value is None else amounts.finite(value), "low": None, "high": None, "confidence": CONFIDENCE, "unit": unit, "why": why}


def around(value: float, half: float, unit: str) -> Interval:
    """A symmetric interval; unknown where its value or its ends are larger than a number can hold."""
    if not np.isfinite([value, value - half, value + half]).all():
        return unknown(unit, TOO_LARGE, value)
    return {"value": value, "low": value - half, "high": value + half, "confidence": CONFIDENCE, "unit": unit}


def on_labels(payoff: np.ndarray, unit: str) -> Interval:
    """Mean realised payoff per row with its Student interval. payoff: (n,) of the rows whose label is known."""
    n = len(payoff)
    if n < 2:
        return unknown(unit, f"{n} labelled row: no spread is known" if n else "no row has a label", float(payoff[0]) if n else None)
    from scipy.special import stdtrit

    centre, spread = amounts.mean(payoff), amounts.sd(payoff, ddof=1)
    if centre is None or spread is None:
        return unknown(unit, TOO_LARGE, centre)
    return around(centre, float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2.0)) * spread / float(np.sqrt(n)), unit)


@QUIET
def on_scores(expected: np.ndarray, bin: np.ndarray, residual: BinMeans, unit: str) -> Interval:
    """Mean payoff per row without labels: what the scores expect, corrected by how expectation and truth differed out of
    fold among rows expected to earn alike (doubly robust over the bins of the expected payoff).

    expected: (n,) of the window; bin: (n,) its bins; residual: realised less expected payoff by bin in the reference.
    The half width adds the distance to the uncorrected estimate and is widened; it holds while the relation of features to
    outcome holds, and says nothing of a window in which that changed.
    """
    n, usual = len(expected), amounts.mean(expected)
    if usual is None:
        return unknown(unit, TOO_LARGE)
    if residual.rows.sum() == 0:
        return unknown(unit, "the reference has no realised payoff to correct with", usual)
    overall = float((residual.rows * residual.mean).sum() / residual.rows.sum())
    # A bin without reference rows is corrected as the rows are on the whole.
    correction = np.where(residual.rows > 0, residual.mean, overall)
    share = np.bincount(bin, minlength=len(residual.rows)) / n
    value = usual + float((share * correction).sum())
    learned_error = float((share**2 * residual.variance / np.maximum(residual.rows, 1.0)).sum())
    outcome_noise = float((share * residual.variance).sum()) / n
    disagreement = value - (usual + overall)
    half = WIDENED * float(np.hypot(Z * np.sqrt(learned_error + outcome_noise), disagreement))
    if n < 2:
        return unknown(unit, "1 row: one outcome can be anything", value)
    return around(value, half, unit)


@QUIET
def change_of_payoff(column: ColumnProfile, counts: np.ndarray, period_rows: float, unit: str) -> Interval:
    """Payoff of a period that goes with a column's new distribution, were payoffs by bin as they were out of fold.

    counts: (k + 1,) rows of the window per bin. Negative is a loss.
    """
    if column.payoff is None:
        return unknown(unit, "payoff is not attributed to this column")
    before = column.counts / max(column.counts.sum(), 1)
    now = counts / max(counts.sum(), 1)
    return _attributed(column.payoff, before, now, float(counts.sum()), period_rows, unit)


def _attributed(payoff: BinMeans, before: np.ndarray, now: np.ndarray, n: float, period_rows: float, unit: str) -> Interval:
    moved = now - before
    known = payoff.rows > 1
    if moved[~known].sum() > 0.01:
        return unknown(unit, "the rows moved to values that the reference has no payoff of")
    value = float((moved * payoff.mean)[known].sum())
    variance = float((moved**2 * payoff.variance / np.maximum(payoff.rows, 1.0))[known].sum())
    if np.isfinite(n):
        mean = float((now * payoff.mean).sum())
        variance += float((now * (payoff.mean - mean) ** 2).sum()) / n
    half = Z * float(np.sqrt(variance))
    return around(value * period_rows, half * period_rows, unit)


@QUIET
def loss_of_shift(column: ColumnProfile, shift: float, period_rows: float, unit: str) -> Interval:
    """The larger loss of a period (a positive number) if an ordered column moved up or down by `shift` reference sd."""
    if column.payoff is None:
        return unknown(unit, "payoff is not attributed to this column")
    before = column.counts / max(column.counts.sum(), 1)
    changes = [_attributed(column.payoff, before, _tilted(column, sign * shift), np.inf, period_rows, unit) for sign in (1.0, -1.0)]
    worst = min(changes, key=lambda change: float(change["value"] if change["value"] is not None else np.inf))
    if worst["low"] is None:
        return worst
    return {**worst, "value": -worst["value"], "low": -worst["high"], "high": -worst["low"]}


def _tilted(column: ColumnProfile, shift: float) -> np.ndarray:
    """(k + 1,) shares after an exponential tilt, which moves the mean normal score by about `shift`."""
    weight = column.share * np.exp(shift * column.normal_scores)
    present = column.counts[:-1].sum() / max(column.counts.sum(), 1)
    return np.append(weight / weight.sum() * present, 1.0 - present)
