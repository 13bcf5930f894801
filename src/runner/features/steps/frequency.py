"""How common a category is."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from runner.bundle.recipe import Lookup
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class FrequencySpec(StepSpec):
    """The share of rows that have the row's category, named `<column>_frequency`; 0 for a category never seen."""

    learns: ClassVar[bool] = True
    kind: Literal["frequency"]
    columns: list[str]
    """Columns to count; a missing value is a category of its own."""


@register("step", FrequencySpec)
def fit(spec: FrequencySpec, given: Fitting) -> FittedStep:
    """Counts the categories of each column in the given rows."""
    operations = []
    for column in spec.columns:
        name = f"{column}_frequency"
        shares = given.rows.group_by(column).len().sort(column, nulls_last=True)
        table = shares.select(column, (pl.col("len") / given.rows.height).alias(name))
        operations.append(Lookup(f"{given.step}__{column}", (column,), table, {name: 0.0}))
    return FittedStep(tuple(operations), tuple(f"{c}_frequency" for c in spec.columns))
