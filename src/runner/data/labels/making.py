"""The outcome of each row: made, corrected, and left out where it is not final. Works on any slice of the joined rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.core.faults import Fault, FaultsError, RefusedError
from runner.core.workspace import Workspace
from runner.data import derive
from runner.data.labels.annotations import Annotated, gather
from runner.data.labels.cells import ROW_ID, as_text, key_columns
from runner.data.labels.consensus import Consensus, consensus_of
from runner.data.labels.corrections import AT, CHANGE, DROP, GIVEN, KEEP, NEW, NUMBER, Corrections, changed, in_order, read_corrections
from runner.data.labels.maturity import FEW, Maturity, maturity_of
from runner.data.labels.quality import told_of
from runner.data.labels.spec import CORRECTIONS, AnnotationsSpec, LabelSpec
from runner.data.load import Source, read
from runner.problem.task import Task

OUT = "__runner_out"
NO_VERDICTS = (pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.Boolean), pl.Series([], dtype=pl.Boolean))


@dataclass(frozen=True)
class Agreed:
    """What annotators said, as declared, and what they agree on."""

    spec: AnnotationsSpec
    annotated: Annotated
    consensus: Consensus

    def labels(self, rows: pl.DataFrame) -> pl.Series:
        """The consensus of each row as text, null without one."""
        return self.annotated.agreed(rows, self.consensus.posterior, self.spec)


@dataclass(frozen=True)
class Ready:
    """All that is needed beside the rows themselves: small, and the same for every slice. types: contract type of each column."""

    spec: LabelSpec
    task: Task
    types: Mapping[str, str]
    maturity: Maturity | None = None
    agreed: Agreed | None = None
    corrections: Corrections | None = None


@dataclass(frozen=True)
class Tally:
    """What happened to the rows of one slice; tallies of slices add up.

    out: reason to rows left out; hits: rows that each verdict is about; stale: the row's label is neither the one that was reviewed
    nor the new one; done: the row has the new label already; matched: rows with a consensus.
    """

    out: Mapping[str, int]
    hits: pl.Series
    stale: pl.Series
    done: pl.Series
    matched: int = 0

    def __add__(self, other: Tally) -> Tally:
        out = {name: self.out.get(name, 0) + other.out.get(name, 0) for name in sorted({*self.out, *other.out})}
        return Tally(out, self.hits + other.hits, self.stale | other.stale, self.done | other.done, self.matched + other.matched)


def prepare(
    spec: LabelSpec | None,
    task: Task,
    types: Mapping[str, str],
    unique: list[str],
    sources: Mapping[str, Source],
    primary: str,
    given: Mapping[str, Path],
    root: Path,
) -> Ready | None:
    """Read what the outcome is made of beside the rows; None where `data.label` is not declared.

    types: contract column to its declared type; unique: `data.unique`; given: `source.` and CORRECTIONS to the path of the corrections, where resolved already.
    Raises FaultsError for files that cannot be used; single verdicts that are wrong wait for `check`, which knows the rows.
    """
    if spec is None:
        return None
    faults: list[Fault] = []
    corrections: Corrections | None = None
    agreed: Agreed | None = None
    try:
        corrections = _corrections(spec, task, types, unique, given, root)
    except FaultsError as error:
        faults += error.faults
    try:
        agreed = _agreed(spec, task, types, sources)
    except FaultsError as error:
        faults += error.faults
    if faults:
        raise FaultsError(faults)
    maturity = None if spec.maturity is None else maturity_of(spec.maturity, task.time, sources[primary])
    return Ready(spec, task, types, maturity, agreed, corrections)


def _corrections(spec: LabelSpec, task: Task, types: Mapping[str, str], unique: list[str], given: Mapping[str, Path], root: Path) -> Corrections | None:
    if spec.corrections is None:
        return None
    workspace = Workspace(root)
    path = given.get(f"source.{CORRECTIONS}") or workspace.inside(spec.corrections, AT)
    return read_corrections(path, workspace.shown(path), key_columns(task.key, unique), types, task)


def _agreed(spec: LabelSpec, task: Task, types: Mapping[str, str], sources: Mapping[str, Source]) -> Agreed | None:
    declared = spec.annotations
    if declared is None:
        return None
    source = sources[declared.source]
    columns = [*declared.keys.values(), declared.annotator, declared.label, *([declared.at] if declared.at else [])]
    annotated = gather(declared, read(source, columns), task, types[task.target], source.shown)
    return Agreed(declared, annotated, consensus_of(annotated))


def apply(rows: pl.DataFrame, ready: Ready | None, position: str) -> tuple[pl.DataFrame, Tally]:
    """The rows with their outcome in `problem.target`, and OUT: why a row is left out, null where it is not.

    rows: joined rows; position: the column with each row's place in the primary source. Raises FaultsError when SQL fails.
    """
    if ready is None:
        return rows, Tally({}, *NO_VERDICTS)
    target, matched = ready.task.target, 0
    if ready.spec.sql is not None:
        rows = derive.add_one(rows, target, ready.spec.sql, "data.label.sql")
    if ready.agreed is not None:
        agreed = ready.agreed.labels(rows)
        rows, matched = rows.with_columns(agreed.alias(target)), agreed.len() - agreed.null_count()
    nothing = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    rows = rows.with_columns((nothing if ready.maturity is None else ready.maturity.out(rows)).alias(OUT))
    if ready.corrections is None:
        return rows, Tally({}, *NO_VERDICTS, matched)
    rows, verdicts = _corrected(rows, ready.corrections, ready.types, target, position)
    return rows, Tally({}, *verdicts, matched)


def _corrected(
    rows: pl.DataFrame, found: Corrections, types: Mapping[str, str], target: str, position: str
) -> tuple[pl.DataFrame, tuple[pl.Series, pl.Series, pl.Series]]:
    """The rows with the verdicts on them, and per verdict the rows it met, whether one is stale, and whether one was changed already."""
    named = found.named(rows.rename({position: ROW_ID}) if ROW_ID in found.key else rows, types)
    said = found.rows[named[NUMBER]].hstack([as_text(rows[target][named["place"]], types[target]).alias("now"), named["place"]])
    changes, drops = said.filter(pl.col("verdict") == CHANGE), said.filter(pl.col("verdict") == DROP)
    out = rows[OUT].clone().scatter(drops["place"], "dropped") if drops.height else rows[OUT]
    rows = rows.with_columns(changed(rows[target], changes["place"], changes[NEW], types[target]).alias(target), out.alias(OUT))
    done = (said["verdict"] == CHANGE) & said["now"].eq_missing(said[NEW])
    stale = said[GIVEN].is_not_null() & said["now"].ne_missing(said[GIVEN]) & ~done
    return rows, _per_verdict(found, named[NUMBER], stale, done)


def _per_verdict(found: Corrections, numbers: pl.Series, stale: pl.Series, done: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    seen = (
        pl.DataFrame({NUMBER: numbers, "stale": stale, "done": done})
        .group_by(NUMBER)
        .agg(pl.len().cast(pl.Int64).alias("hits"), pl.col("stale").any(), pl.col("done").any())
    )
    every = pl.DataFrame({NUMBER: pl.int_range(found.rows.height, dtype=pl.Int64, eager=True)}).join(seen, on=NUMBER, how="left", maintain_order="left")
    return every["hits"].fill_null(0), every["stale"].fill_null(value=False), every["done"].fill_null(value=False)


def settle(rows: pl.DataFrame, tally: Tally) -> tuple[pl.DataFrame, Tally]:
    """The rows that stay, and the tally with those left out, reason by reason; call it after the filter."""
    if OUT not in rows.columns:
        return rows, tally
    counts = rows[OUT].drop_nulls().alias("reason").value_counts(name="rows").sort("reason")
    return rows.filter(pl.col(OUT).is_null()).drop(OUT), Tally(dict(counts.iter_rows()), tally.hits, tally.stale, tally.done, tally.matched)


def check(ready: Ready, tally: Tally) -> None:
    """Whether each verdict is sound and found its row. tally: of all rows. Raises FaultsError with every one that is or did not."""
    found = ready.corrections
    if found is None:
        return
    named, faults = ", ".join(found.key), list(found.faults)
    for row, hits, stale in zip(found.rows["row"], tally.hits, tally.stale, strict=True):
        at = f"{AT} ({found.shown}), row {row}"
        if hits == 0:
            faults.append(Fault(at, f"no row of the data has this {named}", "the key of a row", "take the verdict out, or correct the key"))
        elif hits > 1:
            faults.append(Fault(at, f"{hits:,} rows of the data have this {named}", "a key that names one row", "declare under problem.key what names a row"))
        elif stale:
            hint = "the data has changed since: review the row again, or take the verdict out"
            faults.append(Fault(at, "the row has another label than the one that was reviewed", "the label in given_label", hint))
    if faults:
        raise FaultsError(in_order(faults))


@contextmanager
def telling_wrong_verdicts(ready: Ready | None) -> Iterator[None]:
    """Around the pass over the rows: where it ends early, what is wrong with verdicts by themselves is told all the same."""
    wrong = [] if ready is None or ready.corrections is None else list(ready.corrections.faults)
    try:
        yield
    except RefusedError:
        if wrong:
            raise FaultsError(in_order(wrong)) from None
        raise
    except FaultsError as error:
        if set(wrong) <= set(error.faults):
            raise
        raise FaultsError([*in_order(wrong), *error.faults]) from None


def told(ready: Ready | None, tally: Tally) -> dict[str, Any] | None:
    """The `label` entry of data.json, None where nothing is declared. tally: of all rows. Raises FaultsError where a verdict found no row."""
    if ready is None:
        return None
    check(ready, tally)
    made = "sql" if ready.spec.sql is not None else "annotations" if ready.agreed is not None else "column"
    entry: dict[str, Any] = {"made_by": made, "left_out": {name: tally.out.get(name, 0) for name in ("immature", "undated", "dropped")}}
    if ready.spec.sql is not None:
        entry["sql"] = ready.spec.sql
    if ready.maturity is not None:
        few = not ready.maturity.declared and tally.out.get("immature", 0) < FEW
        entry["maturity"] = ready.maturity.as_json() | {"far_ahead": few}
    if ready.agreed is not None:
        found_in = {"source": ready.agreed.spec.source, "rows": tally.matched}
        entry["annotations"] = told_of(ready.agreed.annotated, ready.agreed.consensus) | found_in
    found = ready.corrections
    if found is not None:
        changes = found.of(CHANGE)
        entry["corrections"] = {
            "path": found.shown,
            "sha256": found.sha256,
            "kept": int(found.of(KEEP).sum()),
            "changed": int((changes & ~tally.done).sum()),
            "changed_already": int((changes & tally.done).sum()),
            "dropped": int(found.of(DROP).sum()),
            "not_reviewed": found.not_reviewed,
            "unchecked": found.rows[GIVEN].null_count(),
            "reviewers": dict(found.reviewers),
        }
    return entry
