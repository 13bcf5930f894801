"""Made-up rows that keep a contract: what a bundle is checked with, without carrying anybody's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from math import ceil, floor
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.casts import DTYPES
from runner.bundle.contract import breaches

FIRST_DAY = date(2020, 1, 1)
RANGE = 1000.0
LARGEST, LARGEST_WHOLE = 1e300, 2.0**62


def rows(contract: Mapping[str, Any], n: int, seed: int, levels: Mapping[str, list[str]] | None = None) -> pl.DataFrame:
    """Up to n rows that break no rule of the contract, without the target and without columns known only afterwards.

    levels: for text columns without an allowed set, values to draw from. Each column is drawn by itself.
    """
    draw = np.random.default_rng(seed)
    columns = {
        name: _column(column, n, draw, (levels or {}).get(name))
        for name, column in contract["columns"].items()
        if name != contract.get("target") and column["available"] == "at_decision"
    }
    made = pl.DataFrame([pl.Series(name, values, dtype=DTYPES[contract["columns"][name]["type"]], strict=False) for name, values in columns.items()])
    return made.filter(breaches(made, contract).list.len() == 0)


def _limits(least: float | None, most: float | None) -> tuple[float, float]:
    """Both ends of a range to draw from, near enough to each other for a draw to be a number."""
    nearest = 0.0 if most is None or most >= 0 else most - RANGE
    low = least if least is not None else nearest
    high = most if most is not None else max(low * 2, low + RANGE)
    # Adding nothing takes the sign off a negative zero, which a draw would read as below zero.
    return max(low, -LARGEST) + 0.0, min(high, LARGEST) + 0.0


def _whole(low: float, high: float, n: int, draw: np.random.Generator) -> list[int]:
    first, last = (whole(max(-LARGEST_WHOLE, min(limit, LARGEST_WHOLE))) for whole, limit in ((ceil, low), (floor, high)))
    # Where no whole number lies between, the rows made break the contract and are left out.
    found: list[int] = draw.integers(first, max(first, last) + 1, n).tolist()
    return found


def _column(column: Mapping[str, Any], n: int, draw: np.random.Generator, levels: list[str] | None) -> list[Any]:
    low, high = _limits(column.get("min"), column.get("max"))
    words = column.get("allowed") or levels or ["a", "b"]
    makers: dict[str, Any] = {
        "int": lambda: _whole(low, high, n, draw),
        # Rounded to look like amounts, where that stays inside the limits.
        "float": lambda: np.clip(np.round(draw.uniform(low, high, n), 4), low, high).tolist(),
        "bool": lambda: (draw.random(n) < 0.5).tolist(),  # noqa: PLW0108 - drawn only when asked for
        "date": lambda: [FIRST_DAY + timedelta(days=int(d)) for d in draw.integers(0, 365, n)],
        "datetime": lambda: [datetime(2020, 1, 1) + timedelta(minutes=int(m)) for m in draw.integers(0, 365 * 1440, n)],
        "string": lambda: [words[i] for i in draw.integers(0, len(words), n)],
    }
    values: list[Any] = makers[column["type"]]()
    if column["nullable"]:
        gaps = draw.random(n) < 0.1
        return [None if gap else value for gap, value in zip(gaps, values, strict=True)]
    return values
