"""Holes in time: stretches without rows, and parts of the year or week that are never there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import groupby

import polars as pl

from runner.data.quality.finding import Finding, Picture, Severity
from runner.data.quality.look import Look
from runner.data.quality.periods import Periods, periods

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# A part of the year or week is expected once the rows span it twice, with so many rows for each by chance.
SPANS, EXPECTED = 2, 20
YEAR = 365


def check(look: Look) -> list[Finding]:
    """Of the column that puts rows in time."""
    found = periods(look)
    if found is None or look.clock is None:
        return []
    return [*_stretches(look, found, look.clock), *_never(look, look.clock)]


def _stretches(look: Look, found: Periods, clock: str) -> list[Finding]:
    rows = found.rows.to_list()
    empty = [at for at, n in enumerate(rows) if n == 0]
    # Where a third of the periods is empty, the rhythm of the rows is another than ours.
    if not empty or len(empty) > len(rows) / 3:
        return []
    runs = [[at for _, at in group] for _, group in groupby(enumerate(empty), key=lambda pair: pair[1] - pair[0])]
    starts = found.starts.to_list()
    told_as = [_run(starts, run, found.word) for run in runs]
    usual = int(found.rows.filter(found.rows > 0).median() or 0)  # type: ignore[arg-type]
    more = f" and {len(told_as) - 4} more" if len(told_as) > 4 else ""
    told = f"no rows in {', '.join(told_as[:4])}{more}; a {found.word} with rows has about {usual:,}"
    hint = "find out whether nothing happened or nothing was kept; what is missing from training cannot be learned"
    picture = Picture("rows", found.texts, tuple(float(n) for n in rows), tuple(empty))
    noun = found.word if len(empty) == 1 else f"{found.word}s"
    return [Finding("warned", f"{len(empty)} {noun} without a row", told, 0, "hole", (clock,), next=hint, picture=picture)]


def _run(starts: Sequence[date], run: list[int], word: str) -> str:
    ends = [starts[at].strftime("%Y-%m" if word == "month" else "%Y-%m-%d") for at in (run[0], run[-1])]
    return ends[0] if len(run) == 1 else f"{ends[0]} to {ends[1]}"


def _never(look: Look, clock: str) -> list[Finding]:
    low, high = (end.date() if hasattr(end, "date") else end for end in look.counts.ends[clock])
    n_days = (high - low).days + 1
    found = []
    for name, part, parts, span in (("month", pl.col("day").dt.month(), MONTHS, YEAR), ("weekday", pl.col("day").dt.weekday(), DAYS, 7)):
        if n_days < SPANS * span or look.n_rows < EXPECTED * len(parts):
            continue
        days = look.rows.select(day=pl.col(clock).cast(pl.Date)).drop_nulls().select(part=part)
        there = set(days.unique().collect(engine="streaming")["part"].to_list())
        never = [title for number, title in enumerate(parts, 1) if number not in there]
        if never and len(never) <= len(parts) / 2:
            severity: Severity = "warned" if name == "month" else "info"
            told = f"the rows run from {low.isoformat()} to {high.isoformat()}, and none of them lies in {', '.join(never)}"
            what = f"no rows in some {name}s of {'the year' if name == 'month' else 'the week'}"
            hint = "a model has never seen that part: have such rows decided in another way, or bring them"
            found.append(Finding(severity, what, told, 0, "hole", (clock,), next=hint))
    if n_days < YEAR - 31:
        seen = look.rows.select(month=pl.col(clock).dt.month()).drop_nulls().unique().collect(engine="streaming")["month"]
        if 0 < seen.len() < len(MONTHS) and look.n_rows >= EXPECTED * len(MONTHS):
            told = f"{seen.len()} of 12 months of the year are there, from {low.isoformat()} to {high.isoformat()}"
            found.append(Finding("info", "the rows cover part of a year", f"{told}; seasons cannot be learned", 0, "hole", (clock,)))
    return found
