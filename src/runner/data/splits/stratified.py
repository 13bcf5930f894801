"""Random test and folds with the same share of each label."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.core.draws import mixed
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.data.splits.groups import TENTHS
from runner.data.splits.split import TEST, SplitSpec


class StratifiedSpec(SplitSpec):
    """Random rows for the test, random folds in the rest; shares of each label kept (regression: of each tenth of the target)."""

    walks_forward: ClassVar[bool] = False
    """A fold is trained on all the others."""
    kind: Literal["stratified"]
    test_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the rows that are sealed for the test; 0: none, every row is learned from, and the experiment cannot be adopted."""
    folds: int = Field(default=5, ge=2, le=100)
    """Parts of the other rows; each is predicted by models trained on the rest."""


@register("split", StratifiedSpec)
def assign(spec: StratifiedSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: -2 test, 0 to folds-1 the fold in which the row is validated.

    Each row has its draw from its row_id: rows that are dropped or get another label move at most a few others. Within a label
    the test has its share to the nearest row, and folds differ by at most one row.
    """
    strata = rows[target]
    if task == "regression":
        strata = (strata.rank("ordinal").cast(pl.Int64) - 1) * TENTHS // max(rows.height, 1)
    drawn = pl.DataFrame({"stratum": strata, "draw": rows.select(mixed(pl.col("row_id"), seed_for(seed, "data", "split", "draw"))).to_series()})
    ranked = drawn.with_columns(
        place=pl.col("draw").rank("ordinal").over("stratum").cast(pl.Int64) - 1,
        n=pl.len().over("stratum").cast(pl.Int64),
        n_test=(pl.len().over("stratum") * spec.test_share).round().cast(pl.Int64),
        # Folds begin at another one in each stratum, so that what is left over of small strata does not all go to fold 0.
        offset=pl.col("stratum").rank("dense").cast(pl.Int64),
    )
    in_test = pl.col("place") < pl.col("n_test")
    # Stretches of the draw, not every fifth row: a row that goes shifts the ends of the stretches only.
    stretch = (pl.col("place") - pl.col("n_test")) * spec.folds // (pl.col("n") - pl.col("n_test")).clip(lower_bound=1)
    return ranked.select(fold=pl.when(in_test).then(TEST).otherwise((stretch + pl.col("offset")) % spec.folds).cast(pl.Int8))["fold"]
