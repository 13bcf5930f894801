"""Features written as SQL over one row."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.bundle.recipe import Project
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class SqlSpec(StepSpec):
    """New columns, each a Polars SQL expression over the columns of one row; results that are not finite become null."""

    learns: ClassVar[bool] = False
    kind: Literal["sql"]
    expressions: dict[str, str]
    """New column to its SQL, which may read contract columns and what earlier steps made."""


@register("step", SqlSpec)
def fit(spec: SqlSpec, given: Fitting) -> FittedStep:
    """Nothing is learned: the expressions are the state."""
    return FittedStep((Project(dict(spec.expressions)),), tuple(spec.expressions))
