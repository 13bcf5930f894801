"""A number against what is usual in its group."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.bundle import recipe
from runner.bundle.recipe import HIDDEN, Lookup, Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.features.steps.crossed_encoding import CODE, combinations, crossed
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class GroupDeviationSpec(StepSpec):
    """Each number less its mean among rows of the same group, named `<column>_less_mean_by_<by>`.

    Rows of a group never seen are compared with the overall mean.
    """

    learns: ClassVar[bool] = True
    kind: Literal["group_deviation"]
    columns: list[str]
    """Numbers to compare with their group."""
    by: list[str] = Field(min_length=1)
    """Columns whose values together name the group; a missing value is a value of its own."""
    smoothing: float = Field(default=20.0, ge=0)
    """Rows of the overall mean that are added to each group: the larger, the less a small group's own mean is believed."""

    def reads(self) -> dict[str, list[str]]:
        return super().reads() | {"by": self.by}


@register("step", GroupDeviationSpec)
def fit(spec: GroupDeviationSpec, given: Fitting) -> FittedStep:
    """Fits one table of means per column."""
    coded, code = combinations(given.rows, spec.by)
    keys, codes = coded.drop(CODE), code.to_numpy()
    operations: list[recipe.Operation] = []
    for column in spec.columns:
        value = given.rows[column].cast(pl.Float64).fill_nan(None)
        known = value.is_not_null().to_numpy()
        numbers = value.fill_null(0.0).to_numpy()
        overall = float(numbers[known].mean()) if known.any() else 0.0
        # bincount adds in row order, so the sums do not depend on threads.
        sums = np.bincount(codes[known], weights=numbers[known] - overall, minlength=keys.height)
        rows = np.bincount(codes[known], minlength=keys.height)
        means = overall + sums / np.maximum(rows + spec.smoothing, 1e-12)
        mean = f"{HIDDEN}mean_{column}"
        operations.append(Lookup(f"{given.step}__{column}", tuple(spec.by), keys.with_columns(pl.Series(mean, means)), {mean: overall}))
        operations.append(Project({_name(column, spec.by): f"1.0 * {quoted(column)} - {quoted(mean)}"}))
    adds = tuple(_name(column, spec.by) for column in spec.columns)
    return FittedStep(tuple(operations), adds, recipe.apply(operations, given.rows).select(adds))


def _name(column: str, by: list[str]) -> str:
    return f"{column}_less_mean_by_{crossed(by)}"
