"""Whether the times of two columns can be compared: both name a zone, or neither does."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from runner.core.faults import Fault

IN_TEXT = "in its text"


@dataclass(frozen=True)
class Clock:
    """What a time column says of its zone. name: as people know it; zone: its name, "" for none, None where nothing tells yet."""

    name: str
    zone: str | None
    is_date: bool = False

    def __str__(self) -> str:
        if self.zone == IN_TEXT:
            return f"{self.name} names a zone {IN_TEXT}"
        if self.zone:
            return f"{self.name} is in the zone {self.zone}"
        return f"{self.name} holds dates, which have no zone" if self.is_date else f"{self.name} has no zone"


def clock_of(name: str, dtype: pl.DataType) -> Clock:
    """As far as the type tells; text tells only when it is read."""
    if isinstance(dtype, pl.Datetime):
        return Clock(name, dtype.time_zone or "")
    return Clock(name, "" if dtype == pl.Date() else None, dtype == pl.Date())


def mixed(at: str, mine: Clock, theirs: Clock) -> Fault | None:
    """A fault where one of two times that are compared names a zone and the other does not: they may be hours apart."""
    if mine.zone is None or theirs.zone is None or bool(mine.zone) == bool(theirs.zone):
        return None
    plain, zoned = (theirs, mine) if mine.zone else (mine, theirs)
    hint = (
        f"`derive` in the source says what {plain.name} means: CAST(... AS TIMESTAMPTZ) of a moment where it is in UTC, text with '+01:00' after it where it "
        f"has a fixed offset; or take the local time of {zoned.name}, where that is a column with a zone: STRFTIME(..., '%Y-%m-%dT%H:%M:%S')"
    )
    return Fault(at, f"{mine}, and {theirs}: they may be hours apart", "both with a zone, or both without", hint)
