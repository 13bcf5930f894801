"""Whether a plain function gives what Polars gives, tried where the two are likeliest to differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from random import Random
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from runner.bundle.columns import compute
from runner.bundle.single.compiled import literals
from runner.bundle.single.functions import BITS, DAY, FLOAT, MOMENT, PLAIN, TEXT, TRUTH, Function, HandBackError

N_ROWS, GAPS = 64, 0.15
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.7, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan)
WHOLE = (0, 1, -1, 2, -3, 7, 60, 100, 127, -128, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
TEXTS = ("", "a", "B", "\u00e9", "two words", "\U0001f600")
DAYS = (date(1970, 1, 1), date(1969, 12, 31), date(2000, 2, 29), date(2020, 12, 31), date(2021, 1, 3), date(2023, 7, 1))
MOMENTS = tuple(datetime(d.year, d.month, d.day, 23 * (i % 2), 59 * (i % 3) // 2, i, 999_999 * (i % 2)) for i, d in enumerate(DAYS))


def trial_rows(schema: Mapping[str, pl.DataType], expressions: Iterable[pl.Expr], row: pl.DataFrame) -> pl.DataFrame:
    """Rows of awkward values, and of those that stand in the expressions; the first is a real one. Columns that are not plain are left out."""
    draw = Random(0)  # noqa: S311 - the same rows each time; nothing secret
    known = set(literals(expressions))
    columns = []
    for name, dtype in schema.items():
        if dtype in PLAIN:
            choice = _choice(dtype, known)
            first = row[name].item() if name in row.columns else None
            drawn = [None if draw.random() < GAPS else draw.choice(choice) for _ in range(N_ROWS - 1)]
            columns.append(pl.Series(name, [first, *drawn], dtype=dtype))
    return pl.DataFrame(columns)


def _choice(dtype: pl.DataType, known: Iterable[Any]) -> Sequence[Any]:
    numbers = sorted(v for v in known if isinstance(v, (int, float)) and not isinstance(v, bool))
    if dtype in BITS:
        near = {int(v) + step for v in numbers if math.isfinite(v) for step in (-1, 0, 1)}
        return sorted(v for v in {*WHOLE, *near} if -(2 ** BITS[dtype]) <= v < 2 ** BITS[dtype])
    if dtype == FLOAT:
        return [*NUMBERS, *map(float, numbers)]
    choices: dict[pl.DataType, Sequence[Any]] = {
        TEXT: [*TEXTS, *sorted(v for v in known if isinstance(v, str))],
        TRUTH: (True, False),
        DAY: DAYS,
        MOMENT: MOMENTS,
    }
    return choices[dtype]


def agrees(function: Function, name: str, expression: pl.Expr, rows: pl.DataFrame) -> bool:
    """Whether a function gives to the bit what its expression gives on the rows, except where it hands back."""
    try:
        expected = compute(rows, {name: expression})[name].to_list()
    except PolarsError:
        return False
    return all(_is_same(function, values, value) for values, value in zip(rows.iter_rows(named=True), expected, strict=True))


def _is_same(function: Function, values: Mapping[str, Any], expected: Any) -> bool:
    try:
        found = function(values)
    except HandBackError:
        return True
    # As text, numbers differ in their last bit and zeros in their sign.
    return type(found) is type(expected) and repr(found) == repr(expected)
