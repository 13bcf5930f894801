"""Values that stand for 'unknown': dates, words, and numbers that stand apart from all others."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from runner.data.quality.counts import DATES, as_candidate
from runner.data.quality.finding import Finding, Severity, Stake, as_yaml, bound, first, percent, sql_name
from runner.data.quality.look import Look

# A number stands for 'unknown' when at least so many rows have it and it stands far from the others.
LEAST_ROWS, LEAST_SHARE = 5, 0.0005
APART = 0.5
# Zeros in a column of amounts that are otherwise never near zero.
# With more of them, having nothing is an answer.
ZERO_SHARE, MOST_ZEROS, FAR_FROM_ZERO = 0.005, 0.2, 0.2


def check(look: Look) -> list[Finding]:
    """By exact counts over all rows; whether a number stands apart is judged on the sample."""
    found = [f for name in look.of_type("date", "datetime") for f in _dates(look, name)]
    found += [f for name in look.of_type("string") if (f := _words(look, name)) is not None]
    return found + [f for name in look.of_type("int", "float") for f in _numbers(look, name)]


def _dates(look: Look, name: str) -> list[Finding]:
    counts = look.counts.odd[name]
    return [_date(look, name, day, counts[day]) for day in DATES if day in counts]


def _date(look: Look, name: str, day: date, n: int) -> Finding:
    ids = _ids(look, name, [day])
    told = f"{n:,} rows have this date; declare it missing with derive"
    yaml = _nullif(look, name, f"CAST({{column}} AS DATE) <> DATE '{day.isoformat()}'")
    return Finding(
        "warned",
        f"column {name} may use {day.isoformat()} for 'unknown'",
        told,
        n,
        "sentinel",
        (name,),
        first(ids),
        yaml=yaml,
        stake=bound(ids, n, look.n_rows),
    )


def _words(look: Look, name: str) -> Finding | None:
    counts = dict(look.counts.odd[name])
    n = sum(counts.values())
    known = look.n_rows - look.counts.missing[name]
    if not n or n == known:
        return None
    told_as = ", ".join(f"'{word}' {rows:,}" for word, rows in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4])
    allowed = look.contract["columns"][name].get("allowed") or []
    declared = {str(value).strip().lower() for value in allowed}
    is_declared = set(counts) <= declared
    ids = _ids(look, name, list(counts))
    told = f"{told_as} ({percent(n / look.n_rows)} of the training rows)" + ("; the contract allows it" if is_declared else "")
    hint = "one way to say 'unknown' in each column: make these values missing, or allow them in the contract"
    listed = ", ".join("'" + w.replace("'", "''") + "'" for w in sorted(counts))
    yaml = "" if is_declared else _nullif(look, name, f"LOWER(TRIM({{column}})) NOT IN ({listed})")
    severity: Severity = "info" if is_declared else "warned"
    stake: Stake | None = None if is_declared else bound(ids, n, look.n_rows)
    return Finding(severity, f"column {name} has words for 'unknown'", told, n, "sentinel", (name,), first(ids), "" if is_declared else hint, yaml, stake)


def _numbers(look: Look, name: str) -> list[Finding]:
    values = look.numbers(name)
    known = values[np.isfinite(values)]
    found = []
    for value, n in look.counts.odd[name].items():
        if n < max(LEAST_ROWS, LEAST_SHARE * look.n_rows) or n == known.size:
            continue
        rest = np.sort(known[~np.isin(known, [float(v) for v in look.counts.odd[name]])])
        if len(rest) < LEAST_ROWS:
            continue
        if _is_zero(value, n, look, rest) or (value != 0 and _is_apart(float(value), rest)):
            found.append(_number(look, name, value, n, rest))
    return found


def _is_apart(value: float, rest: np.ndarray) -> bool:
    """Below or above all others, by a part of their middle; a negative one is apart where no other is negative."""
    if value < 0 and rest[0] >= 0:
        return True
    low, high = np.quantile(rest, [0.01, 0.99], method="inverted_cdf")
    away = max(rest[0] - value, value - rest[-1])
    is_far = away > APART * max(high - low, 1e-12) and abs(value) >= 99
    return bool(is_far or (away > 0 and abs(value) >= 999 and abs(value) > 3 * max(abs(low), abs(high))))


def _is_zero(value: float, n: int, look: Look, rest: np.ndarray) -> bool:
    if value != 0 or rest[0] <= 0 or not ZERO_SHARE <= n / look.n_rows <= MOST_ZEROS:
        return False
    low, middle = np.quantile(rest, [0.01, 0.5], method="inverted_cdf")
    # Counts start at zero by nature: 1 is the usual first step from it.
    return bool(low > 1 and low >= FAR_FROM_ZERO * middle)


def _number(look: Look, name: str, value: float, n: int, rest: np.ndarray) -> Finding:
    ids = _ids(look, name, [value])
    told = f"{n:,} rows ({percent(n / look.n_rows)}) have it, all others lie from {rest[0]:.6g} to {rest[-1]:.6g}"
    hint = "make it missing, so that it is not taken for an amount"
    yaml = _nullif(look, name, f"{{column}} <> {value:g}")
    return Finding("warned", f"column {name} may use {value:g} for 'unknown'", told, n, "sentinel", (name,), first(ids), hint, yaml, bound(ids, n, look.n_rows))


def _nullif(look: Look, name: str, condition: str) -> str:
    kind, column = look.contract["columns"][name]["type"], sql_name(name)
    sql = f"CASE WHEN {condition.format(column=column)} THEN {column} END"
    made = f"{name}_known"
    return as_yaml({"data": {"derive": {made: sql}, "columns": {made: {"type": kind, "nullable": True}}}})


def _ids(look: Look, name: str, values: list[object]) -> np.ndarray:
    plain = as_candidate(pl.col(name), look.sample[name].dtype)
    hit = pl.any_horizontal([plain == pl.lit(value) for value in values]).fill_null(value=False)
    hits = look.sample.select(hit.alias("hit"))["hit"].to_numpy()
    return np.asarray(look.ids[hits])
