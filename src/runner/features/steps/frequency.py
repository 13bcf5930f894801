"""How common a category is."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl

from runner.bundle.recipe import Lookup
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec, crossed


class FrequencySpec(StepSpec):
    """The share of rows that have the row's category, named `<column>_frequency`, `<column>_x_<column>_frequency` of a crossing; 0 for one never seen."""

    learns: ClassVar[bool] = True
    kind: Literal["frequency"]
    columns: list[str] = []
    """Columns to count; a missing value is a category of its own."""
    crossings: list[list[str]] = []
    """Lists of columns whose values together are one category, such as [job, city]."""

    def reads(self) -> dict[str, list[str]]:
        return super().reads() | {"crossings": [column for crossing in self.crossings for column in crossing]}


@register("step", FrequencySpec)
def fit(spec: FrequencySpec, given: Fitting) -> FittedStep:
    """Counts the categories of each column and crossing in the given rows."""
    operations, names = [], []
    for on in [*([column] for column in spec.columns), *spec.crossings]:
        names.append(f"{crossed(on)}_frequency")
        shares = given.rows.group_by(on).len("__runner_rows").sort(on, nulls_last=True)
        table = shares.select(*on, (pl.col("__runner_rows") / given.rows.height).alias(names[-1]))
        operations.append(Lookup(f"{given.step}__{crossed(on)}", tuple(on), table, {names[-1]: 0.0}))
    return FittedStep(tuple(operations), tuple(names))
