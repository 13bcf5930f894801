"""What may be declared of data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import polars as pl
from polars.exceptions import PolarsError
from pydantic import Field, model_validator

from runner.core.around import RoomSpec
from runner.core.expressions import is_pattern
from runner.core.faults import nearest
from runner.core.registry import Registered
from runner.core.spec import Spec, with_order
from runner.data import sources, splits
from runner.data.labels.spec import LabelSpec
from runner.data.sources.source import FileSourceSpec
from runner.data.splits.split import SplitSpec

assert sources and splits  # the imports register the kinds that the unions below are made of

OnFail = Literal["reject", "quarantine", "warn"]


class LookupSpec(Spec):
    """Add columns of another source by key; each row may match at most one row there."""

    kind: Literal["lookup"]
    source: str
    """Name of the source that is looked up, under `data.sources`."""
    keys: dict[str, str] = Field(min_length=1)
    """Column of the rows to column of the looked-up source."""
    columns: dict[str, str] = Field(min_length=1)
    """New column to column of the looked-up source."""
    expect: Literal["all", "some"] = "some"
    """`all`: a row without a match is a fault; `some`: it gets nulls."""


class AsofSpec(Spec):
    """Add columns of the latest row of another source at or before the row's time."""

    kind: Literal["asof"]
    source: str
    """Name of the source whose rows are matched by time, under `data.sources`."""
    by: dict[str, str] = {}
    """Column of the rows to column of the other source that must be equal."""
    time: str
    """Time column of the rows."""
    source_time: str
    """Time column of the other source."""
    lag_hours: float = Field(default=0.0, ge=0)
    """How long after its time a row of the other source becomes known."""
    tolerance_hours: float | None = Field(default=None, gt=0)
    """Older matches count as none."""
    columns: dict[str, str] = Field(min_length=1)
    """New column to column of the other source."""


class ColumnSpec(Spec):
    """The contract of one column."""

    type: Literal["int", "float", "string", "bool", "date", "datetime"]
    """What its values are held as; what cannot be cast without loss breaks the contract. Text dates are ISO 8601, moments with a zone become UTC."""
    nullable: bool = False
    """Whether a row may lack the value; a missing value elsewhere breaks the contract."""
    min: float | None = None
    """The least value allowed in an int or float column."""
    max: float | None = None
    """The greatest value allowed in an int or float column."""
    allowed: list[str] | None = None
    """The only values a string column may have."""
    pattern: str | None = None
    """Regular expression that a string value must match as a whole."""
    unit: str | None = None
    """What the numbers count, such as EUR or days; shown to people, never computed with."""
    available: Literal["at_decision", "after_event"] = "at_decision"
    """`after_event`: known only after the outcome; kept for checks, never a feature."""
    on_fail: OnFail = "quarantine"
    """reject stops the run, quarantine sets the row aside, warn counts it."""

    @model_validator(mode="after")
    def _limits_fit_the_type(self) -> Self:
        wrong = []
        if self.type not in ("int", "float") and (self.min is not None or self.max is not None):
            wrong.append(f"min and max are for int and float columns; for a {self.type} column write a rule")
        if self.type != "string" and (self.allowed is not None or self.pattern is not None):
            wrong.append(f"allowed and pattern are for string columns; for a {self.type} column write a rule")
        if self.min is not None and self.max is not None and self.min > self.max:
            wrong.append(f"min {self.min:g} is above max {self.max:g}; at most {self.max:g}")
        if self.allowed is not None and not self.allowed:
            wrong.append("allowed is empty: no value could be right")
        if self.pattern is not None and (complaint := _pattern_complaint(self.pattern)):
            wrong.append(f"pattern is not a regular expression that can be used: {complaint}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def _pattern_complaint(pattern: str) -> str:
    try:
        pl.Series([""]).str.contains(f"^(?:{pattern})$")
    except PolarsError as error:
        return " ".join(str(error).split())
    return ""


class RuleSpec(Spec):
    """A rule over the columns of one row: SQL that is TRUE where the row is fine (null counts as fine)."""

    sql: str
    """A Polars SQL expression over the contract's columns."""
    on_fail: OnFail = "quarantine"
    """What a row that breaks the rule does: reject stops the run, quarantine sets the row aside, warn counts it."""


class DataSpec(RoomSpec):
    """Sources, joins, the contract, and what is set apart."""

    sources: dict[str, Annotated[FileSourceSpec, Registered("source")]]
    """Name to the table that is read."""
    primary: str
    """The source whose rows are the rows."""
    joins: dict[str, Annotated[LookupSpec | AsofSpec, Field(discriminator="kind")]] = {}
    """Name to a join that adds columns of another source to the rows, made in order; the number of rows stays."""
    derive: dict[str, str] = {}
    """New column to SQL over the joined row, before label, filter and contract; made in order."""
    label: LabelSpec | None = None
    """How the outcome is made where no column holds it as it is, when it is final, and what reviewers found wrong with it."""
    filter: str | None = None
    """SQL; rows where it is not TRUE are left out and counted."""
    columns: dict[str, ColumnSpec] = Field(min_length=1)
    """The contract: exactly these columns are kept."""
    rules: dict[str, RuleSpec] = {}
    """Name to a rule that every row must keep, beyond what its columns declare."""
    unique: list[str] = []
    """Columns that together name a row; duplicates are quarantined."""
    max_quarantined_share: float = Field(default=0.05, ge=0, le=1)
    """A larger share of quarantined rows refuses the run."""
    order: dict[str, list[str]] = {}
    """Filled in: the order of joins and derived columns, which build on each other; leave it out."""
    split: Annotated[SplitSpec, Registered("split")]
    """How rows are set apart for the sealed test and for the folds."""

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, given: Any) -> Any:
        return with_order(given, "joins", "derive")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = []
        if self.primary not in self.sources:
            wrong.append(f"primary {self.primary!r} is not a source; {self._sources_near(self.primary)}")
        for name, join in self.joins.items():
            if join.source not in self.sources:
                wrong.append(f"joins.{name}.source names the source {join.source!r}; {self._sources_near(join.source)}")
        annotations = self.label.annotations if self.label else None
        if annotations is not None and annotations.source not in self.sources:
            wrong.append(f"label.annotations.source names the source {annotations.source!r}; {self._sources_near(annotations.source)}")
        wrong += [f"columns.{n}: names starting with __runner_ are ours" for n in self.columns if n.startswith("__runner_")]
        wrong += [f"columns.{n}: row_id is the name of our own column" for n in self.columns if n == "row_id"]
        wrong += [f"columns.{n}: the name is read as several columns at once, rename the column in the data" for n in self.columns if is_pattern(n)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _sources_near(self, name: str) -> str:
        return "; ".join(part for part in (f"sources are {sorted(self.sources)}", nearest(name, self.sources)) if part)
