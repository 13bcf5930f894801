"""The fitted `history` step: aggregates of an entity's past, as of the end of training or as of the row's own time."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from runner.bundle.columns import beside
from runner.bundle.history.aggregate import HOUR_US, LARGEST, Aggregate, Held, value
from runner.core.expressions import parse
from runner.core.files import write_parquet
from runner.core.registry import register

KNOWN, HAPPENED = "__runner_known", "__runner_happened"
TREND_HEAD, PARTS = 4, 3
FEW_ROWS, MANY_ENTITIES = 8, 200_000
"""Up to so many rows are looked up one by one, while the entities are not too many to be held once more for that."""


@dataclass(frozen=True)
class Events:
    """Events of one entity, ordered by when they were known and then by when they happened (microseconds since 1970).

    values: one tuple per event with a value per aggregate, None where it has none.
    """

    known: Sequence[int] = ()
    happened: Sequence[int] = ()
    values: Sequence[tuple[float | None, ...]] = ()

    def pairs(self, column: int, first: int, last: int, since: int | None = None) -> list[tuple[int, float]]:
        """Moment and value of the events from `first` up to `last` that have a value and happened at `since` or later."""
        rows = zip(self.happened[first:last], self.values[first:last], strict=True)
        return [(h, v) for h, row in rows if (v := row[column]) is not None and (since is None or h >= since)]


@dataclass(frozen=True)
class Past:
    """What is held of an entity. held: per aggregate what is left of the events known up to the horizon; events: those after it, and older ones."""

    horizon: int
    held: Sequence[Held | None]
    events: Events


class Source(Protocol):
    """Where the events since the end of training come from: `read` gives what there is of an entity for rows between two times."""

    def read(self, operation: History, entity: str, since: int, until: int) -> Past: ...


@dataclass(frozen=True)
class History:
    """Add the aggregates of each row's entity.

    step: the step's name; on: columns that name the entity; time: the row's time; an event is known `lag_us` after its time,
    and not before its `arrival`; end: the last time of the training rows. closed: per entity the aggregates at the end, a moment
    (Int64) for hours_since_last; start: per entity what is held of the events known by then, a list (Float64) per aggregate;
    pending: events that are not in it yet, or that a window may still see. source: None gives all rows the state at the end.
    """

    step: str
    on: tuple[str, ...]
    time: str
    lag_us: int
    arrival: str | None
    end: int
    aggregates: tuple[Aggregate, ...]
    closed: pl.DataFrame
    start: pl.DataFrame
    pending: pl.DataFrame
    source: Source | None = field(default=None, compare=False)

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return beside(rows, self._as_of_end(rows) if self.source is None else self._as_of_rows(rows, self.source))

    def save(self, folder: Path) -> dict[str, Any]:
        tables = {name: f"{self.step}__{name}.parquet" for name in ("closed", "start", "pending")}
        for name, file in tables.items():
            write_parquet(folder / file, getattr(self, name))
        about = {"on": list(self.on), "time": self.time, "lag_us": self.lag_us, "arrival": self.arrival, "end": self.end}
        return {"op": "history", "step": self.step, **about, "aggregates": [a.as_json() for a in self.aggregates], **tables}

    def reading(self, source: Source) -> History:
        """The same with the events of a source counted, each row as of its own time."""
        return replace(self, source=source)

    def _as_of_end(self, rows: pl.DataFrame) -> list[pl.Series]:
        if rows.height <= FEW_ROWS and self.closed.height <= MANY_ENTITIES:
            return self._looked_up(rows)
        asked = rows.select(micros(self.time).alias(KNOWN), *(pl.col(c).cast(self.closed.schema[c], strict=False) for c in self.on))
        found = asked.join(self.closed, on=list(self.on), how="left", maintain_order="left")
        return [self._finished(a, found) for a in self.aggregates]

    def _looked_up(self, rows: pl.DataFrame) -> list[pl.Series]:
        """The same for a few rows, without the cost of a join."""
        made = []
        for entity, at in zip(self.entities(rows), self._moments(rows), strict=True):
            found = self._closed.get(entity or "", self._nothing)
            made.append([_hours(at, v) if a.how == "hours_since_last" else v for a, v in zip(self.aggregates, found, strict=True)])
        return self._columns(made)

    @cached_property
    def _closed(self) -> dict[str, tuple[Any, ...]]:
        filled = self.closed.select(pl.col(a.name).fill_null(0) if a.how == "count" else pl.col(a.name) for a in self.aggregates)
        return dict(zip(map(str, self.entities(self.closed)), filled.iter_rows(), strict=True))

    @cached_property
    def _nothing(self) -> list[Any]:
        return [0 if a.how == "count" else None for a in self.aggregates]

    def _columns(self, made: list[list[Any]]) -> list[pl.Series]:
        """Columns from the aggregates of each row."""
        types = [pl.Int64 if a.how == "count" else pl.Float64 for a in self.aggregates]
        columns = zip(*made, strict=True) if made else [()] * len(types)
        return [pl.Series(a.name, values, dtype=dtype) for a, values, dtype in zip(self.aggregates, columns, types, strict=True)]

    def _finished(self, aggregate: Aggregate, found: pl.DataFrame) -> pl.Series:
        values = found[aggregate.name]
        if aggregate.how == "count":
            return values.fill_null(0)
        if aggregate.how != "hours_since_last":
            return values
        # Polars multiplies a column by the inverse of a number, and divides a single row: the last bit would differ.
        hours = (found[KNOWN] - values).cast(pl.Float64).to_numpy() / HOUR_US
        return pl.Series(aggregate.name, hours, nan_to_null=True)

    def _as_of_rows(self, rows: pl.DataFrame, source: Source) -> list[pl.Series]:
        asked = self._moments(rows)
        entities = self.entities(rows)
        latest: dict[str, tuple[int, int]] = {}
        for entity, at in zip(entities, asked, strict=True):
            if entity is not None and at is not None:
                first, last = latest.get(entity, (at, at))
                latest[entity] = min(first, at), max(last, at)
        pasts = {entity: source.read(self, entity, first, last) for entity, (first, last) in latest.items()}
        return self._columns([self._nothing if e is None or t is None else self.values(pasts[e], t) for e, t in zip(entities, asked, strict=True)])

    def values(self, past: Past, at: int) -> list[float | None]:
        """The aggregates of a row at a time; a row from before the end of training sees what was known at that end."""
        moment = max(at, self.end + 1)
        events = past.events
        upto = bisect_left(events.known, moment)
        newer = bisect_left(events.known, past.horizon + 1)
        found = []
        for n, aggregate in enumerate(self.aggregates):
            window = aggregate.within_us
            if window is None:
                found.append(value(aggregate, past.held[n], events.pairs(n, newer, upto), at))
                continue
            since = moment - window
            # What happened in the window was not known before it.
            found.append(value(aggregate, None, events.pairs(n, bisect_left(events.known, since), upto, since), moment if aggregate.how == "trend" else at))
        return found

    def entities(self, rows: pl.DataFrame) -> list[str | None]:
        """The entity of each row as text; None where a part of it is missing."""
        keys = zip(*(rows.get_column(c).cast(self.start.schema[c], strict=False).to_list() for c in self.on), strict=True)
        return [None if None in key else json.dumps(key, ensure_ascii=False, default=str) for key in keys]

    def _moments(self, rows: pl.DataFrame) -> list[int | None]:
        """The rows' times in microseconds since 1970, as `micros` gives them."""
        return rows.get_column(self.time).cast(pl.Datetime("us")).to_physical().to_list()

    def events(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Events as the step counts them: the entity's columns, KNOWN, HAPPENED, and `slot(n)` with the value for the nth aggregate.

        One row per row; a missing time gives missing moments.
        """
        return read_events(rows, self.on, self.time, self.lag_us, self.arrival, self.aggregates)

    def looks_back_on(self) -> set[str]:
        """Columns of an event's row that its values, its entity and its times are made of."""
        values = {name for a in self.aggregates if a.of for name in parse(a.of).meta.root_names()}
        return values | {*self.on, self.time} | ({self.arrival} if self.arrival else set())

    def began(self, entity: str) -> tuple[list[Held | None], Events]:
        """What the bundle holds of an entity at the end of training."""
        return self._held.get(entity, [None] * len(self.aggregates)), self._pending.get(entity, Events())

    @cached_property
    def _held(self) -> dict[str, list[Held | None]]:
        columns = [slot(n) for n in range(len(self.aggregates))]
        rows = zip(self.entities(self.start), self.start.select(columns).iter_rows(), strict=True)
        return {e: [self._unfolded(n, flat) for n, flat in enumerate(row)] for e, row in rows if e is not None}

    def _unfolded(self, n: int, flat: list[float] | None) -> Held | None:
        if flat is None or self.aggregates[n].how != "trend":
            return None if flat is None else [int(x) if self.aggregates[n].how == "count" else x for x in flat]
        return [*map(int, flat[:TREND_HEAD]), *(flat[i : i + PARTS] for i in range(TREND_HEAD, len(flat), PARTS))]

    @cached_property
    def _pending(self) -> dict[str, Events]:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for entity, row in zip(self.entities(self.pending), self.pending.drop(self.on).iter_rows(), strict=True):
            found.setdefault(str(entity), []).append(row)
        return {entity: events_of(rows) for entity, rows in found.items()}


def _hours(at: int | None, moment: int | None) -> float | None:
    return None if at is None or moment is None else (at - moment) / HOUR_US


def events_of(rows: Iterable[tuple[Any, ...]]) -> Events:
    """Events from rows of when each was known, when it happened, and its values."""
    ordered = sorted(rows, key=lambda row: row[:2])
    return Events([row[0] for row in ordered], [row[1] for row in ordered], [tuple(row[2:]) for row in ordered])


def slot(n: int) -> str:
    """The column of an aggregate's values in tables of events, and of what is held in `start`."""
    return f"__runner_value_{n}"


def micros(time: str) -> pl.Expr:
    """A time column in microseconds since 1970."""
    return pl.col(time).cast(pl.Datetime("us")).dt.epoch("us")


def read_events(rows: pl.DataFrame, on: Sequence[str], time: str, lag_us: int, arrival: str | None, aggregates: Sequence[Aggregate]) -> pl.DataFrame:
    """See History.events; also for rows that nothing is fitted on yet."""
    known = pl.col(HAPPENED) + lag_us
    if arrival is not None:
        known = pl.when(micros(arrival).is_not_null()).then(pl.max_horizontal(known, micros(arrival)))
    values = [(parse(a.of).cast(pl.Float64) if a.of else pl.lit(1.0)).alias(slot(n)) for n, a in enumerate(aggregates)]
    moved = rows.lazy().with_columns(micros(time).alias(HAPPENED), *values).with_columns(known.alias(KNOWN))
    read = moved.select(*on, KNOWN, HAPPENED, *map(slot, range(len(aggregates)))).collect()
    # Adding zero takes the sign off a negative zero, which least and greatest would depend on.
    return read.with_columns(pl.when(pl.col(slot(n)).is_between(-LARGEST, LARGEST)).then(pl.col(slot(n)) + 0.0) for n in range(len(aggregates)))


@register("operation", "history")
def read_history(written: Mapping[str, Any], folder: Path) -> History:
    """Read what save wrote."""
    aggregates = tuple(Aggregate(**a) for a in written["aggregates"])
    closed, start, pending = (pl.read_parquet(folder / written[name]) for name in ("closed", "start", "pending"))
    time, lag_us, arrival, end = (written[name] for name in ("time", "lag_us", "arrival", "end"))
    return History(written["step"], tuple(written["on"]), time, lag_us, arrival, end, aggregates, closed, start, pending)


def lag_of(hours: float) -> int:
    """Hours in whole microseconds."""
    return round(timedelta(hours=hours) / timedelta(microseconds=1))
