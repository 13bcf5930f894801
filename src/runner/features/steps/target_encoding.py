"""The mean outcome of a category, never including the row's own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.bundle.recipe import Lookup
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec, suffixed
from runner.features.steps.outcomes import coded, prior_of, weight_of_prior

INNER_FOLDS = 5


class TargetEncodingSpec(StepSpec):
    """Each category's mean outcome, pulled towards the overall mean as if `smoothing` average rows were added.

    The rows it is fitted on get values from the other inner folds, so that no row sees its own outcome.
    Named `<column>_target`, with several classes `<column>_target_<label>`.
    Source: Micci-Barreca (2001), a preprocessing scheme for high-cardinality categorical attributes.
    """

    learns: ClassVar[bool] = True
    kind: Literal["target_encoding"]
    columns: list[str]
    """Columns to encode, best those with many categories; a missing value is a category of its own."""
    smoothing: Annotated[float, Field(ge=0)] | Literal["auto"] = 20.0
    """Rows of the overall mean that are added to each category: the larger, the less a rare category is believed. `auto` learns it from the rows."""


@register("step", TargetEncodingSpec)
def fit(spec: TargetEncodingSpec, given: Fitting) -> FittedStep:
    """Fits one table per column; own values are out of (inner) fold."""
    inner = np.random.default_rng(seed_for(given.seed, given.step)).integers(0, INNER_FOLDS, given.rows.height)
    operations, own = [], []
    prior = prior_of(given.outcome)
    for column in spec.columns:
        names = [suffixed(column, "target", label) for label in given.classes]
        keys, codes = coded(given.rows[column])
        encoded = np.empty((keys.len(), len(names)))
        out_of_fold = np.empty(given.outcome.shape)
        for i in range(len(names)):
            smoothing = weight_of_prior(spec.smoothing, codes, given.outcome[:, i])
            encoded[:, i], out_of_fold[:, i] = _encode(codes, keys.len(), inner, given.outcome[:, i], smoothing)
        table = pl.DataFrame({column: keys, **{name: encoded[:, i] for i, name in enumerate(names)}})
        operations.append(Lookup(f"{given.step}__{column}", (column,), table, dict(zip(names, prior, strict=True))))
        own.append(pl.DataFrame({name: out_of_fold[:, i] for i, name in enumerate(names)}))
    frame = pl.concat(own, how="horizontal")
    return FittedStep(tuple(operations), tuple(frame.columns), frame)


def _encode(codes: np.ndarray, n_keys: int, inner: np.ndarray, outcome: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
    """Encoding per key (n_keys,), and per row from the other inner folds (n,). outcome: (n,)."""
    cell = codes * INNER_FOLDS + inner
    prior = outcome.mean() if len(outcome) else 0.0
    # bincount adds in row order, so the sums do not depend on threads.
    counts = np.bincount(cell, minlength=n_keys * INNER_FOLDS).reshape(n_keys, INNER_FOLDS).astype(float)
    sums = np.bincount(cell, weights=outcome, minlength=n_keys * INNER_FOLDS).reshape(n_keys, INNER_FOLDS)
    weight = np.maximum(counts.sum(axis=1) + smoothing, 1e-12)
    encoded = (sums.sum(axis=1) + smoothing * prior) / weight
    rest = np.maximum(counts.sum(axis=1, keepdims=True) - counts + smoothing, 1e-12)
    others = (sums.sum(axis=1, keepdims=True) - sums + smoothing * prior) / rest
    return encoded, others[codes, inner]
