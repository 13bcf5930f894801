"""Many numbers as a few."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.bundle.operations.linear import Weighted
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import LARGEST, usable

# Directions along which the rows vary less than this part of the most are rounding errors.
RANK = 1e-10


class ReduceSpec(StepSpec):
    """The main directions of several columns of numbers, named `<step>_1` and so on, the one that varies most first.

    Columns are divided by their standard deviation; a missing value counts as the mean. Where there are fewer directions than
    `components`, the last are zero.
    Source: Pearson (1901), on lines and planes of closest fit to systems of points in space.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["reduce"]
    columns: list[str] = Field(min_length=2)
    """Columns of numbers that say much the same."""
    components: int = Field(default=2, ge=1, le=100)
    """How many new columns are made."""
    how: Literal["pca", "svd"] = "pca"
    """`pca` takes the mean off first, `svd` does not: for counts and amounts in which zero means nothing."""


@register("step", ReduceSpec)
def fit(spec: ReduceSpec, given: Fitting) -> FittedStep:
    """Means, deviations and directions."""
    values = given.rows.select(pl.col(c).cast(pl.Float64).fill_null(np.nan) for c in spec.columns).to_numpy()
    values = np.where(np.abs(values) <= LARGEST, values, np.nan)
    moments = [_moments(values[:, place]) for place in range(len(spec.columns))]
    mean, scale = (np.array(m) for m in zip(*moments, strict=True))
    centre = mean if spec.how == "pca" else np.zeros(len(mean))
    standard = (np.where(np.isnan(values), mean, values) - centre) / scale
    weights = np.zeros((len(spec.columns), spec.components))
    found = _directions(standard)[:, : spec.components]
    weights[:, : found.shape[1]] = found
    made = tuple(f"{given.step}_{i + 1}" for i in range(spec.components))
    missing = (mean - centre) / scale
    return FittedStep((Weighted(given.step, tuple(spec.columns), made, centre, scale, missing, weights),), made)


def _moments(values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.mean()), usable(float(known.std()))) if len(known) else (0.0, 1.0)


def _directions(standard: np.ndarray) -> np.ndarray:
    """(p, rank) eigenvectors of the sums of products, the largest first, each with its largest weight positive."""
    from threadpoolctl import threadpool_limits

    # How BLAS adds depends on its threads.
    with threadpool_limits(limits=1):
        size, found = np.linalg.eigh(standard.T @ standard)
    order = np.argsort(-size, kind="stable")
    size, found = size[order], found[:, order]
    found = found[:, size > max(size[0], 0.0) * RANK]
    largest = found[np.abs(found).argmax(axis=0), np.arange(found.shape[1])]
    return np.asarray(found * np.where(largest < 0, -1.0, 1.0))
