"""Categories without end as a few buckets."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from runner.bundle.operations.categories import Hashed
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class HashingSpec(StepSpec):
    """The bucket that a category's hash falls into, as a category named `<column>_hash`; a missing value stays missing.

    Categories that were never seen fall into buckets too, and different ones may share a bucket. The hash is BLAKE2b, the same on every machine.
    Source: Weinberger et al. (2009), feature hashing for large scale multitask learning.
    """

    learns: ClassVar[bool] = False
    kind: Literal["hashing"]
    columns: list[str] = Field(min_length=1)
    """Columns of text, or of numbers that are names."""
    buckets: int = Field(default=32, ge=2, le=1000)
    """How many buckets there are."""


@register("step", HashingSpec)
def fit(spec: HashingSpec, given: Fitting) -> FittedStep:
    """Nothing is learned."""
    operations = tuple(Hashed(f"{column}_hash", column, spec.buckets) for column in spec.columns)
    return FittedStep(operations, tuple(o.made for o in operations))
