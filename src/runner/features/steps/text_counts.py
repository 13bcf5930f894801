"""What a text looks like, without reading it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

import polars as pl
from polars.exceptions import PolarsError
from pydantic import model_validator

from runner.bundle.textual import CountText
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

Count = Literal["length", "words", "digits", "punctuation", "upper_share"]


class TextCountsSpec(StepSpec):
    """Counts in text columns, named `<column>_<count>`; a missing text has none, and one without letters no share of capitals."""

    learns: ClassVar[bool] = False
    kind: Literal["text_counts"]
    columns: list[str]
    """Text columns to look at."""
    counts: list[Count] = []
    """What to count: characters (`length`), words, digits, marks of punctuation; `upper_share` is the share of capitals in the letters."""
    patterns: dict[str, str] = {}
    """Name to a regular expression (as Rust has them: without look-around); how often it is found becomes `<column>_<name>`."""

    @model_validator(mode="after")
    def _counts_something(self) -> Self:
        if not self.counts and not self.patterns:
            raise ComplaintsError([Complaint(("counts",), "makes no column", "counts or patterns")])
        return self

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        for column in self.columns:
            if column in schema and schema[column] != pl.String:
                yield Complaint(("columns",), f"{column!r} is {schema[column]}", "a text column")
        for name, pattern in self.patterns.items():
            try:
                pl.select(pl.lit("").str.count_matches(pattern))
            except PolarsError as error:
                lines = [line.strip() for line in str(error).splitlines() if line.strip()]
                yield Complaint(("patterns", name), f"is no regular expression: {lines[-1].removeprefix('error: ')}", "one such as [A-Z]{2}[0-9]+")


@register("step", TextCountsSpec)
def fit(spec: TextCountsSpec, given: Fitting) -> FittedStep:
    """Nothing is learned."""
    operations = [
        CountText(column, {f"{column}_{word}": word for word in spec.counts}, {f"{column}_{name}": pattern for name, pattern in spec.patterns.items()})
        for column in spec.columns
    ]
    return FittedStep(tuple(operations), tuple(name for operation in operations for name in operation.rowwise()))
