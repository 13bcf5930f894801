"""The gate against a feature that knows the answer: what can each one do alone, out of fold?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from runner.core.gates import AT_MOST, Gate, Status
from runner.features.spec import LeakageSpec

BINS, SMOOTHING = 50, 5.0
CHECK_FOLDS = 5


def single_power(rows: pl.DataFrame, features: Sequence[Mapping[str, str]], outcome: np.ndarray, task: str, fold: np.ndarray) -> dict[str, float]:
    """Feature to what it can do alone, out of fold: AUC (classification, the best class against the rest) or R2.

    rows: (n) with the features' columns; outcome: (n, k) indicators or target; fold: (n,) 0..CHECK_FOLDS-1.
    Each feature is cut into BINS quantiles (or its categories); a bin predicts the other folds' mean outcome in it.
    """
    measure = _r2 if task == "regression" else _auc
    power = {}
    for feature in features:
        column = rows[feature["name"]]
        codes = _codes(column, feature["kind"])
        power[feature["name"]] = max(measure(outcome[:, i], _out_of_fold(codes, outcome[:, i], fold)) for i in range(outcome.shape[1]))
        if task == "regression" and feature["kind"] == "numeric":
            # Bins are too coarse to show an exact copy of a number; its ranks are not.
            power[feature["name"]] = max(power[feature["name"]], _rank_power(column, outcome[:, 0]))
    return power


def gates(power: Mapping[str, float], spec: LeakageSpec, task: str) -> list[Gate]:
    """One gate per suspect (failed, or warned where somebody has signed for it), or a single passed one."""
    measure = "R2" if task == "regression" else "AUC"
    suspects = {name: value for name, value in power.items() if value > spec.max_single_power}
    found = []
    for name, value in sorted(suspects.items(), key=lambda item: -item[1]):
        accepted = spec.accept.get(name)
        evidence = f"{name} alone reaches an out-of-fold {measure} of {value:.3f}: it may know the outcome."
        said = f" Accepted by {accepted.by}: {accepted.reason}" if accepted else _way_out(name)
        status: Status = "warned" if accepted else "failed"
        found.append(Gate(f"leakage: {name}", "features", status, spec.max_single_power, round(value, 4), evidence + said, measure, AT_MOST))
    if not found:
        best = max(power.items(), key=lambda item: item[1], default=("", 0.0))
        evidence = f"the strongest single feature is {best[0]} with an out-of-fold {measure} of {best[1]:.3f}" if power else "there is no feature"
        found.append(Gate("leakage", "features", "passed", spec.max_single_power, round(best[1], 4), evidence, measure, AT_MOST))
    return found


def _way_out(name: str) -> str:
    return (
        f" If it is known only after the event, set data.columns.{name}.available to after_event; to leave it out, add it to features.drop; "
        f"if it is honest, say why and who says so under features.leakage.accept.{name}."
    )


def _codes(column: pl.Series, kind: str) -> np.ndarray:
    """(n,) bin of each value; missing values are a bin of their own."""
    if kind == "categorical":
        return column.cast(pl.String).fill_null("\0").rank("dense").to_numpy().astype(np.int64) - 1
    values = column.cast(pl.Float64).fill_nan(None)
    known = values.drop_nulls().to_numpy()
    ends = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    place = np.searchsorted(ends, values.fill_null(0.0).to_numpy(), side="left")
    return np.where(values.is_null().to_numpy(), len(ends) + 1, place)


def _out_of_fold(codes: np.ndarray, outcome: np.ndarray, fold: np.ndarray) -> np.ndarray:
    n_codes = int(codes.max()) + 1 if len(codes) else 1
    cell = codes * CHECK_FOLDS + fold
    counts = np.bincount(cell, minlength=n_codes * CHECK_FOLDS).reshape(n_codes, CHECK_FOLDS).astype(float)
    sums = np.bincount(cell, weights=outcome, minlength=n_codes * CHECK_FOLDS).reshape(n_codes, CHECK_FOLDS)
    # The prior leaves out the same fold as the cell: a common one would tell each row a little about itself.
    all_counts, all_sums = counts.sum(axis=0), sums.sum(axis=0)
    prior = (all_sums.sum() - all_sums) / np.maximum(all_counts.sum() - all_counts, 1.0)
    rest_counts = counts.sum(axis=1, keepdims=True) - counts
    rest_sums = sums.sum(axis=1, keepdims=True) - sums
    return np.asarray(((rest_sums + SMOOTHING * prior) / (rest_counts + SMOOTHING))[codes, fold])


def _auc(outcome: np.ndarray, guess: np.ndarray) -> float:
    positives = outcome.sum()
    negatives = len(outcome) - positives
    if not positives or not negatives:
        return 0.5
    ranks = pl.Series(guess).rank("average").to_numpy()
    area = (ranks[outcome > 0.5].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    return float(max(area, 1.0 - area))


def _rank_power(column: pl.Series, outcome: np.ndarray) -> float:
    """Squared rank correlation (Spearman 1904) over the rows that have a value, times the share of rows that do."""
    values = column.cast(pl.Float64).fill_nan(None)
    known = values.is_not_null().to_numpy()
    if known.sum() < 3 or values.drop_nulls().n_unique() < 2 or np.ptp(outcome[known]) == 0:
        return 0.0
    r = np.corrcoef(values.drop_nulls().rank("average").to_numpy(), pl.Series(outcome[known]).rank("average").to_numpy())[0, 1]
    return float(r**2 * known.mean())


def _r2(outcome: np.ndarray, guess: np.ndarray) -> float:
    spread = ((outcome - outcome.mean()) ** 2).sum()
    return float(max(0.0, 1.0 - ((outcome - guess) ** 2).sum() / spread)) if spread > 0 else 0.0
