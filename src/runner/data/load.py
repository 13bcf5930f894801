"""Sources: found inside the workspace, identified by digest, read whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.bundle.casts import cast
from runner.core.faults import Fault, FaultsError, nearest
from runner.core.registry import part
from runner.core.spec import Spec
from runner.core.workspace import Workspace
from runner.data import derive
from runner.data.unreadable import UnreadableError

FETCH = "python -m runner data fetch +experiment=NAME"
AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Source:
    """A declared source whose files can be opened.

    at: its config key; path: the file, folder or pattern; shown: the path for people; sha256: of its content; stamp: bytes of all files, then
    size, time and identity of each when it was digested; raw: its rows, lazily; schema: of the raw rows; derive: its own declared columns;
    files: that hold its rows; time: the declared column that tells when a row happened; told: what else is known of this version (JSON).
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
    files: tuple[Path, ...] = ()
    time: str | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.stamp[0]

    def record(self, rows: int) -> dict[str, Any]:
        """What is kept of this load, as JSON: where from, digest, rows, bytes, newest event time. rows: as they were counted while reading."""
        more = {"files": len(self.files)} if self.files != (self.path,) else {}
        moment = newest(self)
        return {
            "path": self.shown,
            "kind": self.kind,
            "sha256": self.sha256,
            "bytes": self.size,
            "rows": rows,
            "columns": len(self.schema),
            **more,
            **({} if self.time is None else {"time": self.time, "newest": moment}),
            **self.told,
        }


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
    try:
        files = spec.files(path)
        faults = [fault for file in files for fault in _absent(at, spec, file, workspace)]
        if faults:
            raise FaultsError(faults)
        stamp, sha256 = _stamp(files), spec.digest(path)
        # A probe works on some of the rows, which no pin can know.
        if path == declared:
            spec.refuse(path, sha256)
        raw = part("source", spec.kind)(spec, path)
        schema = dict(raw.collect_schema())
        told = spec.told(path)
    except (UnreadableError, PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, at, shown)]) from None
    source = Source(name, at, spec.kind, path, shown, sha256, stamp, raw, schema, dict(spec.derive), tuple(files), spec.time, told)
    if source.time is not None and source.time not in {**schema, **source.derive}:
        near = nearest(source.time, [*schema, *source.derive])
        raise FaultsError([Fault(f"{at}.time", f"{shown} has no column {source.time!r}", "a column of the source", near)])
    return source


def _absent(at: str, spec: Any, path: Path, workspace: Workspace) -> list[Fault]:
    if path.is_file():
        return []
    if path.exists():
        return [Fault(at, f"{workspace.shown(path)} is not a file", "a readable file", _beside(path))]
    hint = f"fetch it: {FETCH} --source {at.removeprefix('data.sources.')}" if spec.is_fetched else _beside(path)
    return [Fault(at, f"{workspace.shown(path)} is missing", "a readable file", hint)]


def _beside(path: Path) -> str:
    there = sorted(p.name for p in path.parent.glob("*") if p.is_file())[:8] if path.parent.is_dir() else []
    return f"files there: {', '.join(there)}" if there else ""


def _stamp(files: Sequence[Path]) -> tuple[int, ...]:
    found = [file.stat() for file in files]
    return (sum(f.st_size for f in found), *(part for f in found for part in (f.st_size, f.st_mtime_ns, f.st_ino, f.st_dev)))


def explained(error: BaseException, at: str, shown: str) -> Fault:
    """A reader's failure as one fault that names the source and its file."""
    if isinstance(error, UnreadableError):
        return Fault(at, f"{shown}: {error.wrong}", error.expected, error.hint)
    if isinstance(error, OSError):
        return Fault(at, f"{shown} cannot be read: {error.strerror or error}", "a readable file")
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
    check_unchanged(source)
    return derive.add(rows, source.derive, f"{source.at}.derive")


def check_unchanged(source: Source) -> None:
    """To be called when the last row was read, by whoever reads `raw` batch by batch. Raises FaultsError when the files changed meanwhile."""
    try:
        changed = _stamp(source.files or (source.path,)) != source.stamp
    except OSError as error:
        raise FaultsError([explained(error, source.at, source.shown)]) from None
    if changed:
        raise FaultsError([Fault(source.at, f"{source.shown} changed while it was read", "a file at rest", "run again")])


def newest(source: Source) -> str | None:
    """The newest event time in ISO 8601 (UTC where the column has zones), or None where no time is declared or known.

    Raises FaultsError when the column holds no times, or the file is damaged.
    """
    if source.time is None:
        return None
    rows = source.raw
    latest: datetime | None = None
    try:
        for name, sql in source.derive.items():
            rows = derive.lazily(rows, name, sql)
        # Text is no time before it is cast, so one narrow column is read, piece by piece.
        for piece in rows.select(source.time).collect_batches(chunk_size=AT_ONCE, maintain_order=False, engine="streaming"):
            latest = max((moment for moment in (latest, _latest(source, piece[source.time])) if moment is not None), default=None)
    except (PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, f"{source.at}.time", source.shown)]) from None
    return None if latest is None else latest.strftime("%Y-%m-%dT%H:%M:%SZ")


def _latest(source: Source, values: pl.Series) -> datetime | None:
    held = cast(values, "datetime")
    if not values.dtype.is_numeric() and held.possible and not held.bad.any():
        found: Any = held.values.max()
        return found if found is None else found.replace(tzinfo=UTC)
    odd = values.filter(held.bad)[:1].to_list()
    wrong = f"{source.time!r} is {values.dtype}" + (f" and holds {odd[0]!r}" if odd else "")
    raise FaultsError([Fault(f"{source.at}.time", f"{source.shown}: {wrong}", "dates or times in ISO 8601", "make one with `derive`")])
