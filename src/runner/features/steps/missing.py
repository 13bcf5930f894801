"""Whether a value is missing."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.bundle.recipe import Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class MissingSpec(StepSpec):
    """For each column a 1 where it has no value and a 0 where it has, named `<column>_missing`."""

    learns: ClassVar[bool] = False
    kind: Literal["missing"]
    columns: list[str]
    """Columns to look at."""


@register("step", MissingSpec)
def fit(spec: MissingSpec, given: Fitting) -> FittedStep:
    """Nothing is learned."""
    columns = {f"{c}_missing": f"CASE WHEN {quoted(c)} IS NULL THEN 1 ELSE 0 END" for c in spec.columns}
    return FittedStep((Project(columns),), tuple(columns))
