"""Fetching: rows from elsewhere become a snapshot, written whole or not at all; the old one stays until the new one is there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from filelock import FileLock, Timeout
from polars.exceptions import PanicException, PolarsError

from runner.core.digests import of_file, of_value
from runner.core.faults import Fault, FaultsError, fault
from runner.core.files import beside, clear_leftovers
from runner.core.workspace import Workspace
from runner.data.load import explained, newest, open_all
from runner.data.sources.parquet import ParquetSpec, difference
from runner.data.sources.snapshot import QUESTION, Record, SnapshotSpec, recorded
from runner.data.unreadable import GoneError, UnreadableError

Outcome = Literal["fetched", "renewed", "unchanged", "kept"]
LONGEST_WAIT_S = 10.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """outcome: unchanged where a renewal brought the same bytes, kept where the snapshot was there already."""

    name: str
    shown: str
    outcome: Outcome
    record: Record

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "path": self.shown, "outcome": self.outcome, **asdict(self.record)}


def fetched_sources(sources: Mapping[str, Any]) -> dict[str, SnapshotSpec]:
    """Those of the declared sources that are fetched."""
    return {name: spec for name, spec in sources.items() if isinstance(spec, SnapshotSpec)}


def is_missing(spec: SnapshotSpec, path: Path) -> bool:
    """Whether nothing was ever fetched, as far as can be seen: neither a snapshot of such a question nor a record is there."""
    if not path.exists():
        return recorded_or_fault(spec, path, "") is None
    return recorded_or_fault(spec, path, "") is None and _asked_by(path) == spec.question


def recorded_or_fault(spec: SnapshotSpec, path: Path, at: str) -> Record | None:
    """The record beside a snapshot. Raises FaultsError for a damaged one."""
    try:
        return recorded(path)
    except UnreadableError as error:
        raise FaultsError([explained(error, at or "data.sources", spec.path)]) from None


def fetch(name: str, spec: SnapshotSpec, workspace: Workspace, *, renew: bool, say: Say) -> Fetched:
    """Fetch a source's rows unless its snapshot is there. renew: replace the snapshot even so; say: tells a person of waiting.

    Raises FaultsError (2) where the other side cannot be read, gives other columns than before, or where a file would be replaced
    that is no snapshot of this source; whatever was there before stays.
    """
    at = f"data.sources.{name}"
    path = spec.located(workspace, at)
    with _alone(workspace, path, name, say):
        clear_leftovers(path)
        known = recorded_or_fault(spec, path, at)
        shown = workspace.shown(path)
        if not renew and (kept := _kept(at, shown, spec, path, known)):
            return Fetched(name, shown, "kept", kept)
        if known is not None and spec.snapshot_date is not None and known.fetched_at.startswith(spec.snapshot_date):
            raise fault(at, f"{shown} is pinned to the snapshot of {spec.snapshot_date}", "a source that may change", "remove `snapshot_date`, then renew it")
        record = _tried(at, spec, workspace, path, known, say)
    outcome: Outcome = "fetched" if known is None else "unchanged" if known.sha256 == record.sha256 else "renewed"
    return Fetched(name, shown, outcome, record)


def _kept(at: str, shown: str, spec: SnapshotSpec, path: Path, known: Record | None) -> Record | None:
    """The record of a snapshot that need not be fetched, None of one that is to be. Raises FaultsError where a person has to decide."""
    if known is None:
        if path.exists() and _asked_by(path) != spec.question:
            raise fault(
                at, f"there is a file {shown} that is no snapshot of this source", "a `path` of its own", "choose another `path`, or replace it with --renew"
            )
        return None
    if known.question != spec.question:
        return None
    if not path.exists():
        wrong = f"the snapshot of {known.fetched_at} is not here, only its record"
        raise fault(at, f"{shown}: {wrong}", "the snapshot that the record tells of", "bring it with `dvc pull`, or fetch newer rows with --renew")
    if of_file(path) != known.sha256:
        wrong = f"{shown} is not the snapshot that its record tells of"
        raise fault(at, wrong, f"sha256 {known.sha256}", "`dvc checkout`, or fetch newer rows with --renew")
    return known


def _asked_by(path: Path) -> str:
    """The question that a Parquet file says it answers; a fetch that was killed leaves a snapshot without a record."""
    try:
        return pl.read_parquet_metadata(path).get(QUESTION, "")
    except (PolarsError, PanicException, OSError):
        return ""


def _tried(at: str, spec: SnapshotSpec, workspace: Workspace, path: Path, known: Record | None, say: Say) -> Record:
    """Try as often as declared; each try begins anew."""
    n = 0
    while True:
        try:
            return _once(at, spec, workspace, path, known)
        except UnreadableError as error:
            told = explained(error, at, spec.origin())
            if n == spec.retries or not isinstance(error, GoneError):
                raise FaultsError([told]) from None
        n += 1
        wait = min(LONGEST_WAIT_S, 2.0 ** (n - 1))
        say(f"{at}: {told.wrong}; trying again in {wait:g} s ({n} of {spec.retries})")
        time.sleep(wait)


def _once(at: str, spec: SnapshotSpec, workspace: Workspace, path: Path, known: Record | None) -> Record:
    with beside(path) as scratch:
        rows = spec.fetch(workspace, scratch)
        found = dict(pl.read_parquet_schema(scratch))
        if known is not None and known.rows and not rows:
            raise _nothing(at, spec, known)
        if known is not None and known.question == spec.question:
            _check_columns(at, spec, known, {name: str(dtype) for name, dtype in found.items()})
        latest = _newest(spec, scratch, at, workspace)
        record = Record(
            origin=spec.origin(),
            question=spec.question,
            rows=rows,
            bytes=scratch.stat().st_size,
            sha256=of_file(scratch),
            columns={name: str(dtype) for name, dtype in found.items()},
            fetched_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            newest=latest,
        )
    record.write(path)
    return record


def _check_columns(at: str, spec: SnapshotSpec, known: Record, found: dict[str, str]) -> None:
    if found == known.columns:
        return
    told = difference(known.columns, found, "the snapshot")
    hint = f"name the columns in the query, with CAST where needed; to take the new ones as they are, remove {spec.path} and its record, and fetch again"
    raise FaultsError(
        [Fault(at, f"{spec.origin()} gives other columns than at {known.fetched_at}: it {told}", "the columns of the snapshot, which stays", hint)]
    )


def _nothing(at: str, spec: SnapshotSpec, known: Record) -> FaultsError:
    wrong = f"{spec.origin()} gives no rows, where it gave {known.rows:,} at {known.fetched_at}"
    hint = f"look at what is asked; to take none, remove {spec.path} and its record, and fetch again"
    return FaultsError([Fault(at, wrong, "rows; the snapshot stays as it is", hint)])


def _newest(spec: SnapshotSpec, scratch: Path, at: str, workspace: Workspace) -> str | None:
    name = at.rpartition(".")[2]
    as_parquet = ParquetSpec(kind="parquet", path=spec.path, external=spec.external, derive=spec.derive, time=spec.time)
    return newest(open_all({name: as_parquet}, {f"source.{name}": scratch}, workspace.root)[name])


@contextmanager
def _alone(workspace: Workspace, path: Path, name: str, say: Say) -> Iterator[None]:
    """Only one process at a time fetches a snapshot; another one waits, and finds it there."""
    locks = workspace.home / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"fetch-{of_value(path.as_posix())[:24]}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"another process is fetching {name}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
