"""All rows, made and held to the contract slice by slice, and then set apart: what is wide is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import Conforming
from runner.core.gates import Gate, any_failed
from runner.core.progress import Progress
from runner.data.assemble import Assembly
from runner.data.enforce import Enforced, Judge
from runner.data.kept import ROW_ID, Kept
from runner.data.outcome import as_outcome, judge
from runner.data.seal import columns_needed, set_apart, withheld, withheld_split
from runner.data.spec import DataSpec
from runner.data.splits.split import TEST
from runner.problem.task import Task

NOWHERE = -128


@dataclass(frozen=True)
class Judged:
    """made: how the rows were made; casts: column to 'from TYPE'; kept: those with an outcome, conformed; n_without: those
    without; enforced: what the contract says of them."""

    made: Assembly
    casts: Mapping[str, str]
    kept: Kept
    n_without: int
    enforced: Enforced


@dataclass(frozen=True)
class Placed:
    """train, test: row_id and contract columns, labels as text, lazily; folds, split: of the training rows, see seal.py; gates: on
    all of them; is_small: whether the rows are in memory."""

    train: pl.LazyFrame
    test: pl.LazyFrame
    folds: pl.DataFrame
    split: dict[str, Any]
    gates: list[Gate]
    is_small: bool

    def written(self, train: Path, test: Path) -> Placed:
        """The same once train and test are written: read from there, where they are not in memory."""
        return self if self.is_small else replace(self, train=pl.scan_parquet(train), test=pl.scan_parquet(test))

    def judged_by(self, gate: Gate) -> Placed:
        """With one gate more, where there are rows to judge; one that failed withholds them all."""
        if not self.split["rows"]["train"]:
            return self
        if gate.status != "failed":
            return replace(self, gates=[*self.gates, gate])
        split = withheld_split(self.split["kind"], walks_forward=self.split["walks_forward"])
        return Placed(self.train.clear(), self.test.clear(), self.folds.clear(), split, [*self.gates, gate], self.is_small)


def judged(made: Assembly, task: Task, contract: Mapping[str, Any], shown: str, folder: Path, size: int, progress: Progress) -> Judged:
    """Make the rows and judge them, `size` at a time. shown: the primary source, for messages; folder: empty, for what does not fit into one slice.

    Raises FaultsError for what cannot be read, joined or cast, RefusedError for what the contract forbids, each with all of it.
    """
    spec = made.spec
    conforming, judge_of, kept = Conforming(contract, f"data.columns ({shown})", spec.columns), Judge(contract, spec, shown), Kept(folder)
    n_known = 0
    for rows in made.slices(size):
        if kept.n_slices:
            progress.step("data", f"checking the contract, {made.n_read[spec.primary]:,} rows so far", 1, 3)
        conformed = conforming.add(rows, rows[ROW_ID]).insert_column(0, rows[ROW_ID])
        known = conformed.filter(pl.col(task.target).is_not_null())
        n_known += known.height
        judge_of.look(known)
        kept.put(known)
    casts = conforming.casts()
    return Judged(made, casts, kept, made.n_rows - n_known, judge_of.settle(kept))


def placed(rows: Judged, spec: DataSpec, task: Task, seed: int) -> Placed:
    """Set the test and the folds apart, from row_id, target and the columns that the split reads; too little data is a failed gate."""
    narrow = rows.kept.rows().select(columns_needed(spec.split, task)).collect(engine="streaming")
    aside = rows.enforced.bad[ROW_ID]
    good = as_outcome(narrow.filter(~narrow[ROW_ID].is_in(aside.implode())) if aside.len() else narrow, task)
    gates = judge(good, task)
    where = np.full(rows.made.n_read[spec.primary], NOWHERE, np.int8)
    if any_failed(gates):
        apart = withheld(good, spec.split)
        folds, split = apart.folds, apart.split
    else:
        found = set_apart(good, spec.split, task, seed)
        where[good[ROW_ID].to_numpy()] = found.place.to_numpy()
        folds, split, gates = found.folds, found.split, [*gates, *found.gates]
    train, test = (as_outcome(rows.kept.only(wanted), task) for wanted in (where > TEST, where == TEST))
    if rows.kept.is_small:
        train, test = train.collect().lazy(), test.collect().lazy()
    return Placed(train, test, folds, split, gates, rows.kept.is_small)
