"""Which candidates are worth their time on a table, the cheapest first."""

from __future__ import annotations

from typing import Any

from runner.core.registry import kinds
from runner.proposal.plain.found import PlainFound

SMALL_ROWS = 20_000
MANY_CLASSES = 30
TREES_ROWS = 200_000
CHEAPEST_FIRST = ("linear", "additive", "lightgbm", "extra_trees", "forest", "catboost", "ensemble")


def candidates_of(found: PlainFound) -> dict[str, dict[str, Any]]:
    """Name to candidate. Families that are not installed are left out, as are those that would hardly finish."""
    rows, classes = found.table.rows.height, len(found.outcome.labels)
    left_out = set()
    if rows > SMALL_ROWS or classes > 2:
        left_out.add("additive")
    if rows > TREES_ROWS or classes > MANY_CLASSES:
        left_out |= {"extra_trees", "forest"}
    if classes > MANY_CLASSES:
        left_out.add("catboost")
    there = set(kinds("candidate"))
    return {name: {"kind": name} for name in CHEAPEST_FIRST if name in there and name not in left_out}
