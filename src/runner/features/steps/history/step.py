"""The step `history`: its declaration, and how it is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.bundle.history.aggregate import Aggregate
from runner.bundle.history.operation import HAPPENED, KNOWN, History, lag_of, micros, read_events, slot
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError, Spec
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.history.exact import Array
from runner.features.steps.history.lookback import Lookback

ENTITY = "__runner_entity"
NEVER = -(1 << 62)
DAY_HOURS = 24


How = Literal["count", "sum", "mean", "min", "max", "last", "trend", "hours_since_last"]
WITHOUT_VALUE = ("count", "hours_since_last")


class AggregateSpec(Spec):
    """One number about the entity's past."""

    how: How
    """What is made of the entity's earlier events: how many, their sum, mean, least, greatest or last value, its change a day, or the hours since the last."""
    of: str | None = None
    """SQL over the past event's row, a number; it may read what only became known after the event. Events where it is missing do not count."""
    within_days: float | None = Field(default=None, gt=0)
    """Only events that happened at most so long before the row's time; left out: all."""

    @model_validator(mode="after")
    def _has_a_value(self) -> Self:
        if self.of is None and self.how not in WITHOUT_VALUE:
            raise ComplaintsError([Complaint(("of",), f"is missing: {self.how} needs a value", "SQL over the past event's row")])
        return self


class HistorySpec(StepSpec):
    """Aggregates over earlier events of an entity, each event known `lag_hours` after its time.

    A row sees the events known strictly before its own time. Rows that come after the training data
    see the entity's state as of the end of the training data, or as of their own time where a store of events is used.
    """

    learns: ClassVar[bool] = True
    kind: Literal["history"]
    entity: list[str] = Field(min_length=1)
    """Columns that together name whose past it is, such as a customer's number."""
    time: str
    """Date or datetime column that says when each event happened."""
    lag_hours: float = Field(default=0.0, ge=0)
    """Hours until an event is known; too small a lag lets a row see what nobody knew at its time."""
    arrival: str | None = None
    """Date or datetime column: when the event arrived. It is known when it has arrived and the lag is over, never where this is missing."""
    aggregates: dict[str, AggregateSpec] = Field(min_length=1)
    """New column to the aggregate that fills it."""
    elapsed: str | None = None
    """Name of a column with the hours since the entity's last known event."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if self.elapsed in self.aggregates:
            raise ComplaintsError([Complaint(("elapsed",), f"{self.elapsed!r} is an aggregate, too", "a name for each column", "call one of them otherwise")])
        return self

    def declared(self) -> tuple[Aggregate, ...]:
        """The aggregates, the one behind `elapsed` last."""
        last = [Aggregate(self.elapsed, "hours_since_last")] if self.elapsed else []
        windows = {name: None if a.within_days is None else lag_of(DAY_HOURS * a.within_days) for name, a in self.aggregates.items()}
        return (*(Aggregate(name, a.how, a.of, windows[name]) for name, a in self.aggregates.items()), *last)


@register("step", HistorySpec)
def fit(spec: HistorySpec, given: Fitting) -> FittedStep:
    """Own values look strictly back; the operation keeps each entity's state at the end, and what a row after it may still see."""
    aggregates, lag = spec.declared(), lag_of(spec.lag_hours)
    asked = given.rows.select(*spec.entity, micros(spec.time).alias(KNOWN))
    read = read_events(given.rows, spec.entity, spec.time, lag, spec.arrival, aggregates)
    events = read.drop_nulls([*spec.entity, KNOWN, HAPPENED])
    entities = events.select(spec.entity).unique().sort(spec.entity)
    whose = _numbers(events, entities)
    back = _lookback(events, whose, _numbers(asked, entities), asked[KNOWN].fill_null(NEVER).to_numpy())
    own = pl.DataFrame([back.value(a, _values(events, n)) for n, a in enumerate(aggregates)])
    # What is not yet known at the end of the training rows must not reach the rows after it.
    end = asked[KNOWN].fill_null(0).to_numpy().max(initial=0)
    after = _lookback(events, whose, np.arange(entities.height), np.full(entities.height, end + 1))
    closed, start = _at_end(after, events, aggregates, entities)
    longest = max((a.within_us for a in aggregates if a.within_us is not None), default=0)
    pending = events.filter((pl.col(KNOWN) > end) | (pl.col(HAPPENED) > end - longest)).sort(*spec.entity, KNOWN, HAPPENED, *map(slot, range(len(aggregates))))
    operation = History(given.step, tuple(spec.entity), spec.time, lag, spec.arrival, int(end), aggregates, closed, start, pending)
    return FittedStep((operation,), tuple(a.name for a in aggregates), own)


def _at_end(after: Lookback, events: pl.DataFrame, aggregates: Sequence[Aggregate], entities: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of the entities that something is known of, the aggregates as the operation's `closed` has them, and what is held of them as in its `start`."""
    closed, start = [], []
    for n, aggregate in enumerate(aggregates):
        values = _values(events, n)
        there = ~np.isnan(values)
        is_moment = aggregate.how == "hours_since_last"
        closed.append((after.moment(there, values, aggregate.within_us) if is_moment else after.value(aggregate, values)).alias(aggregate.name))
        nothing = pl.Series([None], dtype=pl.List(pl.Float64)).new_from_index(0, entities.height)
        start.append((nothing if aggregate.within_us is not None else after.held(aggregate, values)).alias(slot(n)))
    is_known = pl.Series(after.count(np.ones(events.height, bool), None) > 0, dtype=pl.Boolean)
    return entities.with_columns(closed).filter(is_known), entities.with_columns(start).filter(is_known)


def _lookback(events: pl.DataFrame, whose: Array, asked: Array, at: Array) -> Lookback:
    return Lookback(whose, events[KNOWN].to_numpy(), events[HAPPENED].to_numpy(), asked, at)


def _values(events: pl.DataFrame, n: int) -> Array:
    """The values for the nth aggregate, NaN for none."""
    return events[slot(n)].fill_null(float("nan")).to_numpy()


def _numbers(rows: pl.DataFrame, entities: pl.DataFrame) -> Array:
    """The place of each row's entity among the entities, -1 where it has none."""
    keys = entities.columns
    found = rows.select(keys).join(entities.with_row_index(ENTITY), on=keys, how="left", maintain_order="left")
    return found[ENTITY].cast(pl.Int64).fill_null(-1).to_numpy()
