"""What a check is given: all rows lazily, a seeded sample of them, what was counted of every column, and the roles of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from runner.core.draws import WORD, mixed
from runner.core.seeds import seed_for
from runner.data.enforce import ROW_ID
from runner.data.quality.counts import Counts, counted, counted_here
from runner.data.quality.spec import QualitySpec
from runner.problem.task import Task

# Looking into each column has its cost: beyond so many, the first ones stand for all.
MOST_COLUMNS = 2_000
EVERY = QualitySpec()


@dataclass(frozen=True)
class Look:
    """The rows as checks see them.

    rows: row_id (UInt64) and the contract's columns, labels as text; sample: the rows themselves where they are few, else
    about spec.sample_rows of them, by row_id; test: the sealed rows, of which only counts are ever told; production: rows
    as they come in production, contract columns known at the decision; counts: of every column, over all rows;
    clock: the date or datetime column that puts rows in time, if any; in_time: whether the split goes by time.
    """

    rows: pl.LazyFrame
    n_rows: int
    sample: pl.DataFrame
    contract: Mapping[str, Any]
    task: Task
    seed: int
    counts: Counts
    clock: str | None = None
    in_time: bool = False
    test: pl.LazyFrame | None = None
    production: pl.DataFrame | None = None

    @cached_property
    def columns(self) -> list[str]:
        """The contract's columns, in order."""
        there = set(self.sample.columns)
        return [name for name in self.contract["order"] if name in there]

    @cached_property
    def described(self) -> list[str]:
        """Columns whose values may be told and looked into: all but target and key, the first MOST_COLUMNS of them."""
        return [name for name in self.columns if name != self.task.target and name not in self.task.key][:MOST_COLUMNS]

    @cached_property
    def known(self) -> list[str]:
        """What is known of a row at the decision, besides key and target."""
        declared = self.contract["columns"]
        return [name for name in self.described if declared[name].get("available", "at_decision") == "at_decision"]

    @cached_property
    def seen(self) -> list[str]:
        """What models may see of a row as it stands: known at the decision, neither protected nor forbidden, nor its time."""
        apart = {*self.task.protected, *self.task.forbidden, self.task.time, self.clock}
        return [name for name in self.known if name not in apart]

    @property
    def is_sampled(self) -> bool:
        """Whether the sample is less than all rows."""
        return self.sample.height < self.n_rows

    @property
    def where(self) -> str:
        """How evidence says which rows its shares are of."""
        return f" of {self.sample.height:,} sampled rows" if self.is_sampled else " of the training rows"

    def scaled(self, n: int) -> int:
        """A count in the sample as an estimate for all rows; exact where the sample is all rows."""
        return n if not self.is_sampled else round(n * self.n_rows / max(self.sample.height, 1))

    def of_type(self, *kinds: str) -> list[str]:
        """Described columns of the given contract types."""
        return [name for name in self.described if self.contract["columns"][name]["type"] in kinds]

    def numbers(self, name: str) -> np.ndarray:
        """(n,) Float64 values of a sampled int or float column, NaN where missing."""
        return self.sample[name].cast(pl.Float64).to_numpy().astype(np.float64)

    def thinned(self, limit: int) -> Look:
        """The same with a sample of at most `limit` rows, evenly drawn in row order."""
        if self.sample.height <= limit:
            return self
        kept = np.linspace(0, self.sample.height - 1, limit).astype(np.int64)
        return replace(self, sample=self.sample[kept.tolist()])

    @cached_property
    def ids(self) -> np.ndarray:
        """(n,) UInt64 row ids of the sample."""
        return self.sample[ROW_ID].to_numpy()


def look(
    rows: pl.LazyFrame,
    contract: Mapping[str, Any],
    task: Task,
    seed: int,
    spec: QualitySpec = EVERY,
    clock: str | None = None,
    test: pl.LazyFrame | None = None,
    production: pl.DataFrame | None = None,
) -> Look:
    """Count and draw. The draw depends on row ids and seed alone, whatever threads or chunks.

    contract: as it is shipped, labels being text; clock: the column that the split cuts by, where the problem declares no time.
    """
    n_rows = int(rows.select(pl.len()).collect(engine="streaming").item())
    drawn = sampled(rows, n_rows, spec.sample_rows, seed_for(seed, "data", "quality", "sample"))
    there = set(drawn.columns)
    declared = [name for name in contract["order"] if name in there]
    timed = next((name for name in (task.time, clock) if name and name in declared and drawn[name].dtype.is_temporal()), None)
    mine = drawn.select(declared)
    counts = counted_here(mine) if drawn.height == n_rows else counted(rows, n_rows, mine.schema)
    return Look(rows, n_rows, drawn, contract, task, seed, counts, timed, clock is not None, test, production)


def sampled(rows: pl.LazyFrame, n_rows: int, size: int, seed: int, by: str = ROW_ID) -> pl.DataFrame:
    """About `size` rows in the order of `by` (UInt64, distinct): those whose number, well mixed with the seed, is small."""
    if n_rows > size:
        rows = rows.filter(mixed(pl.col(by), seed) < int(size / n_rows * WORD))
    return rows.collect(engine="streaming").sort(by).rechunk()
