"""The door of the data room: the only place here that reads or writes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle.contract import conform_recorded
from runner.core.files import write_json, write_parquet
from runner.core.gates import any_failed
from runner.core.stage import Done, Given
from runner.data import findings
from runner.data.assemble import Assembled, assemble
from runner.data.enforce import ROW_ID, Enforced, as_shipped, contract_of, enforce
from runner.data.load import Source, open_all
from runner.data.outcome import as_outcome, judge, label_counts
from runner.data.plan import plan
from runner.data.seal import Sealed, seal, withheld
from runner.data.spec import DataSpec
from runner.problem.task import Task, read_task


def run(spec: DataSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Make train, sealed test, folds, contract, quarantine and the room's findings.

    given: task, and source.NAME where resolved already. Raises FaultsError (2) for what cannot be read or does not fit,
    RefusedError (3) for what the contract forbids; too little data, or labels without a price, are failed gates.
    """
    task = read_task(given["task"])
    given.progress.step("data", "reading sources", 0, 3)
    sources = open_all(spec.sources, given.files, given.root)
    planned = plan(spec, task, sources)
    made = assemble(spec, task.target, sources, planned)
    given.progress.step("data", "checking the contract", 1, 3)
    contract = contract_of(spec, task)
    shown = sources[spec.primary].shown
    row_ids = made.rows[ROW_ID]
    conformed = conform_recorded(made.rows, contract, f"data.columns ({shown})", spec.columns)
    rows = conformed.rows.insert_column(0, row_ids)
    known = rows.filter(pl.col(task.target).is_not_null())
    enforced = enforce(known, contract, spec, shown)
    given.progress.step("data", "setting the test apart", 2, 3)
    usable = as_outcome(enforced.good, task)
    gates = judge(usable, task)
    sealed = withheld(usable, spec.split) if any_failed(gates) else seal(usable, spec.split, task, given.seed)
    dropped, found = findings.lifeless(sealed.train, contract, task) if sealed.train.height else ([], [])
    found += findings.quality(sealed.train, contract) + findings.outcome(rows.height, rows.height - known.height, sealed.test, sealed.train, task)
    shipped = as_shipped(contract, task, dropped)
    report = {
        **_told(sources, made, conformed.casts, rows.height - known.height, enforced, sealed),
        "gates": [gate.as_json() for gate in (*gates, *sealed.gates)],
        "findings": [f.as_json() for f in _ordered([*found, *_about(made, enforced, planned.unused)])],
        "dropped": dropped,
        "columns": findings.summary(sealed.train, shipped, frozenset(task.key)),
        "order": list(shipped["order"]),
        "labels": _label_shares(sealed.train, task),
        "target": task.target,
    }
    _write(out, sealed, enforced, spec.primary, shipped, report)
    given.progress.step("data", "done", 3, 3)
    return Done((*gates, *sealed.gates))


def _ordered(found: list[findings.Finding]) -> list[findings.Finding]:
    weight = {"serious": 0, "warned": 1, "info": 2}
    return sorted(found, key=lambda f: (weight[f.severity], f.what))


def _about(made: Assembled, enforced: Enforced, unused: list[str]) -> list[findings.Finding]:
    """What happened to the rows on the way, as findings."""
    found = [findings.Finding("warned", f"rows set aside for {name}", f"{n:,} rows are in quarantine", n) for name, n in enforced.quarantined.items()]
    found += [findings.Finding("warned", f"rows that break {name}", f"{n:,} rows are kept, as declared", n) for name, n in enforced.warned.items()]
    for name, join in made.joins.items():
        if join["unmatched"]:
            told = f"{join['unmatched']:,} rows found nothing in {join['source']} and got missing values"
            found.append(findings.Finding("info", f"rows without a match in join {name}", told, join["unmatched"]))
        if join["ties"]:
            told = f"{join['ties']:,} rows of {join['source']} share key and time with a later one, which is used"
            found.append(findings.Finding("warned", f"ties in join {name}", told, join["ties"]))
    if unused:
        found.append(findings.Finding("info", "columns that the contract does not name", ", ".join(unused[:20]), 0))
    return found


def _told(sources: Mapping[str, Source], made: Assembled, casts: dict[str, str], n_without: int, enforced: Enforced, sealed: Sealed) -> dict[str, Any]:
    """Where rows came from and where they went."""
    return {
        "sources": {
            name: {"path": source.shown, "kind": source.kind, "sha256": source.sha256, "bytes": source.stamp[0], "rows": made.n_read[name], "columns": len(source.schema)}
            for name, source in sources.items()
        },
        "counts": {
            "filtered_out": made.n_left_out,
            "without_outcome": n_without,
            "quarantined": enforced.bad.height,
            "train": sealed.train.height,
            "test": sealed.test.height,
        },
        "joins": made.joins,
        "casts": casts,
        "quarantine": enforced.quarantined,
        "warned": enforced.warned,
        "split": sealed.split,
    }


def _label_shares(train: pl.DataFrame, task: Task) -> dict[str, dict[str, Any]] | None:
    counts = label_counts(train, task)
    if counts is None:
        return None
    return {label: {"rows": n, "share": n / train.height if train.height else None} for label, n in counts.items()}


def _write(out: Mapping[str, Path], sealed: Sealed, enforced: Enforced, primary: str, contract: dict[str, Any], report: dict[str, Any]) -> None:
    columns = [c for c in enforced.bad.columns if c not in (ROW_ID, "reason")]
    aside = enforced.bad.select(ROW_ID, pl.lit(primary).alias("source"), pl.col("reason"), pl.struct(columns).alias("row"))
    write_parquet(out["train"], sealed.train)
    write_parquet(out["sealed_test"], sealed.test)
    write_parquet(out["folds"], sealed.folds)
    write_parquet(out["quarantine"], aside)
    write_json(out["split"], sealed.split)
    write_json(out["contract"], contract)
    write_json(out["data_report"], report)
