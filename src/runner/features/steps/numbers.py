"""What the numeric kinds share: the values to learn from, and numbers in SQL."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.core.expressions import quoted
from runner.core.seeds import seed_for
from runner.features.steps.fitting import Fitting

# Nothing is learned from numbers beyond this: no real quantity is as large, and their squares have no bounds.
LARGEST = 1e100


def finite(column: pl.Series) -> np.ndarray:
    """(n,) Float64: the column's values that one can calculate with, in order."""
    values = column.cast(pl.Float64).drop_nulls().to_numpy()
    return np.asarray(values[np.abs(values) <= LARGEST])


def drawn(values: np.ndarray, most: int, given: Fitting, *name: str) -> np.ndarray:
    """At most so many of the values, a seeded draw in order."""
    if len(values) <= most:
        return values
    draw = np.random.default_rng(seed_for(given.seed, given.step, *name))
    return np.asarray(values[np.sort(draw.choice(len(values), most, replace=False))])


def usable(scale: float) -> float:
    """A scale to divide by: 1 where it is 0, or so small or large that quotients would have no bounds."""
    return scale if 1e-300 < scale < 1e300 else 1.0


def sql_number(value: float) -> str:
    """A number as SQL that reads back as the same one.

    >>> sql_number(0.1), sql_number(-2.0), sql_number(1e-7)
    ('0.1e0', '(-2.0e0)', '1e-07')
    """
    text = repr(float(value))
    written = text if "e" in text else f"{text}e0"
    return f"({written})" if value < 0 else written


def sql_float(column: str) -> str:
    """A column as a floating-point number in SQL."""
    return f"CAST({quoted(column)} AS DOUBLE)"


def sql_divided(x: str, divisor: float) -> str:
    """A division by a number that is not 0, written as a multiplication.

    Polars divides a column by a constant through the constant's inverse, but a single row exactly: written so, both give the same bytes.
    """
    return f"{x} * {sql_number(1.0 / divisor)}"
