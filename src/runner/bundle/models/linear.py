"""A linear model on standardised numbers and one-hot levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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

    fills, means, scales: per numeric column: the median put where a value is missing, and the standardisation;
    kept: per categorical column the positions of the levels that have a column of their own, None where all have one.
    A missing value, or one that is not finite, also switches on a column of its own; a level without one switches on none.
    """

    inputs: Inputs
    fills: np.ndarray
    means: np.ndarray
    scales: np.ndarray
    kept: tuple[tuple[int, ...], ...] | None = None

    @classmethod
    def learn(cls, inputs: Inputs, matrix: np.ndarray, most_levels: int | None = None) -> Design:
        """most_levels: columns for levels, at most; the levels that most rows have get them."""
        n = len(inputs.numeric)
        known = np.isfinite(matrix[:, :n])
        empty = ~known.any(axis=0)
        numbers = np.where(known, matrix[:, :n], np.nan)
        fills = np.where(empty, 0.0, np.nanmedian(np.where(empty, 0.0, numbers), axis=0)) if n and len(numbers) else np.zeros(n)
        means, scales = _moments(np.where(known, numbers, fills))
        return cls(inputs, fills, means, np.where(scales > 1e-12, scales, 1.0), _most_common(inputs, matrix[:, n:], most_levels))

    @property
    def levels(self) -> list[np.ndarray]:
        """Per categorical column the positions of the levels that have a column."""
        if self.kept is not None:
            return [np.array(own, np.int64) for own in self.kept]
        return [np.arange(len(levels)) for levels in self.inputs.categorical.values()]

    def numbers(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, numeric) Float64 standardised, and whether each one is missing."""
        own = matrix[:, : len(self.inputs.numeric)]
        gaps = ~np.isfinite(own)
        # Far outliers are cut at ten standard deviations: one typing error must not swing a prediction.
        return np.clip((np.where(gaps, self.fills, own) - self.means) / self.scales, -10.0, 10.0), gaps

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) Float64: standardised numbers, missing flags, one column per level."""
        numbers, gaps = self.numbers(matrix)
        parts = [numbers, gaps.astype(float)]
        for i, levels in enumerate(self.levels):
            parts.append((matrix[:, len(self.inputs.numeric) + i, None] == levels).astype(float))
        return np.concatenate(parts, axis=1)

    def scores(self, matrix: np.ndarray, weights: np.ndarray, tables: Sequence[np.ndarray]) -> np.ndarray:
        """(n, k) what the columns add up to, in a fixed order and without a column per level. weights: (width, k), tables: of these."""
        numbers, gaps = self.numbers(matrix)
        found = in_order(np.concatenate([numbers, gaps], axis=1), weights[: 2 * numbers.shape[1]])
        for i, table in enumerate(tables):
            found += table[self._looked_up(matrix, i, table)]
        return found

    def added(self, matrix: np.ndarray, weights: np.ndarray, tables: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
        """(n, k) what each input adds to the scores, in the order of the inputs."""
        numbers, gaps = self.numbers(matrix)
        n = numbers.shape[1]
        for i in range(n):
            yield numbers[:, i, None] * weights[i] + gaps[:, i, None] * weights[n + i]
        for i, table in enumerate(tables):
            yield table[self._looked_up(matrix, i, table)]

    def tables(self, weights: np.ndarray) -> list[np.ndarray]:
        """Per categorical column (levels + 1, k) what each level adds, the last of them a missing one."""
        found, start = [], 2 * len(self.inputs.numeric)
        for known, levels in zip(self.inputs.categorical.values(), self.levels, strict=True):
            table = np.zeros((len(known) + 1, weights.shape[1]))
            table[levels] = weights[start : start + len(levels)]
            start += len(levels)
            found.append(table)
        return found

    def _looked_up(self, matrix: np.ndarray, i: int, table: np.ndarray) -> np.ndarray:
        """(n,) where each row's level of a categorical column stands in its table."""
        codes = matrix[:, len(self.inputs.numeric) + i]
        return np.where(np.isnan(codes), len(table) - 1, codes).astype(np.int64)

    @property
    def places(self) -> list[list[int]]:
        """The columns of the design that each input became, in the order of the inputs."""
        n = len(self.inputs.numeric)
        places, start = [[i, n + i] for i in range(n)], 2 * n
        for levels in self.levels:
            places.append(list(range(start, start + len(levels))))
            start += len(levels)
        return places

    @property
    def names(self) -> list[str]:
        numeric = list(self.inputs.numeric)
        levels = [f"{c}={known[v]}" for (c, known), own in zip(self.inputs.categorical.items(), self.levels, strict=True) for v in own]
        return [*numeric, *[f"{c} missing" for c in numeric], *levels]


def _most_common(inputs: Inputs, codes: np.ndarray, most: int | None) -> tuple[tuple[int, ...], ...] | None:
    """The levels that most of the rows have, of all columns together; None where that is all of them. codes: (n, categorical)."""
    sizes = [len(levels) for levels in inputs.categorical.values()]
    if most is None or sum(sizes) <= most:
        return None
    counts = [np.bincount(own[~np.isnan(own)].astype(np.int64), minlength=size) for own, size in zip(codes.T, sizes, strict=True)]
    places = np.sort(np.argsort(-np.concatenate(counts), kind="stable")[:most])
    ends = np.cumsum(sizes)
    return tuple(tuple((places[(places >= end - size) & (places < end)] - (end - size)).tolist()) for end, size in zip(ends, sizes, strict=True))


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

    @cached_property
    def _tables(self) -> list[np.ndarray]:
        """What levels add; made once, since a request of one row has no time for it."""
        return self.design.tables(self.weights)

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.design.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        return answered(self.design.scores(matrix, self.weights, self._tables) + self.offsets, self.link)

    def importance(self, values: np.ndarray) -> Importance:
        """How far each feature spreads the score over the rows: the standard deviation of what its columns add."""
        spreads = [part.std(axis=0).mean() for part in self.design.added(values, self.weights, self._tables)]
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
        } | ({} if self.design.kept is None else {"kept": self.design.kept})


@register("model", "linear")
def load(written: Mapping[str, Any], folder: Path) -> LinearModel:
    """Read what save wrote."""
    kept = tuple(tuple(own) for own in written["kept"]) if "kept" in written else None
    design = Design(Inputs.from_json(written["inputs"]), np.array(written["fills"]), np.array(written["means"]), np.array(written["scales"]), kept)
    offsets = np.array(written["offsets"])
    return LinearModel(design, np.array(written["weights"], dtype=float).reshape(-1, len(offsets)), offsets, written["link"])
