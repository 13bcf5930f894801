"""What may be declared of a join."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Self

from polars.exceptions import PolarsError
from pydantic import Field, model_validator

from runner.core import expressions
from runner.core.spec import Complaint, ComplaintsError, Spec

How = Literal["count", "sum", "mean", "min", "max", "last", "trend", "hours_since_last"]
WITHOUT_VALUE = ("count", "hours_since_last")


class JoinSpec(Spec):
    """What every kind of join tells of itself: the columns it makes, and those it reads on both sides."""

    source: str
    """Name of the source whose rows are matched, under `data.sources`."""

    def makes(self) -> list[str]:
        """The new columns, in order."""
        return list(self.taken())

    def taken(self) -> dict[str, str]:
        """New column to the column of the other source whose value it has as it stands there."""
        return {}

    def provided(self, columns: Collection[str]) -> set[str]:
        """Those of the new columns that a source with just these columns can fill."""
        return {mine for mine, theirs in self.taken().items() if theirs in columns}

    def on(self) -> tuple[str, dict[str, str]]:
        """The key of the section that declares what must be equal, and it: column of the rows to column of the source."""
        raise NotImplementedError

    def reads(self) -> dict[str, list[str]]:
        """Key of the section to the columns of the rows that it names."""
        name, on = self.on()
        return {name: list(on)}

    def reads_source(self) -> list[str]:
        """Columns of the other source that are needed."""
        return list(self.on()[1].values())


class LookupSpec(JoinSpec):
    """Add columns of another source by key; each row may match at most one row there."""

    kind: Literal["lookup"]
    keys: dict[str, str] = Field(min_length=1)
    """Column of the rows to column of the looked-up source."""
    columns: dict[str, str] = Field(min_length=1)
    """New column to column of the looked-up source."""
    expect: Literal["all", "some"] = "some"
    """`all`: a row without a match is a fault; `some`: it gets nulls."""
    cardinality: Literal["many_to_one", "one_to_one"] = "many_to_one"
    """How many rows may share a match. A key that stands twice in the source is always a fault: such rows are aggregated by a `history` join."""

    def taken(self) -> dict[str, str]:
        return dict(self.columns)

    def on(self) -> tuple[str, dict[str, str]]:
        return "keys", self.keys

    def reads_source(self) -> list[str]:
        return [*self.keys.values(), *self.columns.values()]


class TimedJoinSpec(JoinSpec):
    """A join that respects when a row of the other source happened, and when it became known."""

    by: dict[str, str] = {}
    """Column of the rows to column of the other source that must be equal."""
    time: str
    """Time column of the rows."""
    source_time: str
    """Time column of the other source: when its row happened."""
    lag_hours: float | None = Field(default=None, ge=0)
    """How long after its time a row of the other source is known, a date from its midnight on; left out: at once, and a date when its day is over."""
    arrival: str | None = None
    """Time column of the other source: when its row arrived. A row is known when it has arrived and the lag is over, never where this is missing."""

    def on(self) -> tuple[str, dict[str, str]]:
        return "by", self.by

    def reads(self) -> dict[str, list[str]]:
        return {"by": list(self.by), "time": [self.time]}

    def reads_source(self) -> list[str]:
        return [*self.by.values(), self.source_time, *([self.arrival] if self.arrival else [])]


class AsofSpec(TimedJoinSpec):
    """Add columns of the latest row of another source that was known at the row's time."""

    kind: Literal["asof"]
    tolerance_hours: float | None = Field(default=None, gt=0)
    """A match that happened longer ago counts as none."""
    columns: dict[str, str] = Field(min_length=1)
    """New column to column of the other source."""

    def taken(self) -> dict[str, str]:
        return dict(self.columns)

    def reads_source(self) -> list[str]:
        return [*super().reads_source(), *self.columns.values()]


class AggregateSpec(Spec):
    """One number about the entity's past."""

    how: How
    """What is made of the earlier rows: how many, their sum, mean, least, greatest or last value, its change a day, or the hours since the last."""
    of: str | None = None
    """SQL over the other source's row; rows where it is missing do not count. `count` and `hours_since_last` may leave it out: every row counts."""
    within_days: float | None = Field(default=None, gt=0)
    """Only rows that happened at most so long before the row's time; left out: all."""

    def reads(self) -> list[str]:
        """Columns of the other source that the value is made of."""
        try:
            return expressions.parse(self.of).meta.root_names() if self.of is not None else []
        except PolarsError:
            return []  # the check of expressions tells what is wrong with it

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.of is None and self.how not in WITHOUT_VALUE:
            raise ComplaintsError([Complaint(("of",), f"is missing: {self.how} needs a value", "SQL over the other source's row")])
        return self


class HistorySpec(TimedJoinSpec):
    """Aggregates over the earlier rows of the same entity in another source, or in the primary one itself: those known strictly before the row's time."""

    kind: Literal["history"]
    by: dict[str, str] = Field(min_length=1)
    """Column of the rows to column of the other source that name whose past it is."""
    aggregates: dict[str, AggregateSpec] = Field(min_length=1)
    """New column to the aggregate that fills it."""

    def makes(self) -> list[str]:
        return list(self.aggregates)

    def provided(self, columns: Collection[str]) -> set[str]:
        return {name for name, aggregate in self.aggregates.items() if set(aggregate.reads()) <= set(columns)}

    def reads_source(self) -> list[str]:
        return [*super().reads_source(), *(name for aggregate in self.aggregates.values() for name in aggregate.reads())]


AnyJoinSpec = LookupSpec | AsofSpec | HistorySpec
