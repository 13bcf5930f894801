"""The door of the data room: the only place here that reads or writes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from runner.core.faults import Fault, RefusedError
from runner.core.files import write_json, write_parquet
from runner.core.stage import Done, Given
from runner.data.assemble import Assembly
from runner.data.enforce import REASON, ROW_ID, Enforced, as_shipped, contract_of
from runner.data.inventory import Journey, findings, inventory
from runner.data.judged import Placed, judged, placed
from runner.data.kept import private_folder
from runner.data.labels import making as labels
from runner.data.load import open_all
from runner.data.plan import plan
from runner.data.quality import duplicates, production
from runner.data.quality.finding import Finding
from runner.data.quality.lifeless import lifeless
from runner.data.quality.look import look
from runner.data.slices import SLICE_ROWS
from runner.data.spec import DataSpec
from runner.data.structure.remedy import examine, step_of
from runner.problem.task import Task, read_task

# The largest outcome whose squared errors can still be added up over all rows.
LARGEST = 1e150


def run(spec: DataSpec, given: Given, out: Mapping[str, Path], slice_rows: int = SLICE_ROWS) -> Done:
    """Make train, sealed test, folds, contract, quarantine and the room's findings.

    given: task, and source.NAME where resolved already; slice_rows: rows looked at together, which changes no result.
    Raises FaultsError (2) for what cannot be read or does not fit, RefusedError (3) for what the contract forbids; too little
    data, or labels without a price, are failed gates.
    """
    task = read_task(given["task"])
    given.progress.step("data", "reading sources", 0, 4)
    sources = open_all(spec.sources, given.files, given.root)
    planned = plan(spec, task, sources)
    types = {name: column.type for name, column in spec.columns.items()}
    ready = labels.prepare(spec.label, task, types, spec.unique, sources, spec.primary, given.files, given.root)
    contract = contract_of(spec, task)
    with private_folder(given.home) as folder:
        given.progress.step("data", "checking the contract", 1, 4)
        with labels.telling_wrong_verdicts(ready):
            rows = judged(Assembly(spec, sources, planned, ready), task, contract, sources[spec.primary].shown, folder, slice_rows, given.progress)
        given.progress.step("data", "setting the test apart", 2, 4)
        apart = placed(rows, spec, task, given.seed)
        _check_squares(apart.train, task)
        examined = examine(apart.train, contract, task, spec.split, given.seed)
        apart = apart.judged_by(examined.gate)
        _write(out, apart, rows.enforced, spec.primary)
        apart = apart.written(out["train"], out["sealed_test"])
        given.progress.step("data", "looking for what is odd", 3, 4)
        shown_as = as_shipped(contract, task, [])
        later = None if spec.production is None else production.read(sources[spec.production.source], shown_as, given.seed, spec.quality)
        clock = getattr(spec.split, "column", None)
        seen = look(apart.train, shown_as, task, given.seed, spec.quality, clock, apart.test, later)
        dropped, why = lifeless(seen)
        shipped = as_shipped(contract, task, dropped)
        found = [*why, *(Finding(s.severity, s.what, s.evidence, s.rows, s.kind, next=step_of(s)) for s in examined.found)]
        way = Journey(sources, rows.made, rows.casts, rows.n_without, rows.enforced, apart, planned.unused)
        write_json(out["contract"], shipped)
        every = [*found, *findings(way, seen, spec.quality.detail == "full")]
        gates = [*apart.gates, *duplicates.gates(every)]
        write_json(out["data_report"], inventory(way, shipped, seen, gates, every))
    given.progress.step("data", "done", 4, 4)
    return Done(tuple(gates))


def _check_squares(rows: pl.LazyFrame, task: Task) -> None:
    """Raise RefusedError where the squares of an outcome cannot be held, since no error of it could be told."""
    if task.task != "regression":
        return
    largest = float(rows.select(pl.col(task.target).cast(pl.Float64).abs().max()).collect().item() or 0.0)
    if largest > LARGEST:
        wrong = f"{task.target} has values up to {largest:.3g}, whose squares no number holds"
        raise RefusedError([Fault("problem.target", wrong, f"at most {LARGEST:g}", "another unit, or a contract rule that leaves such rows out")])


def _write(out: Mapping[str, Path], apart: Placed, enforced: Enforced, primary: str) -> None:
    columns = [c for c in enforced.bad.columns if c not in (ROW_ID, REASON)]
    aside = enforced.bad.select(ROW_ID, pl.lit(primary).alias("source"), pl.col(REASON).alias("reason"), pl.struct(columns).alias("row"))
    write_parquet(out["train"], apart.train)
    write_parquet(out["sealed_test"], apart.test)
    write_parquet(out["folds"], apart.folds)
    write_parquet(out["quarantine"], aside)
    write_json(out["split"], apart.split)
