"""The door of the data room: the only place here that reads or writes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from runner.core.files import write_json, write_parquet
from runner.core.stage import Done, Given
from runner.data.enforce import REASON, ROW_ID, Enforced, as_shipped, contract_of
from runner.data.findings import lifeless
from runner.data.inventory import Journey, inventory
from runner.data.judged import Placed, judged, placed
from runner.data.kept import private_folder
from runner.data.load import open_all
from runner.data.plan import plan
from runner.data.slices import SLICE_ROWS
from runner.data.spec import DataSpec
from runner.problem.task import read_task


def run(spec: DataSpec, given: Given, out: Mapping[str, Path], slice_rows: int = SLICE_ROWS) -> Done:
    """Make train, sealed test, folds, contract, quarantine and the room's findings.

    given: task, and source.NAME where resolved already; slice_rows: rows looked at together, which changes no result.
    Raises FaultsError (2) for what cannot be read or does not fit, RefusedError (3) for what the contract forbids; too little
    data, or labels without a price, are failed gates.
    """
    task = read_task(given["task"])
    given.progress.step("data", "reading sources", 0, 3)
    sources = open_all(spec.sources, given.files, given.root)
    planned = plan(spec, task, sources)
    contract = contract_of(spec, task)
    with private_folder(given.home) as folder:
        given.progress.step("data", "checking the contract", 1, 3)
        rows = judged(spec, task, sources, planned, contract, folder, slice_rows, given.progress)
        given.progress.step("data", "setting the test apart", 2, 3)
        apart = placed(rows, spec, task, given.seed)
        _write(out, apart, rows.enforced, spec.primary)
        apart = apart.written(out["train"], out["sealed_test"])
        dropped, why = lifeless(apart.train.collect(), contract, task)
        shipped = as_shipped(contract, task, dropped)
        way = Journey(sources, rows.made, rows.casts, rows.n_without, rows.enforced, apart, planned.unused)
        write_json(out["contract"], shipped)
        write_json(out["data_report"], inventory(way, shipped, task, apart.gates, why))
    given.progress.step("data", "done", 3, 3)
    return Done(tuple(apart.gates))


def _write(out: Mapping[str, Path], apart: Placed, enforced: Enforced, primary: str) -> None:
    columns = [c for c in enforced.bad.columns if c not in (ROW_ID, REASON)]
    aside = enforced.bad.select(ROW_ID, pl.lit(primary).alias("source"), pl.col(REASON).alias("reason"), pl.struct(columns).alias("row"))
    write_parquet(out["train"], apart.train)
    write_parquet(out["sealed_test"], apart.test)
    write_parquet(out["folds"], apart.folds)
    write_parquet(out["quarantine"], aside)
    write_json(out["split"], apart.split)
