"""The latest rows are the test; folds walk forward through the rest."""

from __future__ import annotations

from typing import Literal

import polars as pl

from runner.core.registry import register
from runner.data.splits.in_time import TimedSpec, place_in_time, skips_in_time


class ByTimeSpec(TimedSpec):
    """Test: the latest share of the rows. Fold k is validated on a block of time and trained on all earlier blocks."""

    kind: Literal["by_time"]

    def skips(self, rows: pl.DataFrame, place: pl.Series) -> pl.Series | None:
        return skips_in_time(self, rows[self.column], place)


@register("split", ByTimeSpec)
def assign(spec: ByTimeSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: -2 test, -3 left out before the test, -1 the first block (trained on, never validated), 0 to folds-1 later blocks."""
    return place_in_time(spec, rows[spec.column])
