"""A statistic of several columns together, looked up by all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.bundle.recipe import HIDDEN, Lookup, Operation
from runner.core.registry import part, register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.frequency import FrequencySpec
from runner.features.steps.target_encoding import TargetEncodingSpec

CODE = f"{HIDDEN}combination"


class CrossedEncodingSpec(StepSpec):
    """The mean outcome or the share of rows of a combination of values, as `target_encoding` and `frequency` make it of a single column.

    Named `<column>_x_<column>_target` or `_frequency`. The combination is a key, never a column of its own.
    """

    learns: ClassVar[bool] = True
    kind: Literal["crossed_encoding"]
    columns: list[str] = Field(min_length=2)
    """Columns whose values together are one category; a missing value is a value of its own. Numbers are best cut into bands before."""
    statistic: Literal["target", "frequency"] = "target"
    """`target`: the mean outcome, smoothed and never with the row's own. `frequency`: the share of rows."""
    smoothing: float = Field(default=20.0, ge=0)
    """Rows of the overall mean that are added to each combination's outcome: the larger, the less a rare one is believed."""


@register("step", CrossedEncodingSpec)
def fit(spec: CrossedEncodingSpec, given: Fitting) -> FittedStep:
    """Fits the step for single columns on a code of the combination, then looks up by the columns."""
    keys, coded = combinations(given.rows, spec.columns)
    frequency = FrequencySpec(kind="frequency", columns=[CODE])
    single = frequency if spec.statistic == "frequency" else TargetEncodingSpec(kind="target_encoding", columns=[CODE], smoothing=spec.smoothing)
    made: FittedStep = part("step", single.kind)(single, replace(given, rows=given.rows.with_columns(coded)))
    names = {name: name.replace(CODE, crossed(spec.columns), 1) for name in made.adds}
    operations = tuple(_by_columns(operation, spec.columns, keys, names, given.step) for operation in made.operations)
    return FittedStep(operations, tuple(names.values()), made.own.rename(names) if made.own is not None else None)


def _by_columns(operation: Any, columns: Sequence[str], keys: pl.DataFrame, names: dict[str, str], step: str) -> Operation:
    table = keys.join(operation.table, on=CODE, how="left", maintain_order="left").drop(CODE).rename(names)
    return Lookup(step, tuple(columns), table, {names[name]: fill for name, fill in operation.columns.items()})


def combinations(rows: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """The combinations of values in order, each with its code (Int64), and (n,) the code of each row's combination."""
    found = rows.select(columns).unique(maintain_order=True).sort(columns, nulls_last=True)
    keys = found.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias(CODE))
    return keys, rows.select(columns).join(keys, on=list(columns), how="left", nulls_equal=True, maintain_order="left")[CODE]


def crossed(columns: Sequence[str]) -> str:
    """Name of several columns that are read as one category.

    >>> crossed(["job", "city"])
    'job_x_city'
    """
    return "_x_".join(columns)
