"""The last rows of the source are the test; folds walk forward through the rest: for rows that were written down as they came, without their time."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.core.registry import register
from runner.data.splits.split import TEST, SplitSpec, blocks_of


class ByOrderSpec(SplitSpec):
    """Test: the last share of the rows as they stand in the source. Where a column says when a row was, `by_time` is better."""

    walks_forward: ClassVar[bool] = True
    """A fold is trained on earlier blocks only."""
    kind: Literal["by_order"]
    test_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the rows, the last ones, that are sealed for the test; 0: none, every row is learned from, and the experiment cannot be adopted."""
    folds: int = Field(default=4, ge=1, le=100)
    """Blocks of rows that are validated one after the other; there is one block more, which is only trained on."""


@register("split", ByOrderSpec)
def assign(spec: ByOrderSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: -2 test, -1 the first block (trained on, never validated), 0 to folds-1 later blocks."""
    blocks, share = spec.folds + 1, 1 - spec.test_share
    before = (rows["row_id"].rank("ordinal").cast(pl.Int64) - 1) / max(rows.height, 1)
    block = blocks_of(before, share, blocks)
    return pl.select(fold=pl.when(before >= share).then(TEST).otherwise(block).cast(pl.Int8))["fold"]
