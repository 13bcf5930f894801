"""The latest rows are the test; folds walk forward through the rest."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.core.registry import register
from runner.data.splits.split import SplitSpec

TEST, FIRST_BLOCK = -2, -1


class ByTimeSpec(SplitSpec):
    """Test: the latest share of the rows. Fold k is validated on a block of time and trained on all earlier blocks."""

    walks_forward: ClassVar[bool] = True
    """A fold is trained on earlier blocks only."""
    kind: Literal["by_time"]
    column: str
    """Date or datetime column that orders the rows, usually `problem.time`."""
    test_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the rows, the latest ones, that are sealed for the test."""
    folds: int = Field(default=4, ge=1, le=100)
    """Blocks of time that are validated one after the other; there is one block more, which is only trained on."""


@register("split", ByTimeSpec)
def assign(spec: ByTimeSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: -2 test, -1 the first block (trained on, never validated), 0 to folds-1 later blocks.

    Cuts fall between distinct times, so that rows of one moment stay together: blocks and test can be smaller than
    their share, never mixed. The time column has no nulls.
    """
    blocks = spec.folds + 1
    # The first position of a time, not the row's own, decides: equal times land in one block.
    place = (rows[spec.column].rank("min").cast(pl.Int64) - 1) / max(rows.height, 1)
    train_share = 1 - spec.test_share
    block = (place / train_share * blocks).floor().cast(pl.Int64).clip(0, blocks - 1) + FIRST_BLOCK
    return pl.select(fold=pl.when(place >= train_share).then(TEST).otherwise(block).cast(pl.Int8))["fold"]
