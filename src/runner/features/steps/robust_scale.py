"""Numbers in units of their usual spread."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.recipe import Project
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import finite, sql_divided, sql_float, sql_number, usable


class RobustScaleSpec(StepSpec):
    """(x - median) / (third quartile - first quartile), named `<column>_scaled`: outliers do not move the scale.

    Where both quartiles are the same the standard deviation stands for their distance, and 1 where that is 0 too.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["robust_scale"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers."""


@register("step", RobustScaleSpec)
def fit(spec: RobustScaleSpec, given: Fitting) -> FittedStep:
    """Median and quartiles of each column."""
    columns = {}
    for column in spec.columns:
        centre, scale = _centre_and_scale(finite(given.rows[column]))
        columns[f"{column}_scaled"] = sql_divided(f"({sql_float(column)} - {sql_number(centre)})", scale)
    return FittedStep((Project(columns),), tuple(columns))


def _centre_and_scale(values: np.ndarray) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    first, median, third = map(float, np.quantile(values, [0.25, 0.5, 0.75]))
    return median, usable(third - first if third > first else float(values.std()))
