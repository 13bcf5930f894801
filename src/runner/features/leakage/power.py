"""What can each feature do alone, out of fold, and what can its gaps?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from runner.features.leakage.case import FOLDS

BINS, SMOOTHING = 50, 5.0
LEAST_GAPS = 0.01
HUGE = 1e100


def single_power(rows: pl.DataFrame, features: Sequence[Mapping[str, str]], outcome: np.ndarray, task: str, fold: np.ndarray) -> dict[str, float]:
    """Feature to what it can do alone, out of fold: AUC (classification, the best class against the rest) or R2.

    rows: (n) with the features' columns; outcome: (n, k) indicators or target; fold: (n,) 0..FOLDS-1.
    Each feature is cut into BINS quantiles (or its categories); a bin predicts the other folds' mean outcome in it.
    """
    return {name: float(power.max()) for name, power in powers(rows, features, outcome, task, fold).items()}


def powers(rows: pl.DataFrame, features: Sequence[Mapping[str, str]], outcome: np.ndarray, task: str, fold: np.ndarray) -> dict[str, np.ndarray]:
    """As single_power, for each of the outcome's columns: (k,)."""
    measure = r2 if task == "regression" else oriented_auc
    power = {}
    for feature in features:
        column = rows[feature["name"]]
        codes = _codes(column, feature["kind"])
        power[feature["name"]] = np.array([measure(outcome[:, i], _out_of_fold(codes, outcome[:, i], fold)) for i in range(outcome.shape[1])])
        if task == "regression" and feature["kind"] == "numeric":
            # Bins are too coarse to show an exact copy of a number; its ranks are not.
            power[feature["name"]] = np.maximum(power[feature["name"]], _rank_power(column, outcome[:, 0]))
    return power


def gap_powers(rows: pl.DataFrame, names: Sequence[str], outcome: np.ndarray, task: str) -> dict[str, np.ndarray]:
    """Column to (k,) AUC of its gaps; columns with hardly a gap, or hardly a value, are left out.

    For a number it is the chance that a row with a gap has the larger outcome than one without, or the smaller, whichever is larger.
    """
    found = {}
    for name in names:
        gaps = gaps_of(rows[name])
        if LEAST_GAPS <= gaps.mean() <= 1.0 - LEAST_GAPS:
            pairs = [(gaps, y) if task == "regression" else (y, gaps) for y in outcome.T]
            found[name] = np.array([auc(told, guess) for told, guess in pairs])
    return found


def finite(values: pl.Series) -> np.ndarray:
    """(n,) Float64 with the mean where there is no finite value."""
    made = values.cast(pl.Float64).to_numpy()
    known = np.isfinite(made)
    return np.where(known, made, made[known].mean() if known.any() else 0.0)


def tamed(x: np.ndarray) -> np.ndarray:
    """Columns whose squares would not be finite, divided by their largest number: what goes together does so at any scale."""
    largest = np.abs(x).max(axis=0, initial=0.0)
    return np.asarray(x / np.where(largest > HUGE, largest, 1.0))


def gaps_of(values: pl.Series) -> np.ndarray:
    """(n,) 1.0 where there is no value."""
    known = values.fill_nan(None) if values.dtype.is_float() else values
    return known.is_null().cast(pl.Float64).to_numpy()


def _codes(column: pl.Series, kind: str) -> np.ndarray:
    """(n,) bin of each value; missing values are a bin of their own."""
    if kind == "categorical":
        return column.cast(pl.String).fill_null("\0").rank("dense").to_numpy().astype(np.int64) - 1
    values = column.cast(pl.Float64).fill_nan(None)
    known = values.drop_nulls().to_numpy()
    known = known[np.isfinite(known)]
    ends = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    place = np.searchsorted(ends, values.fill_null(0.0).to_numpy(), side="left")
    return np.where(values.is_null().to_numpy(), len(ends) + 1, place)


def _out_of_fold(codes: np.ndarray, outcome: np.ndarray, fold: np.ndarray) -> np.ndarray:
    n_codes = int(codes.max()) + 1 if len(codes) else 1
    cell = codes * FOLDS + fold
    counts = np.bincount(cell, minlength=n_codes * FOLDS).reshape(n_codes, FOLDS).astype(float)
    sums = np.bincount(cell, weights=outcome, minlength=n_codes * FOLDS).reshape(n_codes, FOLDS)
    # The prior leaves out the same fold as the cell: a common one would tell each row a little about itself.
    all_counts, all_sums = counts.sum(axis=0), sums.sum(axis=0)
    prior = (all_sums.sum() - all_sums) / np.maximum(all_counts.sum() - all_counts, 1.0)
    rest_counts = counts.sum(axis=1, keepdims=True) - counts
    rest_sums = sums.sum(axis=1, keepdims=True) - sums
    return np.asarray(((rest_sums + SMOOTHING * prior) / (rest_counts + SMOOTHING))[codes, fold])


def auc(outcome: np.ndarray, guess: np.ndarray) -> float:
    """Area under the ROC curve, of the better direction; 0.5 where there is one class."""
    area = _area(outcome, guess)
    return max(area, 1.0 - area)


def oriented_auc(outcome: np.ndarray, guess: np.ndarray) -> float:
    """Area under the ROC curve of an out-of-fold guess, at least 0.5.

    A guess has a direction. The other folds' mean moves against a row's own outcome, so that of a feature which tells nothing the
    area falls below one half: turned round, a constant would look like a signal.
    """
    return max(0.5, _area(outcome, guess))


def _area(outcome: np.ndarray, guess: np.ndarray) -> float:
    positives = outcome.sum()
    negatives = len(outcome) - positives
    if not positives or not negatives:
        return 0.5
    ranks = pl.Series(guess).rank("average").to_numpy()
    return float((ranks[outcome > 0.5].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _rank_power(column: pl.Series, outcome: np.ndarray) -> float:
    """Squared rank correlation over the rows that have a value, times the share of rows that do."""
    values = column.cast(pl.Float64).fill_nan(None)
    known = values.is_not_null().to_numpy()
    return float(rank_correlation(values.drop_nulls().to_numpy(), outcome[known]) ** 2 * known.mean()) if known.any() else 0.0


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman (1904); 0 where one of them does not vary."""
    if len(a) < 3 or a.min() == a.max() or b.min() == b.max():
        return 0.0
    return float(np.corrcoef(pl.Series(a).rank("average").to_numpy(), pl.Series(b).rank("average").to_numpy())[0, 1])


def r2(outcome: np.ndarray, guess: np.ndarray) -> float:
    """Share of the outcome's variance that the guess explains, at least 0."""
    spread = ((outcome - outcome.mean()) ** 2).sum()
    return float(max(0.0, 1.0 - ((outcome - guess) ** 2).sum() / spread)) if spread > 0 else 0.0
