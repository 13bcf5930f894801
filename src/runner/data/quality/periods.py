"""Rows by period of time: days, weeks or months, whichever leaves enough periods with enough rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from runner.data.quality.look import Look

Length = Literal["1mo", "1w", "1d"]
WORDS: dict[Length, str] = {"1mo": "month", "1w": "week", "1d": "day"}
FEWEST, MOST, ROWS = 6, 400, 30
PERIOD = "__runner_period"


@dataclass(frozen=True)
class Periods:
    """length: of a period; starts: of all periods from the first row to the last, sorted; rows: how many each has."""

    length: Length
    starts: pl.Series
    rows: pl.Series

    @property
    def word(self) -> str:
        """A period, for people."""
        return WORDS[self.length]

    @property
    def texts(self) -> tuple[str, ...]:
        """ISO dates of the starts."""
        return tuple(day.isoformat() for day in self.starts.to_list())


def start_of(clock: str, length: Length) -> pl.Expr:
    """The first day (Date) of the period of each row."""
    return pl.col(clock).cast(pl.Date).dt.truncate(length)


def periods(look: Look) -> Periods | None:
    """None where no column puts rows in time, or there are too few rows or too short a time to compare."""
    if look.clock is None or look.n_rows < FEWEST * ROWS:
        return None
    by_day = (
        look.rows.select(day=pl.col(look.clock).cast(pl.Date)).drop_nulls().group_by("day").agg(pl.len().alias("rows")).collect(engine="streaming").sort("day")
    )
    if not by_day.height:
        return None
    for length in WORDS:
        found = _spread(by_day, length)
        if FEWEST <= len(found.starts) <= MOST and float(found.rows.median() or 0) >= ROWS:  # type: ignore[arg-type]
            return found
    return None


def _spread(by_day: pl.DataFrame, length: Length) -> Periods:
    counted = by_day.group_by(pl.col("day").dt.truncate(length).alias("start")).agg(pl.col("rows").sum()).sort("start")
    every = pl.DataFrame({"start": pl.date_range(counted["start"].min(), counted["start"].max(), length, eager=True)})  # type: ignore[arg-type]
    whole = every.join(counted, on="start", how="left", maintain_order="left").with_columns(pl.col("rows").fill_null(0))
    return Periods(length, whole["start"], whole["rows"])
