"""Features that say nothing, or nothing new."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.select import is_pattern, matches

MOST = 20_000


class ScreenSpec(StepSpec):
    """Drops features that hardly vary, or of which one before says the same, judged on the training rows of each fold.

    Later steps may still read what is dropped.
    Source of the correlation of ranks: Spearman (1904).
    """

    learns: ClassVar[bool] = True
    kind: Literal["screen"]
    columns: list[str] = Field(default=["*"], min_length=1)
    """Names or patterns of the features to judge; `*` stands for any characters, alone for all features."""
    max_same: float | None = Field(default=0.999, gt=0, lt=1)
    """Greatest share of rows with one and the same value, where missing is a value too; null for no limit."""
    max_correlation: float | None = Field(default=None, gt=0, lt=1)
    """Greatest correlation of ranks of two numeric features; of a pair beyond it the one with more missing values is dropped, else the later one."""

    @model_validator(mode="after")
    def _says_something(self) -> Any:
        if self.max_same is None and self.max_correlation is None:
            raise ComplaintsError([Complaint((), "has no limit", "at least one of max_same and max_correlation")])
        return self

    def reads(self) -> dict[str, list[str]]:
        return {"columns": [name for name in self.columns if not is_pattern(name)]}


@register("step", ScreenSpec)
def fit(spec: ScreenSpec, given: Fitting) -> FittedStep:
    """The features that break a limit."""
    judged = [feature for feature in given.features if matches(feature, spec.columns)]
    rows = given.rows.select(judged)
    if rows.height > MOST:
        draw = np.random.default_rng(seed_for(given.seed, given.step))
        rows = rows[np.sort(draw.choice(rows.height, MOST, replace=False))]
    drops = {} if spec.max_same is None else _lifeless(rows, spec.max_same)
    if spec.max_correlation is not None:
        drops |= _repeating(rows.drop(drops), spec.max_correlation)
    return FittedStep((), (), drops=drops)


def _lifeless(rows: pl.DataFrame, limit: float) -> dict[str, str]:
    found = {}
    for column in rows:
        most = column.value_counts(name="__runner_rows")["__runner_rows"].max()
        share = float(most) / rows.height if isinstance(most, int) else 0.0
        if share > limit:
            found[column.name] = f"{share:.2%} of the rows have the same value"
    return found


def _repeating(rows: pl.DataFrame, limit: float) -> dict[str, str]:
    """Columns that are dropped because one that stays has the same ranks, up to the limit."""
    from threadpoolctl import threadpool_limits

    numeric = [column for column in rows if column.dtype.is_numeric() or column.dtype == pl.Boolean]
    if len(numeric) < 2 or rows.height < 2:
        return {}
    # A missing value takes the mean rank: where gaps differ, columns are less alike.
    ranks = [column.cast(pl.Float64).fill_nan(None).rank().to_frame().select(pl.all().fill_null(pl.all().mean()))[column.name] for column in numeric]
    values = np.column_stack([rank.fill_null(0.0).to_numpy() for rank in ranks])
    values = values - values.mean(axis=0)
    size = np.sqrt((values**2).sum(axis=0))
    # How BLAS adds depends on its threads.
    with threadpool_limits(limits=1):
        correlation = np.abs(values.T @ values) / np.maximum(np.outer(size, size), 1e-300)
    found: dict[str, str] = {}
    order = sorted(range(len(numeric)), key=lambda place: (numeric[place].null_count(), place))
    stay: list[int] = []
    for place in order:
        same = next((other for other in stay if correlation[place, other] > limit), None)
        if same is None:
            stay.append(place)
        else:
            found[numeric[place].name] = f"its ranks correlate to {correlation[place, same]:.3f} with those of {numeric[same].name}"
    return found
