"""Rare categories as one."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.bundle.operations.categories import Grouped, joined
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class GroupedSpec(StepSpec):
    """What the kinds that put rare categories together have in common."""

    min_rows: int = Field(default=20, ge=1)
    """Training rows that a category needs to stay itself."""
    min_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the training rows that a category needs to stay itself."""
    max_categories: int | None = Field(default=None, ge=1)
    """How many categories stay at most, the most common ones."""
    other: str = Field(default="other", min_length=1)
    """The category that all others become, those never seen among them."""


class RareSpec(GroupedSpec):
    """Categories that are rare in the training rows become one, named `<column>_grouped`; a missing value stays missing."""

    learns: ClassVar[bool] = True
    kind: Literal["rare"]
    columns: list[str] = Field(min_length=1)
    """Columns of text, or of numbers that are names."""


@register("step", RareSpec)
def fit(spec: RareSpec, given: Fitting) -> FittedStep:
    """The categories of each column that are common enough."""
    operations = tuple(Grouped(f"{column}_grouped", (column,), common(spec, given.rows, (column,)), spec.other) for column in spec.columns)
    return FittedStep(operations, tuple(o.made for o in operations))


def common(spec: GroupedSpec, rows: pl.DataFrame, columns: tuple[str, ...]) -> tuple[str, ...]:
    """The categories that stay, in the order of the alphabet."""
    counts = rows.select(category=joined(columns)).drop_nulls().group_by("category").len("rows")
    least = max(spec.min_rows, spec.min_share * rows.height)
    stay = counts.filter(pl.col("rows") >= least).sort("rows", "category", descending=[True, False]).head(spec.max_categories or counts.height)
    return tuple(sorted(stay["category"]))
