"""Columns of the latest row of another source that was known at the row's time."""

from __future__ import annotations

import polars as pl

from runner.core.faults import Fault
from runner.data.joins.keys import Moments, keys_of_rows, keys_of_source, micros, times_of
from runner.data.joins.prepared import POSITION, Tally
from runner.data.joins.spec import AsofSpec

ROW, OTHER, MOMENT, HAPPENED, RANK = "__runner_row", "__runner_other", "__runner_moment", "__runner_happened", "__runner_rank"


class Asof:
    """A prepared as-of join.

    A row of the source is known from its time plus the lag on, and not before it arrived. Of the rows known at a row's
    time, that very moment included, the one that happened last counts; of several with the same key and time the last in
    the file. Older than the tolerance, null keys and null times never match.
    Raises FaultsError when it is made, if a time of the source cannot be read as one.
    """

    def __init__(self, spec: AsofSpec, other: pl.DataFrame, at: str) -> None:
        self.spec, self.tally = spec, Tally()
        self._time = Moments(f"{at}.time")
        keys = pl.DataFrame(keys_of_source(other, spec.by))
        self._types = dict(keys.schema)
        times = times_of(other, spec, at, strictly=False)
        self._clock = times.clock
        place = pl.int_range(other.height, eager=True).alias(OTHER)
        events = pl.DataFrame([place, times.happened.alias(HAPPENED), times.known.alias(MOMENT), *keys]).drop_nulls()
        self.tally.ties = events.height - events.select(HAPPENED, *spec.by).n_unique()
        self._states = _states(events, list(spec.by))
        self._values = other.select(pl.col(theirs).alias(mine) for mine, theirs in spec.columns.items())

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        by = list(self.spec.by)
        moment = self._time.read(rows[self.spec.time], rows[POSITION]).alias(MOMENT)
        left = pl.DataFrame([pl.int_range(rows.height, eager=True).alias(ROW), moment, *keys_of_rows(rows, self._types)]).drop_nulls().sort(MOMENT, ROW)
        matched = left.join_asof(self._states, on=MOMENT, by=by or None, strategy="backward", check_sortedness=False)
        if self.spec.tolerance_hours is not None:
            age = (pl.col(MOMENT) - pl.col(HAPPENED)).dt.total_microseconds()
            matched = matched.with_columns(pl.when(age <= micros(self.spec.tolerance_hours)).then(OTHER).alias(OTHER))
        every = pl.DataFrame({ROW: pl.int_range(rows.height, eager=True)})
        place = every.join(matched.select(ROW, OTHER), on=ROW, how="left", maintain_order="left")[OTHER]
        self.tally.count(place)
        return rows.with_columns(values.gather(place) for values in self._values)

    def faults(self) -> list[Fault]:
        return self._time.faults(self._clock)


def _states(events: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """From each moment at which something became known: the row that happened last among those known, by key, sorted by the moment."""
    # A row that arrives late does not take the place of a newer one that is known already.
    ranked = events.sort(HAPPENED, OTHER).with_row_index(RANK).sort(MOMENT, RANK)
    latest = pl.col(RANK).cum_max()
    best = ranked.select(MOMENT, *by, (latest.over(by) if by else latest).alias(RANK)).unique([MOMENT, *by], keep="last", maintain_order=True)
    return best.join(ranked.select(RANK, HAPPENED, OTHER), on=RANK, how="left", maintain_order="left").drop(RANK)
