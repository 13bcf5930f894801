"""A fitted recipe: nothing but SQL projections and table lookups, applied in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.core.expressions import evaluate
from runner.core.files import write_parquet

HIDDEN = "__runner_"


@dataclass(frozen=True)
class Project:
    """Add columns by SQL over one row: name to expression."""

    columns: Mapping[str, str]

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(evaluate(rows, self.columns).get_columns())


@dataclass(frozen=True)
class Lookup:
    """Add columns from a table by equal keys (null equals null): name to the value for keys that are not there."""

    name: str
    on: tuple[str, ...]
    table: pl.DataFrame
    columns: Mapping[str, float | int | None]

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        keys = [pl.col(c).cast(self.table.schema[c]) for c in self.on]
        found = rows.select(keys).join(self.table, on=list(self.on), how="left", nulls_equal=True, maintain_order="left")
        fills = [pl.col(c).fill_null(fill) if fill is not None else pl.col(c) for c, fill in self.columns.items()]
        return rows.with_columns(found.select(fills).get_columns())


Operation = Project | Lookup


def apply(operations: Iterable[Operation], rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every operation's columns added, in order; one row in, one row out."""
    for operation in operations:
        rows = operation.apply(rows)
    return rows


def dump(operations: Sequence[Operation], folder: Path) -> list[dict[str, Any]]:
    """Write the tables into the folder and return the JSON form of the operations."""
    written: list[dict[str, Any]] = []
    for operation in operations:
        if isinstance(operation, Project):
            written.append({"op": "sql", "columns": dict(operation.columns)})
            continue
        file = f"{operation.name}.parquet"
        write_parquet(folder / file, operation.table)
        written.append({"op": "lookup", "on": list(operation.on), "table": file, "columns": dict(operation.columns)})
    return written


def parse(written: Iterable[Mapping[str, Any]], folder: Path) -> list[Operation]:
    """The operations of a dumped recipe; tables are read from the folder."""
    operations: list[Operation] = []
    for item in written:
        if item["op"] == "sql":
            operations.append(Project(item["columns"]))
            continue
        table = pl.read_parquet(folder / item["table"])
        operations.append(Lookup(Path(item["table"]).stem, tuple(item["on"]), table, item["columns"]))
    return operations
