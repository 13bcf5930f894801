"""What every kind of split declares, and the places that it gives rows."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from runner.core.spec import KindSpec

FIRST_BLOCK, TEST, EMBARGOED, PURGED = -1, -2, -3, -4
"""Places beside the folds 0, 1, ...: trained on and never validated; the test; left out because too near in time to the test;
left out because the test has a row of the same group."""


class SplitSpec(KindSpec):
    """A way to set rows apart, with a field `folds`. walks_forward: a fold is trained on earlier folds only, not on all the others."""

    walks_forward: ClassVar[bool]
    strict: bool = False
    """Whether an order in time or groups that the rows show and the split ignores refuse the run, instead of warning."""

    def columns_needed(self) -> list[str]:
        """Columns that `assign` and `skips` read beside row_id and the target; a kind with other keys than these says so itself."""
        named = [getattr(self, key, None) for key in ("column", "group")]
        return list(dict.fromkeys(name for name in named if isinstance(name, str)))

    def skips(self, rows: pl.DataFrame, place: pl.Series) -> pl.Series | None:
        """List(Int8) a row: folds that would be trained on it and must not; None where there is no such row whatever the data.

        rows: as `assign` was given them; place: what it gave back.
        """
        return None


def blocks_of(before: pl.Series, share: float, blocks: int) -> pl.Series:
    """Block of each row that is trained on, Int64 from FIRST_BLOCK on. before: share of the rows that stand before it; share: where the test begins."""
    return (before / share * blocks).floor().cast(pl.Int64).clip(0, blocks - 1) + FIRST_BLOCK
