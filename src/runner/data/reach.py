"""Declared sources against what is there: can each be reached, how fresh is it, and what does it hold? No row is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import Fault, FaultsError
from runner.core.workspace import Workspace
from runner.data.load import FETCH, Source, check_unchanged, explained, newest, open_all
from runner.data.sources.parquet import difference
from runner.data.sources.snapshot import Record, SnapshotSpec, recorded
from runner.data.spec import DataSpec
from runner.data.unreadable import UnreadableError

State = Literal["reachable", "missing", "no permission", "unusable", "stale"]
SAMPLE_ROWS = 3
SECONDS = 3600.0


@dataclass(frozen=True)
class Reached:
    """One declared source as it was found.

    faults: why it cannot be used, empty where it can; rows: counted, None where it cannot be read; columns: name to type;
    changed: when its files were written last (UTC); sample: its first rows, for people; source: opened, None where it cannot be;
    state: in a word; newest: event time of its latest row (ISO 8601) where one is declared; age_hours: since then, or since it was written;
    record: what is known of its snapshot; live: what the database or store itself says now, empty where it was not asked.
    """

    name: str
    kind: str
    shown: str
    faults: tuple[Fault, ...]
    rows: int | None = None
    size: int | None = None
    changed: datetime | None = None
    columns: Mapping[str, str] | None = None
    sample: pl.DataFrame | None = None
    source: Source | None = None
    state: State = "reachable"
    newest: str | None = None
    age_hours: float | None = None
    record: Record | None = None
    live: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints; sample values stay on the screen of the person who asked."""
        return {
            "name": self.name,
            "kind": self.kind,
            "path": self.shown,
            "state": self.state,
            "reachable": self.source is not None,
            "faults": [str(fault) for fault in self.faults],
            "rows": self.rows,
            "bytes": self.size,
            "sha256": None if self.source is None else self.source.sha256,
            "changed": None if self.changed is None else self.changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "newest": self.newest,
            "age_hours": None if self.age_hours is None else round(self.age_hours, 2),
            "fetched_at": None if self.record is None else self.record.fetched_at,
            "live": self.live,
            "columns": dict(self.columns or {}),
            **self.told,
        }


def reach(spec: DataSpec, root: Path, *, live: bool = False, now: datetime | None = None) -> list[Reached]:
    """Every declared source, in declared order; a broken one hides no other.

    live: ask databases and stores themselves as well; now: the time that ages are told at, the clock's where it is left out.
    """
    return [_reached(name, declared, Workspace(root), live, now or datetime.now(UTC)) for name, declared in spec.sources.items()]


def _reached(name: str, declared: Any, workspace: Workspace, live: bool, now: datetime) -> Reached:
    asked = _asked(declared, workspace) if live and isinstance(declared, SnapshotSpec) else ""
    try:
        source = open_all({name: declared}, {}, workspace.root)[name]
    except FaultsError as error:
        return Reached(name, declared.kind, declared.path, error.faults, state=_state(declared, workspace), record=_record(declared, workspace), live=asked)
    try:
        rows = int(source.raw.select(pl.len()).collect(engine="streaming").item())
        sample = source.raw.head(SAMPLE_ROWS).collect()
        latest = newest(source)
        check_unchanged(source)
    except (PolarsError, PanicException, OSError) as error:
        return Reached(name, source.kind, source.shown, (explained(error, source.at, source.shown),), state="unusable", live=asked)
    except FaultsError as error:
        return Reached(name, source.kind, source.shown, error.faults, state="unusable", live=asked)
    changed = datetime.fromtimestamp(max(file.stat().st_mtime for file in source.files), UTC)
    record = _record(declared, workspace)
    since = _time(latest) or (_time(record.fetched_at) if record is not None else None) or changed
    age = (now - since).total_seconds() / SECONDS
    stale = _stale(declared, source, latest, age)
    return Reached(
        name,
        source.kind,
        source.shown,
        stale,
        rows,
        source.size,
        changed,
        {column: str(dtype) for column, dtype in source.schema.items()},
        sample,
        source,
        "stale" if stale else "reachable",
        latest,
        age,
        record,
        asked,
        source.told,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stale(declared: Any, source: Source, latest: str | None, age: float) -> tuple[Fault, ...]:
    limit = declared.max_age_hours
    if limit is None or age <= limit:
        return ()
    what = f"its newest row is of {latest}" if latest is not None else "it was written last"
    hint = f"fetch newer rows: {FETCH} --source {source.name} --renew" if declared.is_fetched else "bring a newer file"
    return (Fault(f"{source.at}.max_age_hours", f"{source.shown}: {what}, {age:,.1f} hours ago", f"at most {limit:g} hours", hint),)


def _state(declared: Any, workspace: Workspace) -> State:
    try:
        path = declared.located(workspace, "")
        files = declared.files(path)
    except (FaultsError, UnreadableError, OSError):
        return "unusable"
    if not all(file.exists() for file in files):
        return "missing"
    return "unusable" if all(os.access(file, os.R_OK) for file in files) else "no permission"


def _record(declared: Any, workspace: Workspace) -> Record | None:
    if not isinstance(declared, SnapshotSpec):
        return None
    try:
        return recorded(declared.located(workspace, ""))
    except (FaultsError, UnreadableError, OSError):
        return None


def _asked(declared: SnapshotSpec, workspace: Workspace) -> str:
    """What the other side says now of the columns that are asked for."""
    record = _record(declared, workspace)
    try:
        found = declared.columns_now(workspace)
    except UnreadableError as error:
        return error.wrong
    if found is None:
        return "its columns show when it is fetched"
    if record is None or record.question != declared.question:
        return f"answers, {len(found)} columns"
    same = found.keys() == record.columns.keys()
    # Types may show only with the rows, so that names alone are compared here.
    return "answers, the same columns" if same else f"answers, and now it {difference(dict.fromkeys(record.columns), dict.fromkeys(found), 'the snapshot')}"
