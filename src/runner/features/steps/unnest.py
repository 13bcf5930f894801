"""What stands inside a list, a struct, or text that holds one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from runner.bundle.textual import Unnest
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

Of = Literal["length", "distinct", "first", "last", "sum", "mean", "min", "max"]


class UnnestSpec(StepSpec):
    """Columns out of a column of lists or structs, of JSON text, or of text with a separator, such as `milk;bread`.

    Named `<column>_<make>`, `<column>_<position>`, `<column>_has_<item>` and `<column>_<field>`; what is not there has no value.
    """

    learns: ClassVar[bool] = False
    kind: Literal["unnest"]
    column: str
    """The column to take apart."""
    format: Literal["nested", "json", "separated"] = "json"
    """What it holds: `json` text, `separated` text, or a `nested` list or struct that an earlier step made."""
    separator: str = Field(default=";", min_length=1)
    """What stands between the items of `separated` text; blanks around them do not count, nor do empty items."""
    make: list[Of] = []
    """What to make of a list: its length, the number of distinct items, the first or last one; sums and means are of the items that are numbers."""
    items: list[int] = []
    """Positions of items to take, 0 the first, -1 the last."""
    contains: list[str] = []
    """Items to look for: 1 where the list has one, else 0."""
    fields: dict[str, Literal["number", "text"]] = {}
    """Fields of a struct or a JSON object to take, with dots for fields inside fields, as a number or as text."""

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not (self.make or self.items or self.contains or self.fields):
            raise ComplaintsError([Complaint(("make",), "makes no column", "make, items, contains or fields")])
        if self.format == "separated" and self.fields:
            raise ComplaintsError([Complaint(("fields",), "separated text has no fields", "make, items or contains")])
        return self

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        dtype = schema.get(self.column)
        if dtype is None:
            return
        if self.format != "nested" and dtype != pl.String:
            yield Complaint(("column",), f"{self.column!r} is {dtype}", f"text, since the format is {self.format}")
        if self.format == "nested" and not dtype.is_nested():
            yield Complaint(("column",), f"{self.column!r} is {dtype}", "a list or a struct", "format: json or separated for text")


@register("step", UnnestSpec)
def fit(spec: UnnestSpec, given: Fitting) -> FittedStep:
    """Nothing is learned."""
    unnest = Unnest(
        spec.column,
        spec.separator if spec.format == "separated" else None,
        spec.format == "json",
        {f"{spec.column}_{word}": word for word in spec.make},
        {f"{spec.column}_{at if at >= 0 else f'last_{-at}'}": at for at in spec.items},
        {f"{spec.column}_has_{_word(item)}": item for item in spec.contains},
        {f"{spec.column}_{_word(field)}": (tuple(field.split(".")), sort == "number") for field, sort in spec.fields.items()},
    )
    return FittedStep((unnest,), tuple(unnest.rowwise()))


def _word(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_")
