"""The door of the data room: the only place here that reads or writes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from runner.bundle.contract import conform_recorded
from runner.core.files import write_json, write_parquet
from runner.core.gates import any_failed
from runner.core.stage import Done, Given
from runner.data.assemble import assemble
from runner.data.enforce import REASON, ROW_ID, Enforced, as_shipped, contract_of, enforce
from runner.data.findings import lifeless
from runner.data.inventory import Journey, inventory
from runner.data.labels import making as labels
from runner.data.load import open_all
from runner.data.outcome import as_outcome, judge
from runner.data.plan import plan
from runner.data.seal import Sealed, seal, withheld
from runner.data.spec import DataSpec
from runner.problem.task import read_task


def run(spec: DataSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Make train, sealed test, folds, contract, quarantine and the room's findings.

    given: task, and source.NAME where resolved already. Raises FaultsError (2) for what cannot be read or does not fit,
    RefusedError (3) for what the contract forbids; too little data, or labels without a price, are failed gates.
    """
    task = read_task(given["task"])
    given.progress.step("data", "reading sources", 0, 3)
    sources = open_all(spec.sources, given.files, given.root)
    planned = plan(spec, task, sources)
    types = {name: column.type for name, column in spec.columns.items()}
    ready = labels.prepare(spec.label, task, types, spec.unique, sources, spec.primary, given.files, given.root)
    made = assemble(spec, sources, planned, ready)

    given.progress.step("data", "checking the contract", 1, 3)
    contract, shown = contract_of(spec, task), sources[spec.primary].shown
    conformed = conform_recorded(made.rows, contract, f"data.columns ({shown})", spec.columns)
    rows = conformed.rows.insert_column(0, made.rows[ROW_ID])
    known = rows.filter(pl.col(task.target).is_not_null())
    enforced = enforce(known, contract, spec, shown)

    given.progress.step("data", "setting the test apart", 2, 3)
    usable = as_outcome(enforced.good, task)
    gates = judge(usable, task)
    sealed = withheld(usable, spec.split) if any_failed(gates) else seal(usable, spec.split, task, given.seed)
    gates = [*gates, *sealed.gates]
    dropped, why = lifeless(sealed.train, contract, task)
    shipped = as_shipped(contract, task, dropped)
    way = Journey(sources, made, conformed.casts, rows.height - known.height, enforced, sealed, planned.unused)
    _write(out, sealed, enforced, spec.primary)
    write_json(out["contract"], shipped)
    write_json(out["data_report"], inventory(way, shipped, task, gates, why))
    given.progress.step("data", "done", 3, 3)
    return Done(tuple(gates))


def _write(out: Mapping[str, Path], sealed: Sealed, enforced: Enforced, primary: str) -> None:
    columns = [c for c in enforced.bad.columns if c not in (ROW_ID, REASON)]
    aside = enforced.bad.select(ROW_ID, pl.lit(primary).alias("source"), pl.col(REASON).alias("reason"), pl.struct(columns).alias("row"))
    write_parquet(out["train"], sealed.train)
    write_parquet(out["sealed_test"], sealed.test)
    write_parquet(out["folds"], sealed.folds)
    write_parquet(out["quarantine"], aside)
    write_json(out["split"], sealed.split)
