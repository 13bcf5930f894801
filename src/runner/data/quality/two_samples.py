"""Can trees tell two samples of rows apart?

Source: Lopez-Paz & Oquab (2017), Revisiting Classifier Two-Sample Tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.data.quality.errors import FALSE_SHARE, told

ROWS = 10_000
# A smaller AUC is real in large samples, and harmless.
LEAST_AUC, FOLDS, TREES, LEADING = 0.6, 2, 60, 3


@dataclass(frozen=True)
class Apart:
    """auc: 0.5 is chance; leading: the columns that tell the most, at most three; evidence: in words."""

    auc: float
    leading: tuple[str, ...]
    evidence: str


def told_apart(a: pl.DataFrame, b: pl.DataFrame, columns: Sequence[str], seed: int) -> Apart | None:
    """How well trees tell rows of `b` from rows of `a` that they have not seen; None where that is chance, or harmless.

    As many rows of each, at most ROWS; two folds; by the binomial distribution of right answers. The smaller p of the two counts
    twice, which holds whatever the folds share.
    """
    from scipy.stats import binomtest

    n = min(a.height, b.height, ROWS)
    draw = np.random.default_rng(seed)
    rows = pl.concat([s[np.sort(draw.permutation(s.height)[:n]).tolist()] for s in (a.select(columns), b.select(columns))])
    x, y = np.column_stack([_coded(rows[name]) for name in columns]), np.repeat([0, 1], n)
    fold = np.concatenate([draw.permutation(n) % FOLDS for _ in range(2)])
    p, scores, weight = 1.0, np.empty(2 * n), np.zeros(len(columns))
    for k in range(FOLDS):
        out = fold == k
        scores[out], gain = _fitted(x[~out], y[~out], x[out], seed)
        weight += gain
        right = int(((scores[out] > 0.5) == y[out]).sum())
        p = min(p, float(binomtest(right, int(out.sum()), 0.5, alternative="greater").pvalue) * FOLDS)
    auc = float(np.mean([_auc(scores[fold == k], y[fold == k]) for k in range(FOLDS)]))
    if p >= FALSE_SHARE or auc < LEAST_AUC:
        return None
    leading = tuple(columns[at] for at in np.argsort(-weight, kind="stable")[:LEADING] if weight[at] > 0)
    evidence = f"trees tell them apart with an AUC of {auc:.2f} on {2 * n:,} rows they have not seen (0.5 is chance, {told(p)}), most by {', '.join(leading)}"
    return Apart(auc, leading, evidence)


def _auc(scores: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import rankdata

    positive = y == 1
    return float((rankdata(scores)[positive].mean() - (positive.sum() + 1) / 2) / (~positive).sum())


def _coded(values: pl.Series) -> np.ndarray:
    """(n,) Float64: numbers and times as they are, text by how common it is among both; NaN where missing."""
    if values.dtype in (pl.String, pl.Boolean):
        text = values.cast(pl.String).alias("value")
        order = text.drop_nulls().value_counts(name="n").sort(["n", "value"], descending=[True, False]).head(100)["value"].to_list()
        return text.replace_strict(order, list(range(len(order))), default=len(order), return_dtype=pl.Float64).to_numpy()
    return values.to_physical().cast(pl.Float64).to_numpy()


def _fitted(x: np.ndarray, y: np.ndarray, asked: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the second sample for the asked rows, and the gain of each column."""
    import lightgbm

    settings = {
        "objective": "binary",
        "num_leaves": 15,
        "min_data_in_leaf": 20,
        "learning_rate": 0.1,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    names = [f"c{at}" for at in range(x.shape[1])]
    booster = lightgbm.train(settings, lightgbm.Dataset(x, y, feature_name=names, free_raw_data=False), num_boost_round=TREES)
    return np.asarray(booster.predict(asked)), np.asarray(booster.feature_importance("gain"), dtype=float)
