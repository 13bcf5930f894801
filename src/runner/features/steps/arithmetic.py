"""Two numbers in one: how they relate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Annotated, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from runner.bundle.recipe import Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

How = Literal["ratio", "difference", "share", "product", "sum"]
FORMS: dict[str, tuple[str, str]] = {
    "ratio": ("{a}_per_{b}", "{x} / {y}"),
    "difference": ("{a}_minus_{b}", "{x} - {y}"),
    "share": ("{a}_share_of_{b}", "{x} / ({x} + {y})"),
    "product": ("{a}_times_{b}", "{x} * {y}"),
    "sum": ("{a}_plus_{b}", "{x} + {y}"),
}


class ArithmeticSpec(StepSpec):
    """Ratios, differences and the like of pairs of numeric columns, named `<a>_per_<b>`, `_minus_`, `_share_of_`, `_times_`, `_plus_`.

    What cannot be divided has no value; a share is the first in the sum of both.
    """

    learns: ClassVar[bool] = False
    kind: Literal["arithmetic"]
    make: list[How] = Field(min_length=1)
    """What to make of each pair."""
    pairs: list[Annotated[list[str], Field(min_length=2, max_length=2)]] = []
    """Pairs of columns, the first over the second, or less it."""
    columns: list[str] = []
    """Columns of which every pair is taken, in this order: five of them make ten."""

    @model_validator(mode="after")
    def _has_a_pair(self) -> Self:
        if not self.paired():
            raise ComplaintsError([Complaint(("pairs",), "names no pair of columns", "pairs, or two columns and more")])
        return self

    def paired(self) -> list[tuple[str, str]]:
        """Every pair, once."""
        return list(dict.fromkeys([*((pair[0], pair[1]) for pair in self.pairs), *combinations(self.columns, 2)]))

    def reads(self) -> dict[str, list[str]]:
        return {"pairs": [c for pair in self.pairs for c in pair], "columns": self.columns}

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        for key, columns in self.reads().items():
            for column in dict.fromkeys(columns):
                if column in schema and not schema[column].is_numeric():
                    yield Complaint((key,), f"{column!r} is {schema[column]}", "a number", "an `sql` step can make one of it")


@register("step", ArithmeticSpec)
def fit(spec: ArithmeticSpec, given: Fitting) -> FittedStep:
    """Nothing is learned: each is an SQL expression."""
    columns = {}
    for a, b in spec.paired():
        for how in dict.fromkeys(spec.make):
            name, sql = FORMS[how]
            columns[name.format(a=a, b=b)] = sql.format(x=f"CAST({quoted(a)} AS DOUBLE)", y=f"CAST({quoted(b)} AS DOUBLE)")
    return FittedStep((Project(columns),), tuple(columns))
