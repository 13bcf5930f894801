"""Gaussian naive Bayes: each feature by itself, a bell curve for each class. Source: Hastie, Tibshirani & Friedman (2009), 6.6.3."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.extend import CandidateSpec, Fit, Fitted, Inputs, Range, Space, register


class GaussianBayesSpec(CandidateSpec):
    """Naive Bayes with a bell curve per class for numbers, and the share of each level per class for categories."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass")
    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {"smoothing": Range(1e-3, 1.0, log=True)}
    kind: Literal["gaussian_bayes"]
    smoothing: float = Field(default=0.03, gt=0)
    """Share of a column's overall variance that is added to each class's own; the first trial's value."""


@dataclass(frozen=True)
class GaussianBayes:
    """priors: (k,) shares; means, variances: (k, numbers); shares: for each category (k, levels)."""

    inputs: Inputs
    priors: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    shares: tuple[np.ndarray, ...]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        """(n, k) Float64: the probability of each class."""
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """The same for rows that are a matrix already; a missing value says nothing about any class."""
        told = np.tile(np.log(self.priors), (len(matrix), 1))
        n = len(self.inputs.numeric)
        for i in range(n):
            far = (matrix[:, i, None] - self.means[:, i]) ** 2 / self.variances[:, i]
            told += np.nan_to_num(-0.5 * (np.log(self.variances[:, i]) + far), nan=0.0)
        for i, shares in enumerate(self.shares):
            known = ~np.isnan(matrix[:, n + i])
            told[known] += np.log(shares[:, matrix[known, n + i].astype(int)].T)
        raised = np.exp(told - told.max(axis=1, keepdims=True)) if len(told) else told
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def save(self, folder: Path) -> dict[str, Any]:
        """All of it as JSON; no file is needed."""
        return {
            "family": "gaussian_bayes",
            "inputs": self.inputs.as_json(),
            "priors": self.priors.tolist(),
            "means": self.means.tolist(),
            "variances": self.variances.tolist(),
            "shares": [shares.tolist() for shares in self.shares],
        }


@register("model", "gaussian_bayes")
def load(written: Mapping[str, Any], folder: Path) -> GaussianBayes:
    """Read what save wrote."""
    k = len(written["priors"])
    means, variances = (np.array(written[name], dtype=float).reshape(k, -1) for name in ("means", "variances"))
    return GaussianBayes(Inputs.from_json(written["inputs"]), np.array(written["priors"]), means, variances, tuple(map(np.array, written["shares"])))


@register("candidate", GaussianBayesSpec)
def fit(spec: GaussianBayesSpec, given: Fit) -> Fitted:
    """Means, variances and shares of each class; a class without rows keeps a small prior and the overall figures."""
    values, at = given.train.values, given.train.outcome.astype(int)
    n, k = len(given.inputs.numeric), given.n_classes
    overall_mean, overall_variance = _moments(values[:, :n])
    means, variances = np.tile(overall_mean, (k, 1)), np.tile(overall_variance, (k, 1))
    for label in range(k):
        rows = values[at == label, :n]
        if len(rows):
            means[label], variances[label] = _moments(rows)
    counts = np.bincount(at, minlength=k) + 1.0 / k
    variances = variances + float(given.params["smoothing"]) * overall_variance
    shares = tuple(_shares(values[:, n + i], at, k, len(levels)) for i, levels in enumerate(given.inputs.categorical.values()))
    return Fitted(GaussianBayes(given.inputs, counts / counts.sum(), means, variances, shares))


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each column's known values; 0 and 1 where there is none, a tiny variance where all are the same."""
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / count
    variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count
    return mean, np.where(known.any(axis=0), np.maximum(variance, 1e-9), 1.0)


def _shares(codes: np.ndarray, at: np.ndarray, k: int, levels: int) -> np.ndarray:
    """(k, levels) share of each level in each class, as if each had been seen once more."""
    known = ~np.isnan(codes)
    cells = at[known] * levels + codes[known].astype(int)
    counts = np.bincount(cells, minlength=k * levels).reshape(k, levels) + 1.0
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
