"""From a person's file or database table to a file of the workspace that a source can read, changed as little as can be."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.digests import of_bytes, of_file
from runner.core.faults import FaultsError, fault, listed
from runner.core.files import copy_whole, write_bytes
from runner.core.registry import part
from runner.core.workspace import Workspace
from runner.data.load import explained
from runner.data.sources.csv import CsvSpec
from runner.data.sources.parquet import ParquetSpec
from runner.data.unreadable import UnreadableError
from runner.proposal import database, dialect
from runner.proposal.recipe import slug
from runner.proposal.table import Source

RAW = Path("data") / "raw"
TEXT = (".csv", ".tsv", ".txt", ".tab", ".dat")
PARQUET = (".parquet", ".pq", ".parq")
OWN = "__runner_"
ELSEWHERE = "save or export it as CSV or Parquet and name that file"


@dataclass(frozen=True)
class Intake:
    """A table that was read, and where it will lie.

    rows: the raw table as the source reads it; source: what config says of it; target: its file in the workspace; file: what to copy there,
    or content: what to write there; neither where it lies there already; said: for a person.
    """

    rows: pl.DataFrame
    source: Source
    target: Path
    file: Path | None
    content: bytes | None
    said: tuple[str, ...]

    def put(self) -> None:
        """Write the file of the workspace, whole or not at all."""
        if self.content is not None:
            write_bytes(self.target, self.content)
        elif self.file is not None:
            copy_whole(self.file, self.target)


@dataclass(frozen=True)
class _Brought:
    """file: as it is, or content: in its place; stem: a name for it; shown: as the person named it; note: what was changed."""

    kind: str
    stem: str
    shown: str
    file: Path | None = None
    content: bytes | None = None
    options: Mapping[str, str] | None = None
    note: str = ""


def take_in(workspace: Workspace, data: str, table: str | None, replace: bool) -> Intake:
    """Read a table and find its place below data/raw; nothing is written yet.

    data: a file, an SQLite file, or sqlite:///FILE; table: of a database; replace: whether another file of that name may be replaced.
    Raises FaultsError (2) with the file or table that cannot be used.
    """
    brought = _brought(data, table)
    target, is_there = _place(workspace, brought, replace)
    shown = workspace.shown(target.parent) + f"/{target.name}"
    rows = _read(brought, shown)
    _check(rows, brought.shown)
    said = [] if is_there else [f"{brought.shown} was {'copied' if brought.file else 'written'} to {shown}"]
    source = Source(slug(brought.stem), brought.kind, shown, brought.shown, brought.options, brought.note)
    return Intake(rows, source, target, None if is_there else brought.file, None if is_there else brought.content, tuple(said))


def _brought(data: str, table: str | None) -> _Brought:
    if database.is_url(data) or database.is_file(Path(data)):
        name, content = database.exported(data, table)
        note = f"exported once from the table {name} of {database.shown(data)}: the sources are files so far, so export again for newer rows"
        return _Brought("parquet", name, f"{database.shown(data)} ({name})", content=content, note=note)
    if table is not None:
        raise fault("--table", f"{data} is no database", "sqlite:///FILE or an SQLite file in --data", "leave --table out for a file")
    path = Path(data)
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix in TEXT + PARQUET)[:12] if path.parent.is_dir() else []
        wrong = "is a folder" if path.is_dir() else "there is no such file"
        raise fault(f"--data {data}", wrong, "a .csv or .parquet file, or sqlite:///FILE", f"files there: {listed(near)}" if near else "")
    ending = path.suffix.casefold()
    if ending not in TEXT + PARQUET:
        raise fault(f"--data {data}", f"the ending {path.suffix or '(none)'} is not known", "a .csv or .parquet file, or sqlite:///FILE", ELSEWHERE)
    try:
        return _Brought("parquet", path.stem, data, path) if ending in PARQUET else _text(path, data)
    except OSError as error:
        raise fault(f"--data {data}", f"cannot be read: {error.strerror}", "a readable file") from None


def _text(path: Path, data: str) -> _Brought:
    found = dialect.of_file(path)
    options = {} if found.separator == "," else {"separator": found.separator}
    converted = found.content is not None
    return _Brought("csv", path.stem, data, None if converted else path, found.content, options, found.note)


def _place(workspace: Workspace, brought: _Brought, replace: bool) -> tuple[Path, bool]:
    """The file's place below data/raw, and whether it lies there already. Raises FaultsError where another file does."""
    raw = workspace.root / RAW
    ending = {"csv": ".csv", "parquet": ".parquet"}[brought.kind]
    if brought.file is not None and not brought.file.is_symlink():
        at = brought.file.resolve()
        if at.is_relative_to(raw.resolve()) and at.suffix == ending and "${" not in at.name:
            return at, True
    target = raw / f"{slug(brought.stem)}{ending}"
    if not target.exists() or target.is_symlink():
        return target, False
    digest = of_file(brought.file) if brought.file is not None else of_bytes(brought.content or b"")
    if of_file(target) == digest:
        return target, True
    if not replace:
        wrong = f"there is another file {workspace.shown(target)} already"
        raise fault(f"--data {brought.shown}", wrong, "a file name of its own", "rename yours, or replace the other one with --force")
    return target, False


def _read(brought: _Brought, shown: str) -> pl.DataFrame:
    """The rows, by the source's own reader."""
    spec: Any = (CsvSpec if brought.kind == "csv" else ParquetSpec).model_validate({"kind": brought.kind, "path": shown, **(brought.options or {})})
    try:
        if brought.file is not None:
            rows: pl.DataFrame = part("source", brought.kind)(spec, brought.file).collect()
            return rows
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder) / "table"
            scratch.write_bytes(brought.content or b"")
            converted: pl.DataFrame = part("source", brought.kind)(spec, scratch).collect()
            return converted
    except (UnreadableError, PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, "--data", brought.shown)]) from None


def _check(rows: pl.DataFrame, shown: str) -> None:
    at = f"--data {shown}"
    if rows.height == 0:
        raise fault(at, "has a header and no rows", "rows to learn from")
    if rows.width < 2:
        raise fault(at, f"has one column, {rows.columns[0]!r}", "an outcome and at least one more column", "check what separates the columns: , ; tab or |")
    ours = [name for name in rows.columns if name.startswith(OWN)]
    if ours:
        raise fault(at, f"column names that start with {OWN} are ours: {listed(ours)}", "other names", "rename them in the data")
