"""Aggregates over what was known of an entity strictly before the row's time.

Every aggregate is a step function of time: it changes when a row of the source becomes known, and when it leaves its
window. The steps are computed once, from the source alone, so that a row's value depends on no other row beside it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.bundle.history.fold import Array, fold
from runner.core.faults import Fault
from runner.data import derive
from runner.data.joins.keys import Moments, keys_of_rows, keys_of_source, micros, times_of
from runner.data.joins.prepared import POSITION, Tally
from runner.data.joins.spec import AggregateSpec, HistorySpec
from runner.data.joins.trend import slope

ROW, MOMENT, HAPPENED, KNOWN = "__runner_row", "__runner_moment", "__runner_happened", "__runner_known"
ENTITY, SEEN, END, PLACE = "__runner_entity", "__runner_seen", "__runner_end", "__runner_place"
FOREVER = pl.datetime(9999, 12, 31, 23, 59, 59, time_unit="us")
HOUR_US = 3_600_000_000
EARLIEST, LATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def value_type(how: str, of: pl.DataType) -> pl.DataType:
    """The type of an aggregate's column. of: the type of its values."""
    if how == "count":
        return pl.Int64()
    if how == "last":
        return of
    return held_as(how, of) if how in ("min", "max") else pl.Float64()


def held_as(how: str, of: pl.DataType) -> pl.DataType:
    """The type in which values are aggregated: whole numbers stay whole, whatever is only looked up stays as it is."""
    if how == "last":
        return of
    whole = of.is_integer() and not isinstance(of, pl.UInt64 | pl.Int128 | pl.UInt128)
    return pl.Int64() if whole else pl.Float64()


class History:
    """A prepared history join.

    A row of the source counts for a row when it has the same key, is known strictly before the row's time (its own time
    plus the lag, and its arrival, both before), and happened at most `within_days` before it. Nothing known: count is 0, all
    else null; a row without key or time has null everywhere. NaN and infinities count as missing.
    Raises FaultsError when it is made, if a time or a value of the source cannot be computed.
    """

    def __init__(self, spec: HistorySpec, other: pl.DataFrame, at: str) -> None:
        self.spec, self.tally = spec, Tally()
        self._time = Moments(f"{at}.time")
        events, self._entities = self._read(other, at)
        self._types = {name: dtype for name, dtype in self._entities.schema.items() if name != ENTITY}
        windows = dict.fromkeys(aggregate.within_days for aggregate in spec.aggregates.values())
        self._steps = [self._step(events, window) for window in windows]

    def _read(self, other: pl.DataFrame, at: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Events in order of what happened, with the number of their entity; and keys to that number."""
        valued = other.with_row_index(PLACE)
        for name, aggregate in self.spec.aggregates.items():
            valued = derive.add_one(valued, f"__runner_{name}", aggregate.of, f"{at}.aggregates.{name}.of") if aggregate.of else valued
        held = [_held(valued[f"__runner_{name}"], aggregate.how).alias(name) for name, aggregate in self.spec.aggregates.items() if aggregate.of]
        times = times_of(other, self.spec, at, strictly=True)
        self._clock = times.clock
        by = [key.alias(f"__runner_by_{n}") for n, key in enumerate(keys_of_source(other, self.spec.by))]
        events = pl.DataFrame([valued[PLACE], times.happened.alias(HAPPENED), times.known.alias(KNOWN), *by, *held])
        keys = [key.name for key in by]
        events = events.drop_nulls([HAPPENED, KNOWN, *keys]).sort(HAPPENED, PLACE)
        entities = events.select(keys).unique(maintain_order=True).with_row_index(ENTITY)
        events = events.join(entities, on=keys, how="left", maintain_order="left").drop(keys)
        return events, entities.rename(dict(zip(keys, self.spec.by, strict=True)))

    def _step(self, events: pl.DataFrame, window: float | None) -> pl.DataFrame:
        """The aggregates of one window from each moment on at which one of them may change, by entity, sorted by the moment."""
        leaves = FOREVER if window is None else pl.col(HAPPENED) + pl.duration(microseconds=pl.lit(micros(24 * window)))
        spans = events.with_columns(leaves.alias(END)).filter(pl.col(KNOWN) < pl.col(END))
        entity = spans[ENTITY].cast(pl.Int64).to_numpy()
        times = [spans[name].dt.epoch("us").to_numpy() for name in (KNOWN, END)]
        at, whose, starts, ends = _moments(entity, *times)
        folding = Folding(spans, starts, ends, at.size)
        declared = {name: a for name, a in self.spec.aggregates.items() if a.within_days == window}
        columns = [pl.Series(name, folding.aggregate(name, a, window)) for name, a in declared.items()]
        seen = pl.Series(SEEN, folding.count(np.ones(spans.height, bool)))
        moment, owner = pl.Series(MOMENT, at).cast(pl.Datetime("us")), pl.Series(ENTITY, whose).cast(spans.schema[ENTITY])
        return pl.DataFrame([owner, moment, seen, *columns]).sort(MOMENT)

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        moment = self._time.read(rows[self.spec.time], rows[POSITION]).alias(MOMENT)
        keys = pl.DataFrame([pl.int_range(rows.height, eager=True).alias(ROW), moment, *keys_of_rows(rows, self._types)])
        asked = keys.join(self._entities, on=list(self.spec.by), how="left", maintain_order="left").select(ROW, MOMENT, ENTITY)
        found = asked.sort(MOMENT, ROW)
        for step in self._steps:
            # Known strictly before: what happens at the row's own moment, the row itself in its own source, is not its past.
            found = found.join_asof(step, on=MOMENT, by=ENTITY, strategy="backward", allow_exact_matches=False, check_sortedness=False, suffix="_more")
            found = found.with_columns(pl.max_horizontal(SEEN, f"{SEEN}_more").alias(SEEN)).drop(f"{SEEN}_more") if f"{SEEN}_more" in found.columns else found
        found = found.sort(ROW)
        self.tally.count(found.select(pl.when(pl.col(SEEN) > 0).then(SEEN))[SEEN])
        asks = keys.select(pl.all_horizontal(pl.col(MOMENT, *self.spec.by).is_not_null()).alias(ROW))[ROW]
        return rows.with_columns(self._finished(found, asks))

    def _finished(self, found: pl.DataFrame, asks: pl.Series) -> list[pl.Series]:
        """The columns as they are declared, from the state that each row found. asks: rows that have a key and a time."""
        made = []
        for name, aggregate in self.spec.aggregates.items():
            value = pl.col(name)
            if aggregate.how == "count":
                value = pl.when(asks).then(value.fill_null(0))
            elif aggregate.how == "hours_since_last":
                value = (pl.col(MOMENT).dt.epoch("us") - value) / HOUR_US
            made.append(found.select(value.alias(name))[name])
        return made

    def faults(self) -> list[Fault]:
        return self._time.faults(self._clock)


def _held(values: pl.Series, how: str) -> pl.Series:
    held = values.cast(held_as(how, values.dtype))
    return pl.select(pl.when(held.is_finite()).then(held).alias("held"))["held"] if held.dtype.is_float() else held


def _moments(entity: Array, known: Array, leaves: Array) -> tuple[Array, Array, Array, Array]:
    """The different moments (microseconds) at which something changes for an entity, ordered by entity and moment, and whose they
    are; and for each event the positions among them from which and up to which it counts."""
    at, whose = np.concatenate([known, leaves]), np.concatenate([entity, entity])
    order = np.lexsort((at, whose))
    at, whose = at[order], whose[order]
    is_new = np.ones(at.size, bool)
    is_new[1:] = (at[1:] != at[:-1]) | (whose[1:] != whose[:-1])
    position = np.empty(at.size, np.int64)
    position[order] = np.cumsum(is_new) - 1
    return at[is_new], whose[is_new], position[: known.size], position[known.size :]


class Folding:
    """Events of one window with the positions from which and up to which each counts."""

    def __init__(self, spans: pl.DataFrame, starts: Array, ends: Array, size: int) -> None:
        self._spans, self._starts, self._ends, self._size = spans, starts, ends, size

    def over(self, values: Array, where: Array, how: np.ufunc, nothing: float) -> Array:
        """`how` over the values of the events that count at each position. where: which events have a value."""
        return fold(self._starts[where], self._ends[where], values[where], self._size, how, nothing)

    def count(self, where: Array) -> Array:
        return self.over(np.ones(where.size, np.int64), where, np.add, 0)

    def aggregate(self, name: str, spec: AggregateSpec, window: float | None) -> pl.Series:
        """One declared aggregate at each position, null where no value counts."""
        if spec.of is None:
            where = np.ones(self._spans.height, bool)
            return pl.Series(self.count(where)) if spec.how == "count" else self._latest_moment(where)
        where = self._spans[name].is_not_null().to_numpy()
        n = self.count(where)
        if spec.how == "count":
            return pl.Series(n)
        if spec.how == "hours_since_last":
            return self._latest_moment(where)
        if spec.how == "last":
            # Events stand in the order in which they happened.
            last = self.over(np.arange(where.size, dtype=np.int64), where, np.maximum, -1)
            return self._spans[name].gather(_known(last, last >= 0))
        number = _known(self._number(name, spec.how, where, n, window), n > 0)
        return number.fill_nan(None) if number.dtype.is_float() else number

    def _number(self, name: str, how: str, where: Array, n: Array, window: float | None) -> Array:
        values = self._spans[name].fill_null(0).to_numpy()
        if how == "trend":
            happened = self._spans[HAPPENED].dt.epoch("us").to_numpy()
            entity = self._spans[ENTITY].to_numpy()
            return slope(self.over, happened, values.astype(np.float64), entity, where, None if window is None else micros(24 * window))
        if how in ("sum", "mean"):
            total = self.over(values.astype(np.float64), where, np.add, 0.0)
            return total if how == "sum" else total / np.maximum(n, 1)
        whole = values.dtype == np.int64
        least, greatest = (EARLIEST, LATEST) if whole else (-np.inf, np.inf)
        return self.over(values, where, np.minimum, greatest) if how == "min" else self.over(values, where, np.maximum, least)

    def _latest_moment(self, where: Array) -> pl.Series:
        last = self.over(self._spans[HAPPENED].dt.epoch("us").to_numpy(), where, np.maximum, EARLIEST)
        return _known(last, last > EARLIEST)


def _known(values: Array, there: Array) -> pl.Series:
    """The values where they are there, else null."""
    return pl.select(pl.when(pl.Series(there)).then(pl.Series(values)).alias("value"))["value"]
