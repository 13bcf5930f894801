"""The mean outcome of a category's earlier rows."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.bundle.recipe import Lookup
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec, suffixed
from runner.features.steps.outcomes import coded, prior_of, weight_of_prior

MICROSECONDS_AN_HOUR = 3_600_000_000


class OrderedTargetEncodingSpec(StepSpec):
    """The mean outcome of the rows of the same category that come before, pulled towards the overall mean by `smoothing` rows of it.

    Rows stand in a random order, or with `time` in their own; later rows get the mean of all training rows whose outcome is known.
    Named `<column>_ordered`, with several classes `<column>_ordered_<label>`.
    Source: Prokhorenkova et al. (2018), CatBoost: unbiased boosting with categorical features.
    """

    learns: ClassVar[bool] = True
    kind: Literal["ordered_target_encoding"]
    columns: list[str] = Field(min_length=1)
    """Columns to encode, best those with many categories; a missing value is a category of its own."""
    smoothing: Annotated[float, Field(gt=0)] | Literal["auto"] = 1.0
    """Rows of the overall mean that are added to each category. `auto` learns it from the rows."""
    time: str | None = None
    """Date or datetime column that orders the rows, where folds walk forward; left out, the order is random."""
    lag_hours: float = Field(default=0.0, ge=0)
    """Hours from a row's time until its outcome is known; only with `time`."""

    @model_validator(mode="after")
    def _lag_needs_time(self) -> Any:
        if self.lag_hours and self.time is None:
            raise ComplaintsError([Complaint(("lag_hours",), "needs `time`: a random order knows no hours", "time: COLUMN, or no lag_hours")])
        return self


@register("step", OrderedTargetEncodingSpec)
def fit(spec: OrderedTargetEncodingSpec, given: Fitting) -> FittedStep:
    """Fits one table per column; own values are means of the rows before."""
    at, known_at = _order(spec, given)
    # As in a history: what is not known when the training rows end must not reach the rows after them.
    counted = np.isfinite(known_at) & ((known_at <= at[np.isfinite(at)].max(initial=-np.inf)) if spec.time else True)
    operations, own = [], {}
    for column in spec.columns:
        names = [suffixed(column, "ordered", label) for label in given.classes]
        keys, codes = coded(given.rows[column])
        before = _Before(codes, at, known_at)
        table, prior = {column: keys}, prior_of(given.outcome)
        for i, name in enumerate(names):
            outcome = given.outcome[:, i]
            weight = weight_of_prior(spec.smoothing, codes, outcome)
            own[name] = (before.sums(outcome) + weight * prior[i]) / (before.counts + weight)
            sums = np.bincount(codes[counted], outcome[counted], minlength=keys.len())
            counts = np.bincount(codes[counted], minlength=keys.len())
            table[name] = pl.Series((sums + weight * prior[i]) / (counts + weight))
        operations.append(Lookup(f"{given.step}__{column}", (column,), pl.DataFrame(table), dict(zip(names, prior, strict=True))))
    frame = pl.DataFrame(own)
    return FittedStep(tuple(operations), tuple(frame.columns), frame)


def _order(spec: OrderedTargetEncodingSpec, given: Fitting) -> tuple[np.ndarray, np.ndarray]:
    """(n,) Float64 moments: of each row, and when its outcome is known; NaN where a row has no time."""
    if spec.time is None:
        places = np.random.default_rng(seed_for(given.seed, given.step)).permutation(given.rows.height).astype(float)
        return places, places
    # Microseconds up to the year 2255 are exact in 64-bit floating point.
    at = given.rows[spec.time].cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64).fill_null(np.nan).to_numpy()
    return at, at + round(spec.lag_hours * MICROSECONDS_AN_HOUR)


class _Before:
    """The rows of the same category that were known strictly before each row.

    codes: (n,) Int64 categories; at, known_at: (n,) Float64. A row without a time sees none and is seen by none.
    """

    def __init__(self, codes: np.ndarray, at: np.ndarray, known_at: np.ndarray) -> None:
        moments, ranks = np.unique(np.concatenate([at, known_at]), return_inverse=True)
        n, width = len(codes), len(moments) + 1
        events = np.flatnonzero(np.isfinite(known_at))
        # One number orders by category, then by moment.
        keys = codes[events] * width + ranks[n:][events]
        order = np.argsort(keys, kind="stable")
        self._events, sorted_keys = events[order], keys[order]
        self._codes = codes[self._events]
        start = np.searchsorted(sorted_keys, codes * width)
        end = np.searchsorted(sorted_keys, codes * width + ranks[:n])
        self._last = end - 1
        self.counts = np.where(np.isfinite(at), end - start, 0)

    def sums(self, outcome: np.ndarray) -> np.ndarray:
        """(n,) sum of an outcome over those rows."""
        if not len(self._events):
            return np.zeros(len(self.counts))
        # Running within each category, so that no sum depends on another category's rows.
        running = pl.DataFrame({"code": self._codes, "value": outcome[self._events]}).select(pl.col("value").cum_sum().over("code"))["value"].to_numpy()
        return np.where(self.counts > 0, running[np.maximum(self._last, 0)], 0.0)
