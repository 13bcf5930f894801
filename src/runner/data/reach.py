"""Declared sources against what is there: can each be reached, and what does it hold? No row is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import Fault, FaultsError
from runner.data.load import Source, explained, open_all
from runner.data.spec import DataSpec

SAMPLE_ROWS = 3


@dataclass(frozen=True)
class Reached:
    """One declared source as it was found.

    faults: why it cannot be used, empty where it can; rows: counted, None where it cannot be read; columns: name to type;
    changed: when its file was written last (UTC); sample: its first rows, for people; source: opened, None where it cannot be.
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

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints; sample values stay on the screen of the person who asked."""
        return {
            "name": self.name,
            "kind": self.kind,
            "path": self.shown,
            "reachable": not self.faults,
            "faults": [str(fault) for fault in self.faults],
            "rows": self.rows,
            "bytes": self.size,
            "changed": None if self.changed is None else self.changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "columns": dict(self.columns or {}),
        }


def reach(spec: DataSpec, root: Path) -> list[Reached]:
    """Every declared source, in declared order; a broken one hides no other."""
    return [_reached(name, declared, root) for name, declared in spec.sources.items()]


def _reached(name: str, declared: Any, root: Path) -> Reached:
    try:
        source = open_all({name: declared}, {}, root)[name]
    except FaultsError as error:
        return Reached(name, declared.kind, str(getattr(declared, "path", "")), error.faults)
    try:
        rows = int(source.raw.select(pl.len()).collect().item())
        sample = source.raw.head(SAMPLE_ROWS).collect()
    except (PolarsError, PanicException, OSError) as error:
        return Reached(name, source.kind, source.shown, (explained(error, source.at, source.shown),))
    stat = source.path.stat()
    columns = {column: str(dtype) for column, dtype in source.schema.items()}
    changed = datetime.fromtimestamp(stat.st_mtime, UTC)
    return Reached(name, source.kind, source.shown, (), rows, stat.st_size, changed, columns, sample, source)
