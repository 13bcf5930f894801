"""Keys of two tables in a common type, and times as moments, whatever slice of the rows is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from runner.bundle.casts import DATE, cast
from runner.bundle.contract import shown
from runner.core.faults import Fault, FaultsError
from runner.data.joins.spec import TimedJoinSpec
from runner.data.joins.zones import IN_TEXT, Clock, clock_of, mixed

SHOWN_KEYS = 5
TEXTS = (pl.String, pl.Categorical, pl.Enum)
WIDE = (pl.UInt64, pl.Int128, pl.UInt128)


def common_key(left: pl.DataType, right: pl.DataType) -> pl.DataType | None:
    """The type in which two key columns can be compared, or None: keys are never rounded or parsed to fit."""
    if left.is_integer() and right.is_integer():
        return pl.Int128()
    if isinstance(left, TEXTS) and isinstance(right, TEXTS):
        return pl.String()
    return left if left == right and not left.is_float() else None


def held_as(dtype: pl.DataType) -> pl.DataType:
    """The type in which a key column of the matched source is held."""
    if dtype.is_integer():
        return pl.Int128() if isinstance(dtype, WIDE) else pl.Int64()
    return pl.String() if isinstance(dtype, TEXTS) else dtype


def keys_of_source(other: pl.DataFrame, on: Mapping[str, str]) -> list[pl.Series]:
    """The matched source's keys under the names of the rows' columns."""
    return [other[theirs].cast(held_as(other.schema[theirs])).alias(mine) for mine, theirs in on.items()]


def keys_of_rows(rows: pl.DataFrame, types: Mapping[str, pl.DataType]) -> list[pl.Series]:
    """The rows' keys in the types of the source's. A value that does not fit there is equal to none, as null is."""
    return [rows[mine].cast(dtype, strict=False) for mine, dtype in types.items()]


@dataclass
class Moments:
    """A time column of the rows as moments, slice by slice; what is no time is missing, and told at the end.

    Text in which only some values name a zone is ambiguous; that shows only when all slices are seen.
    """

    at: str
    bad: Fault | None = None
    plain: Fault | None = None
    zoned: bool = False
    clock: Clock | None = None

    def read(self, values: pl.Series, rows: pl.Series) -> pl.Series:
        """The values as Datetime in microseconds, UTC where they name a zone. rows: their positions in the source."""
        found = cast(values, "datetime")
        if self.clock is None or self.clock.zone is None:
            zone = IN_TEXT if found.zoned else "" if found.plain is not None and found.plain.any() else None
            told = clock_of(repr(values.name), values.dtype)
            self.clock = Clock(told.name, zone) if told.zone is None else told
        self.zoned = self.zoned or found.zoned
        if found.bad.any() and self.bad is None:
            self.bad = self._fault(values, rows, int(found.bad.arg_max() or 0))
        if found.plain is not None and self.plain is None and found.plain.any():
            self.plain = self._fault(values, rows, int(found.plain.arg_max() or 0))
        return found.values

    def faults(self, theirs: Clock | None = None) -> list[Fault]:
        """What was wrong, the first of it. theirs: of the times that these are compared with."""
        if self.bad is not None:
            return [self.bad]
        if self.zoned and self.plain is not None:
            return [self.plain]
        wrong = None if theirs is None or self.clock is None else mixed(self.at, self.clock, theirs)
        return [] if wrong is None else [wrong]

    def _fault(self, values: pl.Series, rows: pl.Series, row: int) -> Fault:
        wrong = f"column {values.name!r} ({values.dtype}): row {rows[row]} (from 0) has {shown(values[row])}"
        return Fault(self.at, wrong, "a date or time, in text all with a zone or all without", "make one under `derive`")


@dataclass(frozen=True)
class Times:
    """The other source's times as Datetime in microseconds. happened: of its rows, a date as its midnight; known: from when on they are known,
    null where that never is; clock: what their column says of zones."""

    happened: pl.Series
    known: pl.Series
    clock: Clock


def times_of(other: pl.DataFrame, spec: TimedJoinSpec, at: str, *, strictly: bool) -> Times:
    """When the rows of the other source happened, and from when on they are known. strictly: a row is seen after that moment, not at it.

    They are known the lag after they happened, and not before they arrived. A date is a whole day: where neither lag nor arrival is
    declared it is known when the day is over, and so is the date of an arrival.
    Raises FaultsError naming the first value that is no time, and where only one of both columns has a zone.
    """
    happened, clock = _moments(other[spec.source_time], f"{at}.source_time", spec.source)
    # Seen by whoever comes at the next midnight, and by nobody before.
    day = pl.duration(microseconds=micros(24) - int(strictly))
    if spec.arrival is None:
        lag = day if spec.lag_hours is None else pl.duration(microseconds=micros(spec.lag_hours))
        is_late = _is_date(other[spec.source_time]) if spec.lag_hours is None else pl.Series([True])
        known = pl.select(known=pl.when(is_late).then(pl.lit(happened) + lag).otherwise(pl.lit(happened)))["known"]
        return Times(happened, known, clock)
    arrived, arrival = _moments(other[spec.arrival], f"{at}.arrival", spec.source)
    if wrong := mixed(f"{at}.arrival", arrival, clock):
        raise FaultsError([wrong])
    come = pl.when(_is_date(other[spec.arrival])).then(pl.lit(arrived) + day).otherwise(pl.lit(arrived))
    settled = pl.lit(happened) + pl.duration(microseconds=micros(spec.lag_hours or 0.0))
    known = pl.select(known=pl.when(settled.is_not_null() & come.is_not_null()).then(pl.max_horizontal(settled, come)))["known"]
    return Times(happened, known, clock)


def _moments(values: pl.Series, at: str, source: str) -> tuple[pl.Series, Clock]:
    reading = Moments(at)
    found = reading.read(values, pl.int_range(values.len(), eager=True))
    if faults := reading.faults():
        raise FaultsError(faults)
    clock = reading.clock or clock_of("", pl.Null())
    return found, replace(clock, name=f"{values.name!r} of {source!r}")


def _is_date(values: pl.Series) -> pl.Series:
    """Where a time names a day and no moment of it; TRUE or FALSE."""
    if isinstance(values.dtype, TEXTS):
        return values.cast(pl.String).str.strip_chars().str.contains(DATE).fill_null(value=False)
    return pl.Series([values.dtype == pl.Date]).new_from_index(0, values.len())


def micros(hours: float) -> int:
    """Hours in whole microseconds."""
    return round(hours * 3_600_000_000)


def shown_keys(keys: pl.DataFrame, n_keys: int | None = None) -> str:
    """The first keys for a message. n_keys: how many there are, where the frame has not all."""
    many = keys.height if n_keys is None else n_keys
    some = [", ".join(f"{name} = {shown(value)}" for name, value in row.items()) for row in keys.head(SHOWN_KEYS).to_dicts()]
    return "; ".join(some) + (f"; and {many - SHOWN_KEYS} more" if many > SHOWN_KEYS else "")
