"""Dates that cannot be: no such day, far off, or after the moment of decision."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.counts import DATES
from runner.data.quality.finding import Finding, as_yaml, bound, first, percent, sql_name
from runner.data.quality.look import Look

FIRST, LAST = date(1900, 1, 1), date(2100, 1, 1)
LEAST_ROWS, MOSTLY = 50, 0.9
# What lies after the decision in many rows is meant to, such as the day of an arrival.
RARELY = 0.1
ISO = r"^\s*\d{4}-\d{1,2}-\d{1,2}"


def check(look: Look) -> list[Finding]:
    """Columns of dates and moments, and text that is written as dates."""
    found = [_far_off(look, name) for name in look.of_type("date", "datetime")]
    found += [_later(look, name) for name in look.of_type("date", "datetime")]
    found += [_no_day(look, name) for name in look.of_type("string")]
    return [finding for finding in found if finding is not None]


def _far_off(look: Look, name: str) -> Finding | None:
    low, high = (end.date() if hasattr(end, "date") else end for end in look.counts.ends[name])
    if low is None or (low >= FIRST and high <= LAST):
        return None
    day = pl.col(name).cast(pl.Date)
    odd = ((day < FIRST) | (day > LAST)) & ~day.is_in(list(DATES))
    n = int(look.rows.select(odd.sum()).collect(engine="streaming").item())
    if not n or n > look.n_rows / 2:
        return None
    ids = _ids(look, odd)
    told = f"{n:,} rows lie before {FIRST.year} or after {LAST.year}; the column runs from {low.isoformat()} to {high.isoformat()}"
    return _impossible(look, name, told, n, ids, _rule(name, f"CAST({sql_name(name)} AS DATE) BETWEEN DATE '1900-01-01' AND DATE '2100-01-01'"))


def _later(look: Look, name: str) -> Finding | None:
    clock = look.clock
    if clock is None or name == clock or name not in look.known:
        return None
    odd = (pl.col(name).cast(pl.Date) > pl.col(clock).cast(pl.Date)) & ~pl.col(name).cast(pl.Date).is_in(list(DATES))
    n = int(look.rows.select(odd.sum()).collect(engine="streaming").item())
    known = look.n_rows - look.counts.missing[name]
    if not n or n / max(known, 1) > RARELY:
        return None
    told = f"{n:,} rows ({percent(n / known)}) have a {name} after {clock}, though it is declared known at the decision"
    return _impossible(look, name, told, n, _ids(look, odd), _rule(name, f"{sql_name(name)} <= {sql_name(clock)}"))


def _no_day(look: Look, name: str) -> Finding | None:
    text = look.sample[name]
    n_known = text.len() - text.null_count()
    if n_known < LEAST_ROWS:
        return None
    dated = text.str.contains(ISO).fill_null(value=False)
    if int(dated.sum()) < MOSTLY * n_known:
        return None
    bad = dated & text.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False).is_null()
    n = int(bad.sum())
    if not n:
        return None
    examples = ", ".join(shown(value) for value in sorted(set(text.filter(bad).head(1000)))[:3])
    told = f"{look.scaled(n):,} rows hold no day of the calendar, such as {examples}"
    return _impossible(look, name, told, look.scaled(n), look.ids[bad.to_numpy()], "")


def _rule(name: str, sql: str) -> str:
    return as_yaml({"data": {"rules": {f"{name}_can_be": {"sql": sql}}}})


def _impossible(look: Look, name: str, told: str, n: int, ids: np.ndarray, yaml: str) -> Finding:
    hint = "find out what they stand for; a rule sets such rows aside until then"
    return Finding("warned", f"column {name} has impossible dates", told, n, "impossible_date", (name,), first(ids), hint, yaml, bound(ids, n, look.n_rows))


def _ids(look: Look, odd: pl.Expr) -> np.ndarray:
    hits = look.sample.select(odd.fill_null(value=False).alias("odd"))["odd"].to_numpy()
    return np.asarray(look.ids[hits])
