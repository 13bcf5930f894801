"""Several columns as one category."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from runner.bundle.operations.categories import Grouped
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting
from runner.features.steps.rare import GroupedSpec, common


class CrossingSpec(GroupedSpec):
    """The categories of two or more columns together as one, named `<column>_x_<column>`; rare combinations become one.

    A missing value is a category of its own.
    """

    learns: ClassVar[bool] = True
    kind: Literal["crossing"]
    columns: list[str] = Field(min_length=2)
    """Columns to cross, in order; numbers with many values are best made into `bins` before."""


@register("step", CrossingSpec)
def fit(spec: CrossingSpec, given: Fitting) -> FittedStep:
    """The combinations that are common enough."""
    columns = tuple(spec.columns)
    made = "_x_".join(columns)
    return FittedStep((Grouped(made, columns, common(spec, given.rows, columns), spec.other),), (made,))
