"""The field's scores of predictions, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from runner.stats.bootstrap import Resampled, resampled_means
from runner.stats.intervals import Interval, interval, unknown

EDGE = 1e-15
SCORES = {
    "binary": ("log_loss", "brier", "accuracy", "roc_auc"),
    "multiclass": ("log_loss", "brier", "accuracy"),
    "regression": ("rmse", "mae", "r2"),
}


def score_intervals(
    task: str,
    actual: pl.Series,
    predictions: np.ndarray,
    labels: Sequence[str],
    positive: str | None,
    confidence: float,
    draws: int,
    seed: int,
    groups: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Metric to interval.

    actual: (n,) labels (String) or numbers; predictions: (n, k) probabilities in the order of labels, or (n, 1);
    groups: (n,) codes of rows that belong together.
    Classification: log_loss, brier, accuracy, and for binary roc_auc. Regression: rmse, mae, r2.
    """
    if task == "regression":
        return _regression(actual.cast(pl.Float64).to_numpy(), predictions[:, 0], confidence, draws, seed, groups)
    at = actual.cast(pl.Enum(list(labels))).to_physical().to_numpy()
    hit = (np.arange(len(labels)) == at[:, None]).astype(float)
    own = np.clip(predictions[np.arange(len(at)), at], EDGE, 1.0)
    brier = ((predictions - hit) ** 2).sum(axis=1) / (2.0 if len(labels) == 2 else 1.0)
    parts = {"log_loss": -np.log(own), "brier": brier, "accuracy": (predictions.argmax(axis=1) == at).astype(float)}
    drawn = Resampled.of(parts, draws, seed, groups)
    scores = {name: drawn.mean(name, confidence, "") for name in parts}
    if task == "binary" and positive is not None:
        scores["roc_auc"] = auc_interval(actual.to_numpy() == positive, predictions[:, list(labels).index(positive)], confidence, groups)
    return scores


def auc_interval(positive: np.ndarray, score: np.ndarray, confidence: float, groups: np.ndarray | None = None) -> Interval:
    """Area under the ROC curve with its interval by DeLong's variance, or by Obuchowski's where rows belong together.

    positive: (n,) Boolean; score: (n,) Float64, ties count half; groups: (n,) codes.
    Sources: DeLong, DeLong & Clarke-Pearson (1988); fast form by Sun & Xu (2014); Obuchowski (1997) for groups.
    """
    from scipy.stats import norm, rankdata

    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        return unknown(None, confidence, "", f"{m} positive and {n} negative rows")
    ranks = rankdata(score)
    within_positive, within_negative = rankdata(score[positive]), rankdata(score[~positive])
    area = (ranks[positive].sum() - m * (m + 1) / 2) / (m * n)
    v_positive = (ranks[positive] - within_positive) / n
    v_negative = 1.0 - (ranks[~positive] - within_negative) / m
    if groups is None:
        deviation = float(np.sqrt(v_positive.var(ddof=1) / m + v_negative.var(ddof=1) / n))
    else:
        deviation = _deviation_by_group(positive, (v_positive - area) / m, (v_negative - area) / n, groups)
    reach = float(norm.ppf(0.5 + confidence / 2)) * deviation
    return interval(float(area), max(0.0, float(area) - reach), min(1.0, float(area) + reach), confidence, "")


def _deviation_by_group(positive: np.ndarray, of_positive: np.ndarray, of_negative: np.ndarray, groups: np.ndarray) -> float:
    """Standard deviation of the area, from what each row adds to it: within a group these are summed before they are squared."""
    share = np.empty(len(positive))
    share[positive], share[~positive] = of_positive, of_negative
    summed = np.bincount(np.unique(groups, return_inverse=True)[1], weights=share)
    return float(np.sqrt((summed**2).sum() * len(summed) / max(1, len(summed) - 1)))


def _regression(actual: np.ndarray, predicted: np.ndarray, confidence: float, draws: int, seed: int, groups: np.ndarray | None) -> dict[str, Interval]:
    error = actual - predicted
    if len(error) < 2:
        return {name: unknown(None, confidence, "", f"only {len(error)} rows") for name in ("rmse", "mae", "r2")}
    if groups is not None and np.ptp(groups) == 0:
        return {name: unknown(None, confidence, "", "all rows belong to one group") for name in ("rmse", "mae", "r2")}
    # Around the mean, or the square of a large target would leave no digits for its spread.
    centred, variance = actual - actual.mean(), float(actual.var())
    means = resampled_means(np.column_stack([error**2, np.abs(error), centred, centred**2]), draws, seed, groups)
    scores = {
        "rmse": _between(float(np.sqrt(np.mean(error**2))), np.sqrt(means[:, 0]), confidence),
        "mae": _between(float(np.mean(np.abs(error))), means[:, 1], confidence),
    }
    if variance == 0:
        return {**scores, "r2": unknown(None, confidence, "", "the target never varies")}
    # A draw in which the target happens not to vary counts as a very bad one, not as an infinite one.
    spread = np.maximum(means[:, 3] - means[:, 2] ** 2, variance * 1e-12)
    return {**scores, "r2": _between(float(1.0 - np.mean(error**2) / variance), 1.0 - means[:, 0] / spread, confidence)}


def _between(value: float, drawn: np.ndarray, confidence: float) -> Interval:
    tail = (1.0 - confidence) / 2.0
    return interval(value, float(np.quantile(drawn, tail)), float(np.quantile(drawn, 1 - tail)), confidence, "")
