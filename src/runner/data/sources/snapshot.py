"""What is fetched from elsewhere: a snapshot in the workspace that runs read, and a record beside it that says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from runner.core.digests import of_value
from runner.core.files import write_json
from runner.core.workspace import Workspace
from runner.data.sources import parquet
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

# Under this name a snapshot says itself which question it answers.
QUESTION = "runner.question"
RECORD_ENDING = ".snapshot.json"
AGAIN = "python -m runner data fetch +experiment=NAME --source NAME --renew"
FIRST = "python -m runner data fetch +experiment=NAME --source NAME"


class SnapshotSpec(FileSourceSpec):
    """A source that no run reads itself: its rows are fetched into a Parquet file of the workspace, and that is what runs read."""

    is_fetched: ClassVar[bool] = True
    # What says where the rows come from and which; a snapshot answers just one such question.
    asks: ClassVar[tuple[str, ...]] = ()

    path: str
    """The snapshot: a .parquet file of the workspace that `data fetch` writes, with a record beside it."""
    snapshot_date: str | None = Field(default=None, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    """Pins the source to the snapshot that was fetched on this date (UTC): any other is refused, and it is not renewed."""
    retries: int = Field(default=2, ge=0, le=20)
    """How often a fetch begins anew where the other side cannot be reached or breaks off."""
    max_rows: int = Field(default=100_000_000, ge=1)
    """A fetch that brings more rows is stopped."""

    @model_validator(mode="after")
    def _parquet(self) -> Self:
        if not self.path.endswith(parquet.ENDING):
            raise ValueError(f"path {self.path!r} is where the snapshot is written, so it ends in {parquet.ENDING}")
        return self

    @property
    def question(self) -> str:
        """Digest of where the rows come from and which of them are asked for."""
        return of_value({name: getattr(self, name) for name in self.asks})

    def origin(self) -> str:
        """Where the rows come from, for people; no secret."""
        raise NotImplementedError

    def columns_now(self, workspace: Workspace) -> dict[str, str] | None:
        """Name to type of what would come now, asked without a row; None where only the rows can tell. Raises UnreadableError."""
        raise NotImplementedError

    def fetch(self, workspace: Workspace, target: Path) -> int:
        """Write the rows to a Parquet file and return how many there are. Raises UnreadableError, or GoneError where another try may help."""
        raise NotImplementedError

    def refuse(self, path: Path, sha256: str) -> None:
        """Besides what is pinned: the snapshot is the one that its record tells of, and answers what is asked now."""
        super().refuse(path, sha256)
        found = recorded(path)
        if found is None:
            raise UnreadableError(f"has no record {record_of(path).name} beside it", "a snapshot with its record", f"restore it, or fetch again: {AGAIN}")
        if found.sha256 != sha256:
            hint = f"`dvc checkout`, or fetch again: {AGAIN}"
            raise UnreadableError(f"is not the snapshot that {record_of(path).name} tells of", f"sha256 {found.sha256}", hint)
        if found.question != self.question:
            wrong = f"was fetched for another declaration: {' or '.join(f'`{name}`' for name in self.asks)} changed since"
            raise UnreadableError(wrong, "a snapshot of what is declared", f"fetch again: {FIRST}, or give the new one a `path` of its own")
        if self.snapshot_date is not None and not found.fetched_at.startswith(self.snapshot_date):
            wrong = f"is not the pinned snapshot, it was fetched at {found.fetched_at}"
            raise UnreadableError(wrong, f"snapshot_date: {self.snapshot_date}", "bring it back with `dvc checkout`, or pin this one")


@dataclass(frozen=True)
class Record:
    """What is known of a snapshot. question: digest of what was asked; columns: name to type; newest: event time of its latest row, where declared."""

    origin: str
    question: str
    rows: int
    bytes: int
    sha256: str
    columns: dict[str, str]
    fetched_at: str
    newest: str | None = None

    def write(self, path: Path) -> None:
        """Write it beside a snapshot, whole or not at all."""
        write_json(record_of(path), asdict(self))


def record_of(path: Path) -> Path:
    """Where the record of a snapshot lies.

    >>> record_of(Path("data/raw/orders.parquet")).as_posix()
    'data/raw/orders.snapshot.json'
    """
    return path.with_suffix(RECORD_ENDING)


def recorded(path: Path) -> Record | None:
    """The record of a snapshot; None where there is none. Raises UnreadableError for a damaged one."""
    at = record_of(path)
    if not at.is_file():
        return None
    try:
        found: Any = json.loads(at.read_text(encoding="utf-8"))
        kept = Record(**found)
    except (ValueError, TypeError):
        raise UnreadableError(f"its record {at.name} is damaged", "JSON as a fetch wrote it", f"restore it, or fetch again: {AGAIN}") from None
    if not isinstance(kept.columns, Mapping) or not isinstance(kept.fetched_at, str) or not isinstance(kept.sha256, str):
        raise UnreadableError(f"its record {at.name} is damaged", "JSON as a fetch wrote it", f"restore it, or fetch again: {AGAIN}")
    return kept


def scan(spec: SnapshotSpec, path: Path) -> pl.LazyFrame:
    """The snapshot's rows, lazily. Raises UnreadableError as the reader of Parquet does."""
    return parquet.scan(parquet.ParquetSpec(kind="parquet", path=spec.path), path)
