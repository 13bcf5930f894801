"""Folds by the size of a table, and by what is said of time and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from runner.core.faults import fault
from runner.proposal.outcome import Outcome
from runner.proposal.table import Column

TINY, LARGE = 1000, 100_000
MANY, USUAL, FEW = 10, 5, 3
BLOCKS = 4
LONG = 0.2  # of all rows in order, that a usual group spans


@dataclass(frozen=True)
class Folds:
    """kind: of the split; folds: how many; declared: the split's keys as config has them."""

    kind: str
    folds: int
    declared: dict[str, Any]


def folds_of(rows: pl.DataFrame, outcome: Outcome, time: Column | None, group: Column | None, test_share: float) -> Folds:
    """Walking forward in time, whole groups, or at random: more folds the fewer rows there are.

    rows: those with an outcome. Raises FaultsError where time or groups cannot be cut.
    """
    kept = int(rows.height * (1 - test_share))
    if time is not None and not (group is not None and _live_long(rows, time.name, group.name)):
        moments = int(rows[time.name].n_unique())
        if moments < 3:
            raise fault("--time-column", f"{time.raw!r} has {moments} different values", "at least 3 moments, better hundreds", "leave --time-column out")
        blocks = min(BLOCKS, moments - (2 if test_share else 1))
        column = time.name if time.is_moment else f"{time.name}_order"
        both = {"group": group.name} if group is not None else {}
        return Folds("by_time_and_group" if both else "by_time", blocks, {"column": column, **both, "test_share": test_share, "folds": blocks})
    most = MANY if kept < TINY else USUAL if kept < LARGE else FEW
    most = min(most, max(2, kept // 2))
    if outcome.task == "binary":
        most = min(most, int(outcome.rarest * (1 - test_share)))
    if group is not None:
        groups = int(rows[group.name].n_unique())
        if groups < 3:
            raise fault("--group-column", f"{group.raw!r} has {groups} different values", "at least 3 groups, better hundreds", "leave --group-column out")
        most = min(most, groups - (1 if test_share else 0), USUAL)
        return Folds("grouped", max(2, most), {"group": group.name, "test_share": test_share, "folds": max(2, most)})
    return Folds("stratified", max(2, most), {"test_share": test_share, "folds": max(2, most)})


def _live_long(rows: pl.DataFrame, time: str, group: str) -> bool:
    """Whether groups last through most folds: to leave out all that later folds have too would leave nothing to learn from, so groups go first."""
    place = rows.select(group=pl.col(group), place=pl.col(time).rank("ordinal") / rows.height)
    spans = place.group_by("group").agg(span=pl.col("place").max() - pl.col("place").min())["span"].to_numpy()
    return float(spans.mean()) > LONG
