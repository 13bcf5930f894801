"""Each column in a line: type, gaps, distinct values, and range or most common values."""

from __future__ import annotations

from math import isfinite
from typing import Any

import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.look import Look
from runner.data.seal import moment_text

TOP_VALUES = 5
# More distinct values than this are not grouped over all rows: no single one of them is common.
MOST_GROUPED = 100_000


def summary(look: Look) -> dict[str, dict[str, Any]]:
    """Column to type, missing share, number of distinct values, and range or most common values; keys without values."""
    return {name: _column(look, name) for name in look.columns}


def _column(look: Look, name: str) -> dict[str, Any]:
    n_distinct, n_missing = look.counts.distinct[name], look.counts.missing[name]
    found: dict[str, Any] = {
        "type": str(look.contract["columns"][name]["type"]),
        "missing_share": n_missing / look.n_rows if look.n_rows else None,
        "distinct": n_distinct,
    }
    if not look.counts.is_exact:
        found["distinct_is_estimated"] = True
    if name in look.task.key or n_missing == look.n_rows:
        return found
    if look.sample[name].dtype in (pl.String, pl.Boolean):
        return found | {"top": _top(look, name, n_distinct)}
    low, high = look.counts.ends[name]
    low, high = _finite(low), _finite(high)
    as_time = look.sample[name].dtype.is_temporal()
    return found | {"min": moment_text(low) if as_time else low, "max": moment_text(high) if as_time else high}


def _finite(end: Any) -> Any:
    """None for an end that JSON has no number for."""
    return None if isinstance(end, float) and not isfinite(end) else end


def _top(look: Look, name: str, n_distinct: int) -> list[dict[str, Any]]:
    """The most common values: of all rows, or by the sample where there are too many different ones."""
    value = pl.col(name).cast(pl.String).alias("value")
    by_sample = n_distinct > MOST_GROUPED or not look.is_sampled
    rows = look.sample.select(value).lazy() if by_sample else look.rows.select(value)
    counted = rows.drop_nulls().group_by("value").agg(pl.len().alias("rows")).collect(engine="in-memory" if by_sample else "streaming")
    most = counted.sort(["rows", "value"], descending=[True, False]).head(TOP_VALUES)
    return [{"value": shown(value)[1:-1] if value else value, "rows": look.scaled(n) if by_sample else n} for value, n in most.iter_rows()]
