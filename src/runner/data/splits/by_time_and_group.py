"""The latest rows are the test, and no group of the test stands in training: what a model earns later, on customers that it has never seen."""

from __future__ import annotations

from typing import Literal

import polars as pl

from runner.core.registry import register
from runner.data.splits.groups import codes_of
from runner.data.splits.in_time import TimedSpec, place_in_time, skips_in_time


class ByTimeAndGroupSpec(TimedSpec):
    """Test: the latest share of the rows; earlier rows of its groups are left out of training (purged). Folds walk forward, purged likewise."""

    kind: Literal["by_time_and_group"]
    group: str
    """Column whose equal values belong together. Several columns: join them with `derive`."""

    def skips(self, rows: pl.DataFrame, place: pl.Series) -> pl.Series | None:
        return skips_in_time(self, rows[self.column], place, codes_of(rows[self.group]))


@register("split", ByTimeAndGroupSpec)
def assign(spec: ByTimeAndGroupSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: as `by_time`, and -4 for rows that are left out because the test has a row of their group."""
    return place_in_time(spec, rows[spec.column], codes_of(rows[spec.group]))
