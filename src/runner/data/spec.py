"""What may be declared of data."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import polars as pl
from polars.exceptions import PolarsError
from pydantic import Field, field_validator, model_validator

from runner.bundle.casts import cast
from runner.core.around import RoomSpec
from runner.core.expressions import is_pattern
from runner.core.faults import nearest
from runner.core.registry import Registered
from runner.core.spec import Spec, with_order
from runner.data import sources, splits
from runner.data.joins.spec import AsofSpec, HistorySpec, LookupSpec
from runner.data.labels.spec import LabelSpec
from runner.data.quality.spec import ProductionSpec, QualitySpec
from runner.data.sources.source import FileSourceSpec
from runner.data.splits.split import SplitSpec

assert sources and splits  # the imports register the kinds that the unions below are made of

OnFail = Literal["reject", "quarantine", "warn"]
NOTHING_TO_SOFTEN = "tolerated_share softens reject and quarantine; warn only counts"


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
    cost: float | None = Field(default=None, ge=0)
    """What it costs to obtain the value for one row, in the payoff's unit; `features.selection` counts it, once for all features made of the column."""
    available: Literal["at_decision", "after_event"] = "at_decision"
    """`after_event`: known only after the outcome; kept for checks, never a feature."""
    unique: bool = False
    """No value may stand twice; of rows with the same value the first that is fine is kept. Not judged of rows to be scored."""
    max_age_hours: float | None = Field(default=None, gt=0)
    """A date or datetime may lie at most so long before `data.as_of`, else before the newest time of the data. Not judged of rows to be scored."""
    on_fail: OnFail = "quarantine"
    """reject stops the run, quarantine sets the row aside, warn counts it."""
    tolerated_share: float = Field(default=0.0, ge=0, lt=1)
    """Up to this share of the rows, a check that fails does one step less: reject sets the rows aside, quarantine counts them."""

    @model_validator(mode="after")
    def _limits_fit_the_type(self) -> Self:
        wrong = []
        if self.type not in ("int", "float") and (self.min is not None or self.max is not None):
            wrong.append(f"min and max are for int and float columns; for a {self.type} column write a rule")
        if self.type not in ("date", "datetime") and self.max_age_hours is not None:
            wrong.append(f"max_age_hours is for date and datetime columns, not for a {self.type} column")
        if self.tolerated_share and self.on_fail == "warn":
            wrong.append(NOTHING_TO_SOFTEN)
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
    tolerated_share: float = Field(default=0.0, ge=0, lt=1)
    """Up to this share of the rows, a rule that fails does one step less: reject sets the rows aside, quarantine counts them."""

    @model_validator(mode="after")
    def _softens_something(self) -> Self:
        if self.tolerated_share and self.on_fail == "warn":
            raise ValueError(NOTHING_TO_SOFTEN)
        return self


class TableRuleSpec(Spec):
    """A rule over all rows that are kept: SQL with aggregates that is TRUE where the table is fine (null is not)."""

    sql: str
    """A Polars SQL expression of aggregates over the contract's columns, such as COUNT(*) > 1000 AND AVG(Amount) < 5000."""
    on_fail: Literal["reject", "warn"] = "reject"
    """What a table that breaks the rule does: reject stops the run, warn is told in the report."""


class DataSpec(RoomSpec):
    """Sources, joins, the contract, and what is set apart."""

    sources: dict[str, Annotated[FileSourceSpec, Registered("source")]]
    """Name to the table that is read."""
    primary: str
    """The source whose rows are the rows."""
    joins: dict[str, Annotated[LookupSpec | AsofSpec | HistorySpec, Field(discriminator="kind")]] = {}
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
    table_rules: dict[str, TableRuleSpec] = {}
    """Name to a rule that the rows keep all together, after filter and quarantine."""
    as_of: str | None = None
    """The day or moment (ISO 8601, UTC) that `max_age_hours` counts back from, never the clock. Left out: the newest `problem.time` of the data."""
    unique: list[str] = []
    """Columns that together name a row; duplicates are quarantined."""
    max_quarantined_share: float = Field(default=0.05, ge=0, le=1)
    """A larger share of quarantined rows refuses the run."""
    quality: QualitySpec = QualitySpec()
    """How closely the training rows are looked at for what is odd."""
    production: ProductionSpec | None = None
    """Rows as they come in production, with which the training rows are compared."""
    order: dict[str, list[str]] = {}
    """Filled in: the order of joins and derived columns, which build on each other; leave it out."""
    split: Annotated[SplitSpec, Registered("split")]
    """How rows are set apart for the sealed test and for the folds."""

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, given: Any) -> Any:
        return with_order(given, "joins", "derive")

    @field_validator("as_of")
    @classmethod
    def _is_a_moment(cls, given: str | None) -> str | None:
        if given is not None and cast(pl.Series([given]), "datetime").bad.any():
            raise ValueError(f"{given!r} is no day or moment; write 2025-01-31 or 2025-01-31T12:00:00Z")
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = []
        if self.primary not in self.sources:
            wrong.append(f"primary {self.primary!r} is not a source; {self._sources_near(self.primary)}")
        for name, join in self.joins.items():
            if join.source not in self.sources:
                wrong.append(f"joins.{name}.source names the source {join.source!r}; {self._sources_near(join.source)}")
        if self.production is not None and self.production.source not in self.sources:
            wrong.append(f"production names the source {self.production.source!r}; {self._sources_near(self.production.source)}")
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
