"""Sources: found inside the workspace, identified by digest, read whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.digests import of_file
from runner.core.faults import Fault, FaultsError
from runner.core.registry import part
from runner.core.spec import Spec
from runner.core.workspace import Workspace
from runner.data import derive
from runner.data.unreadable import UnreadableError


@dataclass(frozen=True)
class Source:
    """A declared source whose file can be opened.

    at: its config key; shown: its path for people; sha256: of the file; stamp: size, time and identity of the file when
    it was digested; raw: its rows, lazily; schema: of the raw rows; derive: its own declared columns.
    """

    name: str
    at: str
    kind: str
    path: Path
    shown: str
    sha256: str
    stamp: tuple[int, ...]
    raw: pl.LazyFrame
    schema: Mapping[str, pl.DataType]
    derive: Mapping[str, str]


def open_all(sources: Mapping[str, Spec], given: Mapping[str, Path], root: Path) -> dict[str, Source]:
    """Open every declared source; no row of a Parquet file is read yet.

    given: 'source.NAME' to path, where the caller has resolved it already. Raises FaultsError with all that is wrong.
    """
    found: dict[str, Source] = {}
    faults: list[Fault] = []
    for name, spec in sources.items():
        try:
            found[name] = _open(name, spec, given, Workspace(root))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(faults)
    return found


def _open(name: str, spec: Any, given: Mapping[str, Path], workspace: Workspace) -> Source:
    at = f"data.sources.{name}"
    declared = spec.located(workspace, at)
    path = given.get(f"source.{name}", declared)
    shown = workspace.shown(path)
    if not path.is_file():
        wrong = "is not a file" if path.exists() else "is missing"
        raise FaultsError([Fault(at, f"{shown} {wrong}", "a readable file", _beside(path))])
    try:
        stamp, sha256 = _stamp(path), of_file(path)
        raw = part("source", spec.kind)(spec, path)
        schema = dict(raw.collect_schema())
    except (UnreadableError, PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, at, shown)]) from None
    return Source(name, at, spec.kind, path, shown, sha256, stamp, raw, schema, dict(getattr(spec, "derive", {})))


def _beside(path: Path) -> str:
    there = sorted(p.name for p in path.parent.glob("*") if p.is_file())[:8] if path.parent.is_dir() else []
    return f"files there: {', '.join(there)}" if there else ""


def _stamp(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return (found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev)


def explained(error: BaseException, at: str, shown: str) -> Fault:
    """A reader's failure as one fault that names the source and its file."""
    if isinstance(error, UnreadableError):
        return Fault(at, f"{shown}: {error.wrong}", error.expected, error.hint)
    if isinstance(error, OSError):
        return Fault(at, f"{shown} cannot be read: {error.strerror}", "a readable file")
    first = " ".join(str(error).split("\n")[0].split())
    return Fault(at, f"{shown} is damaged: {first}", "a whole file", "copy or export it again")


def read(source: Source, columns: Collection[str]) -> pl.DataFrame:
    """The wanted columns of a source, its own derived ones among them, rows in file order.

    Raises FaultsError when the file is damaged, or changed since it was digested.
    """
    raw = derive.roots(source.derive) | set(columns)
    try:
        rows = source.raw.select([name for name in source.schema if name in raw] or list(source.schema)[:1]).collect()
    except (PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, source.at, source.shown)]) from None
    refuse_changed(source)
    return derive.add(rows, source.derive, f"{source.at}.derive")


def refuse_changed(source: Source) -> None:
    """After reading: raises FaultsError when the file is another by now than the one that was digested."""
    try:
        changed = _stamp(source.path) != source.stamp
    except OSError as error:
        raise FaultsError([explained(error, source.at, source.shown)]) from None
    if changed:
        raise FaultsError([Fault(source.at, f"{source.shown} changed while it was read", "a file at rest", "run again")])
