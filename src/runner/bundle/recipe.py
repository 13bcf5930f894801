"""A fitted recipe: SQL projections, table lookups and what plugins register, applied in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from runner.core.expressions import evaluate
from runner.core.faults import fault, listed
from runner.core.files import write_parquet
from runner.core.registry import part, register, words

HIDDEN = "__runner_"


class Operation(Protocol):
    """What a fitted step does to any row.

    apply: add columns to rows, one row in, one row out; save: write what is too large for JSON into a folder and return
    the rest, with its word under `op`. The reader registered under that word makes the operation again.
    """

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame: ...

    def save(self, folder: Path) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Project:
    """Add columns by SQL over one row: name to expression."""

    columns: Mapping[str, str]

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(evaluate(rows, self.columns).get_columns())

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "sql", "columns": dict(self.columns)}


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

    def save(self, folder: Path) -> dict[str, Any]:
        file = f"{self.name}.parquet"
        write_parquet(folder / file, self.table)
        return {"op": "lookup", "on": list(self.on), "table": file, "columns": dict(self.columns)}


@register("operation", "sql")
def read_project(written: Mapping[str, Any], folder: Path) -> Project:
    """Read what save wrote."""
    return Project(written["columns"])


@register("operation", "lookup")
def read_lookup(written: Mapping[str, Any], folder: Path) -> Lookup:
    """Read what save wrote."""
    return Lookup(Path(written["table"]).stem, tuple(written["on"]), pl.read_parquet(folder / written["table"]), written["columns"])


def apply(operations: Iterable[Operation], rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every operation's columns added, in order; one row in, one row out."""
    for operation in operations:
        rows = operation.apply(rows)
    return rows


def dump(operations: Sequence[Operation], folder: Path) -> list[dict[str, Any]]:
    """Write the tables into the folder and return the JSON form of the operations."""
    return [operation.save(folder) for operation in operations]


def parse(written: Iterable[Mapping[str, Any]], folder: Path) -> list[Operation]:
    """The operations of a dumped recipe; tables are read from the folder. Raises FaultsError for a word that nobody registered."""
    items = list(written)
    unknown = sorted({str(item["op"]) for item in items} - set(words("operation")))
    if unknown:
        raise fault(str(folder), f"holds operations that nobody registered: {listed(unknown)}", f"one of {listed(words('operation'))}")
    return [part("operation", item["op"])(item, folder) for item in items]
