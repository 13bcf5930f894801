"""A linear model on standardised numbers and one-hot levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.models.links import answered
from runner.core.registry import register

CALL_MS = 0.1  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class Design:
    """How a matrix becomes the design of a linear model.

    fills, means, scales: per numeric column: the median put where a value is missing, and the standardisation.
    A missing value also switches on a column of its own; an unknown level switches on none.
    """

    inputs: Inputs
    fills: np.ndarray
    means: np.ndarray
    scales: np.ndarray

    @classmethod
    def learn(cls, inputs: Inputs, matrix: np.ndarray) -> Design:
        n = len(inputs.numeric)
        numbers = np.where(np.isnan(matrix[:, :n]), np.nan, matrix[:, :n])
        empty = np.isnan(numbers).all(axis=0) if len(numbers) else np.ones(n, bool)
        fills = np.where(empty, 0.0, np.nanmedian(np.where(empty, 0.0, numbers), axis=0)) if n else np.zeros(0)
        filled = np.where(np.isnan(numbers), fills, numbers)
        means, scales = _moments(filled)
        return cls(inputs, fills, means, np.where(scales > 1e-12, scales, 1.0))

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) Float64: standardised numbers, missing flags, one column per known level."""
        n = len(self.inputs.numeric)
        gaps = np.isnan(matrix[:, :n])
        # Far outliers are cut at ten standard deviations: one typing error must not swing a prediction.
        numbers = np.clip((np.where(gaps, self.fills, matrix[:, :n]) - self.means) / self.scales, -10.0, 10.0)
        parts = [numbers, gaps.astype(float)]
        for i, levels in enumerate(self.inputs.categorical.values()):
            parts.append((matrix[:, n + i, None] == np.arange(len(levels))).astype(float))
        return np.concatenate(parts, axis=1)

    @property
    def places(self) -> list[list[int]]:
        """The columns of the design that each input became, in the order of the inputs."""
        n = len(self.inputs.numeric)
        places, start = [[i, n + i] for i in range(n)], 2 * n
        for levels in self.inputs.categorical.values():
            places.append(list(range(start, start + len(levels))))
            start += len(levels)
        return places

    @property
    def names(self) -> list[str]:
        numeric = list(self.inputs.numeric)
        levels = [f"{c}={v}" for c, known in self.inputs.categorical.items() for v in known]
        return [*numeric, *[f"{c} missing" for c in numeric], *levels]


def _moments(filled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) means and standard deviations of columns, finite even where squares or sums of the numbers are not."""
    with np.errstate(over="ignore", invalid="ignore"):
        means, scales = filled.mean(axis=0), filled.std(axis=0)
    huge = ~(np.isfinite(means) & np.isfinite(scales))
    if huge.any():
        largest = np.abs(filled[:, huge]).max(axis=0)
        shrunk = filled[:, huge] / largest
        means[huge], scales[huge] = shrunk.mean(axis=0) * largest, shrunk.std(axis=0) * largest
    return means, scales


def in_order(columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The product, added up in a fixed order; that of BLAS may change its last bits with the number of threads."""
    return np.asarray(np.einsum("ij,jk->ik", columns, weights, optimize=False))


@dataclass(frozen=True)
class LinearModel:
    """weights: (width, k); offsets: (k,). link: 'logistic' (k = 1, positive second), 'softmax' or 'identity'."""

    design: Design
    weights: np.ndarray
    offsets: np.ndarray
    link: str

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.design.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        return answered(in_order(self.design.columns(matrix), self.weights) + self.offsets, self.link)

    def importance(self, values: np.ndarray) -> Importance:
        """How far each feature spreads the score over the rows: the standard deviation of what its columns add."""
        columns = self.design.columns(values)
        added = (in_order(columns[:, own], self.weights[own]) for own in self.design.places)
        spreads = [part.std(axis=0).mean() for part in added]
        return Importance.of("how far the feature spreads the score over the training rows", self.design.inputs.names, np.array(spreads))

    def latency_ms(self) -> float:
        """A handful of array operations on few numbers."""
        return CALL_MS

    def save(self, folder: Path) -> dict[str, Any]:
        return {
            "family": "linear",
            "link": self.link,
            "inputs": self.design.inputs.as_json(),
            "fills": self.design.fills.tolist(),
            "means": self.design.means.tolist(),
            "scales": self.design.scales.tolist(),
            "names": self.design.names,
            "weights": self.weights.tolist(),
            "offsets": self.offsets.tolist(),
        }


@register("model", "linear")
def load(written: Mapping[str, Any], folder: Path) -> LinearModel:
    """Read what save wrote."""
    design = Design(Inputs.from_json(written["inputs"]), np.array(written["fills"]), np.array(written["means"]), np.array(written["scales"]))
    offsets = np.array(written["offsets"])
    return LinearModel(design, np.array(written["weights"], dtype=float).reshape(-1, len(offsets)), offsets, written["link"])
