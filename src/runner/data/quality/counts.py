"""What is counted of every column over all rows, in one streaming pass: whole numbers and ends, which no order of adding can change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

# Above so many rows distinct values are estimated (HyperLogLog, within about 2%): exact sets of them take most of the time, and fill the memory.
COUNTED_ROWS = 500_000
# A plan of too many columns takes longer to make than to run.
AT_ONCE = 100
NUMBERS = (-1, -7, -8, -9, -88, -99, -888, -999, -9999, -99999, -999999, -9999999, 99, 999, 9999, 99999, 999999, 9999999, 99999999, 999999999)
"""Numbers that stand for 'unknown' in somebody's system; 0 is looked at apart."""
DATES = (date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1), date(9999, 12, 31))
WORDS = (
    "",
    "?",
    "-",
    "--",
    ".",
    "#n/a",
    "n/a",
    "na",
    "n.a.",
    "nan",
    "nil",
    "none",
    "null",
    "unknown",
    "unk",
    "missing",
    "not available",
    "not known",
    "not specified",
    "unspecified",
    "undefined",
    "tbd",
)
"""The same in text, without regard to case and surrounding spaces."""


@dataclass(frozen=True)
class Counts:
    """missing, distinct: of each column; ends: least and greatest value of numbers and times; is_exact: whether distinct is counted;
    odd: column to value to rows, for values that often stand for 'unknown'."""

    missing: Mapping[str, int]
    distinct: Mapping[str, int]
    ends: Mapping[str, tuple[Any, Any]]
    is_exact: bool
    odd: Mapping[str, Mapping[Any, int]]


def counted(rows: pl.LazyFrame, n_rows: int, schema: Mapping[str, pl.DataType]) -> Counts:
    """Counts of the columns of a schema, AT_ONCE of them in a pass."""
    made = Counts({}, {}, {}, n_rows <= COUNTED_ROWS, {})
    names = list(schema)
    for start in range(0, len(names), AT_ONCE):
        more = _counted(rows, made.is_exact, {name: schema[name] for name in names[start : start + AT_ONCE]})
        made = Counts({**made.missing, **more.missing}, {**made.distinct, **more.distinct}, {**made.ends, **more.ends}, made.is_exact, {**made.odd, **more.odd})
    return made


def _counted(rows: pl.LazyFrame, is_exact: bool, schema: Mapping[str, pl.DataType]) -> Counts:
    plain = {name: as_candidate(pl.col(name), dtype) for name, dtype in schema.items()}
    odd = {name: candidates(dtype) for name, dtype in schema.items()}
    asked: list[pl.Expr] = []
    for at, (name, dtype) in enumerate(schema.items()):
        value = pl.col(name)
        asked += [value.null_count().alias(f"{at}.missing")]
        asked += [(value.drop_nulls().n_unique() if is_exact else value.drop_nulls().approx_n_unique()).alias(f"{at}.distinct")]
        if dtype.is_numeric() or dtype.is_temporal():
            asked += [value.min().alias(f"{at}.low"), value.max().alias(f"{at}.high")]
        if odd[name]:
            asked += [plain[name].is_in(list(odd[name])).sum().alias(f"{at}.odd")]
    found = rows.select(asked).collect(engine="streaming").row(0, named=True)
    names = list(schema)
    none: dict[str, dict[Any, int]] = {name: {} for name in names}
    hit = {name: odd[name] for at, name in enumerate(names) if found.get(f"{at}.odd")}
    return Counts(
        {name: int(found[f"{at}.missing"]) for at, name in enumerate(names)},
        {name: int(found[f"{at}.distinct"]) for at, name in enumerate(names)},
        {name: (found[f"{at}.low"], found[f"{at}.high"]) for at, name in enumerate(names) if f"{at}.low" in found},
        is_exact,
        none | _each(rows.select(**{name: plain[name] for name in hit}), hit),
    )


def counted_here(rows: pl.DataFrame) -> Counts:
    """The same of a frame in memory, column by column: no plan has to be made for thousands of columns."""
    missing, distinct, ends, odd = {}, {}, {}, {}
    for values in rows.get_columns():
        name, known = values.name, values.drop_nulls()
        missing[name], distinct[name] = values.null_count(), known.n_unique()
        if values.dtype.is_numeric() or values.dtype.is_temporal():
            ends[name] = (values.min(), values.max())
        wanted = candidates(values.dtype)
        plain = known.str.strip_chars().str.to_lowercase() if values.dtype == pl.String else known.cast(pl.Date) if values.dtype.is_temporal() else known
        hits = plain.filter(plain.is_in(list(wanted))).alias("value") if wanted else plain.clear()
        rows_of = dict(hits.value_counts(name="rows").iter_rows()) if hits.len() else {}
        odd[name] = {v: int(rows_of[v]) for v in wanted if v in rows_of}
    return Counts(missing, distinct, ends, True, odd)


def _each(rows: pl.LazyFrame, candidates: Mapping[str, tuple[Any, ...]]) -> dict[str, dict[Any, int]]:
    """Rows of each candidate that is there, in the columns that have any."""
    if not candidates:
        return {}
    asked = [(pl.col(name) == pl.lit(v)).sum().alias(f"{at}.{n}") for at, name in enumerate(candidates) for n, v in enumerate(candidates[name])]
    found = rows.select(asked).collect(engine="streaming").row(0, named=True)
    return {name: {v: k for n, v in enumerate(values) if (k := int(found[f"{at}.{n}"]))} for at, (name, values) in enumerate(candidates.items())}


def candidates(dtype: pl.DataType) -> tuple[Any, ...]:
    """Values of a type that often stand for 'unknown'."""
    if dtype == pl.String:
        return WORDS
    if dtype.is_float():
        return tuple(float(n) for n in (0, *NUMBERS))
    if dtype.is_numeric():
        return (0, *NUMBERS)
    return DATES if dtype.is_temporal() else ()


def as_candidate(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """The values as they are compared with the candidates."""
    if dtype == pl.String:
        return value.str.strip_chars().str.to_lowercase()
    return value.cast(pl.Date) if dtype.is_temporal() else value
