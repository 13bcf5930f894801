"""Aggregates over the past of many rows at once: differences of exact running sums, and folds for the least and the greatest.

The arithmetic that rounds is that of runner.bundle.history.aggregate, so that one row asked of a store gets the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from runner.bundle.history.aggregate import DAY_US, HOUR_US, Aggregate, joined, slope
from runner.bundle.history.fold import fold
from runner.features.steps.history.exact import Array, Exact

LATEST = 1 << 62


class Lookback:
    """Events of many entities, looked back on from many rows.

    entity: number of the entity, Int64; known, happened: microseconds since 1970, known >= happened; asked, at: entity and time of
    each row. An event counts for a row of its entity when it is known strictly before the row's time and, within a window, did
    not happen longer ago.
    """

    def __init__(self, entity: Array, known: Array, happened: Array, asked: Array, at: Array) -> None:
        self._entity, self._known, self._happened = entity, known, happened
        self._asked, self._at = asked, at
        self._by_known = np.lexsort((happened, known, entity))
        self._by_asked = np.lexsort((at, asked))
        self._upto = _positions(entity, known, self._by_known, asked, at)
        self._windows: dict[int, tuple[Array, tuple[Array, Array]]] = {}
        self._spans: dict[int | None, tuple[Array, Array]] = {}

    def value(self, aggregate: Aggregate, values: Array) -> pl.Series:
        """The aggregate per row, null where no event counts (0 for count). values: (n,) Float64 of the events, NaN for none."""
        how, window, there = aggregate.how, aggregate.within_us, ~np.isnan(values)
        n = self.count(there, window)
        if how == "count":
            return pl.Series(aggregate.name, n)
        if how in ("sum", "mean"):
            exact, sums = self.total(np.where(there, values, 0.0), window)
            found = exact.rounded(sums)
            return _where(aggregate.name, n > 0, found if how == "sum" else found / np.maximum(n, 1))
        if how == "hours_since_last":
            last, event = self.last(there, values, window)
            return _where(aggregate.name, last, (self._at - _taken(self._happened, event)) / HOUR_US)
        if how == "last":
            last, event = self.last(there, values, window)
            return _where(aggregate.name, last, _taken(values, event))
        if how == "trend":
            return self._trend(aggregate, there, values, n)
        return _where(aggregate.name, n > 0, self.folded(there, values, window, np.minimum if how == "min" else np.maximum))

    def moment(self, there: Array, values: Array, window: int | None) -> pl.Series:
        """When the last event happened that counts, null where there is none."""
        last, event = self.last(there, values, window)
        return _where("moment", last, _taken(self._happened, event))

    def held(self, aggregate: Aggregate, values: Array) -> pl.Series:
        """What the bundle holds of an aggregate without a window, a list of Float64 per row: see runner.bundle.history.aggregate.held."""
        how, there = aggregate.how, ~np.isnan(values)
        n = self.count(there, None)
        columns: list[Any]
        if how == "count":
            columns = [n]
        elif how in ("sum", "mean"):
            columns = [n, *self._parts(np.where(there, values, 0.0))]
        elif how in ("last", "hours_since_last"):
            _, event = self.last(there, values, None)
            columns = [_taken(self._happened, event), *([_taken(values, event)] if how == "last" else [])]
        elif how == "trend":
            origin, times = self._origin(there), self._happened.astype(float)
            ends = [self.folded(there, times, None, which) for which in (np.minimum, np.maximum)]
            columns = [origin[self._asked], *ends, n, *(part for term in self._terms(there, values, origin[self._entity]) for part in self._parts(term))]
        else:
            columns = [self.folded(there, values, None, np.minimum if how == "min" else np.maximum)]
        table = pl.DataFrame({str(i): np.asarray(column, float) for i, column in enumerate(columns)})
        return table.select(pl.when(pl.Series(n > 0)).then(pl.concat_list(pl.all())).alias("held"))["held"]

    def count(self, there: Array, window: int | None) -> Array:
        """How many of the events that are there count."""
        return self._summed(np.concatenate([[0], np.cumsum(there[self._by_known])]), there, window)

    def total(self, values: Array, window: int | None) -> tuple[Exact, Array]:
        """The exact sum of the values that count."""
        exact = Exact.of(values)
        first, upto = self._upto
        running = exact.prefixes(self._by_known)
        sums = running[:, upto] - running[:, first]
        if window is not None:
            order, (began, gone) = self._left(window)
            leaving = exact.prefixes(order)
            sums = sums - (leaving[:, gone] - leaving[:, began])
        return exact, sums

    def _summed(self, running: Array, there: Array, window: int | None) -> Array:
        first, upto = self._upto
        n = running[upto] - running[first]
        if window is not None:
            order, (began, gone) = self._left(window)
            leaving = np.concatenate([[0], np.cumsum(there[order])])
            n = n - (leaving[gone] - leaving[began])
        return n

    def _left(self, window: int) -> tuple[Array, tuple[Array, Array]]:
        """Events in the order in which they leave the window, and for each row from where to where those lie that have left it.

        What becomes known only after it has left never counts: it leaves when it becomes known.
        """
        if window not in self._windows:
            leaves = np.maximum(self._happened + window, self._known)
            order = np.lexsort((leaves, self._entity))
            self._windows[window] = order, _positions(self._entity, leaves, order, self._asked, self._at)
        return self._windows[window]

    def last(self, there: Array, values: Array, window: int | None) -> tuple[Array, Array]:
        """Whether an event counts, and which is the last: of those at the same moment the one with the greatest value."""
        order = np.lexsort((np.where(there, values, -np.inf), self._happened, self._entity))
        rank = np.empty(order.size, np.int64)
        rank[order] = np.arange(order.size)
        running = np.maximum.accumulate(np.where(there, rank, -1)[self._by_known]) if order.size else rank
        first, upto = self._upto
        best = np.where(upto > first, running[np.maximum(upto - 1, 0)] if order.size else -1, -1)
        event = order[np.maximum(best, 0)] if order.size else np.zeros(best.size, np.int64)
        found = best >= 0
        if order.size:
            # Ranks grow with the entity: the greatest so far may still be of the one before.
            found &= self._entity[event] == self._asked
            found &= True if window is None else self._happened[event] >= self._at - window
        return found, event

    def folded(self, there: Array, values: Array, window: int | None, how: np.ufunc) -> Array:
        """The least or the greatest of the values that count; infinite where there is none."""
        starts, ends = self._seen_by(window)
        counts = there & (starts < ends)
        found = np.empty(self._asked.size)
        nothing = np.inf if how is np.minimum else -np.inf
        found[self._by_asked] = fold(starts[counts], ends[counts], values[counts], found.size, how, nothing)
        return found

    def _seen_by(self, window: int | None) -> tuple[Array, Array]:
        """Of each event the first row, in order by entity and time, for which it counts, and the first after the last such row."""
        if window not in self._spans:
            asked, at, order = self._asked[self._by_asked], self._at[self._by_asked], np.arange(self._asked.size)
            leaves = np.full(self._entity.size, LATEST) if window is None else self._happened + window
            _, starts = _positions(asked, at, order, self._entity, self._known + 1)
            _, ends = _positions(asked, at, order, self._entity, leaves + 1)
            self._spans[window] = starts, ends
        return self._spans[window]

    def _parts(self, values: Array) -> tuple[Array, Array, Array]:
        exact, sums = self.total(values, None)
        return exact.parts(sums)

    def _origin(self, there: Array) -> Array:
        """When the first known event of each entity happened that has a value."""
        origin = np.zeros(int(max(self._entity.max(initial=-1), self._asked.max(initial=-1))) + 2, np.int64)
        order = self._by_known[there[self._by_known]]
        whose, first = np.unique(self._entity[order], return_index=True)
        origin[whose] = self._happened[order[first]]
        return origin

    def _terms(self, there: Array, values: Array, start: Array) -> tuple[Array, ...]:
        x = np.where(there, (self._happened - start) / DAY_US, 0.0)
        y = np.where(there, values, 0.0)
        return x, x * x, y, x * y

    def _trend(self, aggregate: Aggregate, there: Array, values: Array, n: Array) -> pl.Series:
        window = aggregate.within_us
        times = self._happened.astype(float)
        earliest, latest = (self.folded(there, times, window, how) for how in (np.minimum, np.maximum))
        if window is None:
            sums = (n.astype(float), *self._sums(self._terms(there, values, self._origin(there)[self._entity]), None))
        else:
            older = self._at // window - 1
            cell = self._happened // window
            found = []
            # A row's older cell is even or odd: each kind is summed apart, and the row takes the one that it needs.
            by_parity = [self._cell(there & ((cell & 1) == parity), values, cell * window, window) for parity in (0, 1)]
            for is_newer in (0, 1):
                odd = ((older + is_newer) & 1).astype(bool)
                found.append(tuple(np.where(odd, one, zero) for zero, one in zip(*by_parity, strict=True)))
            sums = joined(found[0], found[1], window / DAY_US)
        above, below = slope(*sums)
        known = (latest > earliest) & (below > 0) & (n > 0)
        return _where(aggregate.name, known, above / np.where(below > 0, below, 1.0))

    def _cell(self, there: Array, values: Array, start: Array, window: int) -> tuple[Array, ...]:
        return (self.count(there, window).astype(float), *self._sums(self._terms(there, values, start), window))

    def _sums(self, terms: tuple[Array, ...], window: int | None) -> tuple[Array, ...]:
        return tuple(exact.rounded(sums) for exact, sums in (self.total(term, window) for term in terms))


def _positions(entity: Array, at: Array, order: Array, asked: Array, until: Array) -> tuple[Array, Array]:
    """Where, among events in an order by entity and time, each row's entity begins, and the first event that is not before `until`."""
    if not entity.size:
        return np.zeros(asked.size, np.int64), np.zeros(asked.size, np.int64)
    first = np.searchsorted(entity[order], asked, "left")
    is_event = np.concatenate([np.zeros(asked.size, bool), np.ones(entity.size, bool)])
    # At the same moment the row comes first: it does not see the event.
    merged = np.lexsort((is_event, np.concatenate([until, at[order]]), np.concatenate([asked, entity[order]])))
    before = np.empty(merged.size, np.int64)
    before[merged] = np.cumsum(is_event[merged])
    return first, before[: asked.size]


def _taken(values: Array, places: Array) -> Array:
    """The values at places; anything where there are no values at all."""
    return values[places] if values.size else np.zeros(places.size, values.dtype)


def _where(name: str, there: Array, values: Array) -> pl.Series:
    return pl.select(pl.when(pl.Series(there)).then(pl.Series(values)).alias(name)).to_series()
