"""The operations that every recipe is made of: columns computed from one row, and columns looked up in a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

from runner.core.expressions import as_among_others, parse
from runner.core.files import write_parquet
from runner.core.registry import register


class Operation(Protocol):
    """What a fitted step does to any row.

    apply: add columns to rows, one row in, one row out; save: write what is too large for JSON into a folder and return
    the rest, with its word under `op`. The reader registered under that word makes the operation again.
    """

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame: ...

    def save(self, folder: Path) -> dict[str, Any]: ...


@runtime_checkable
class Rowwise(Protocol):
    """An operation that also says what it does as Polars expressions over one row, each naming its columns: it runs in one query with its neighbours.

    rowwise: name to expression; none reads what another of the same operation makes. Floats that are not finite become null.
    """

    def rowwise(self) -> Mapping[str, pl.Expr]: ...


@dataclass(frozen=True)
class Project:
    """Add columns by SQL over one row: name to expression; floats that are not finite become null."""

    columns: Mapping[str, str]

    def rowwise(self) -> Mapping[str, pl.Expr]:
        return {name: parse(sql) for name, sql in self.columns.items()}

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return compute(rows, self.rowwise())

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
        return beside(rows, self.found(rows).get_columns())

    def found(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The columns for the rows, without the rows."""
        keys = [pl.col(c).cast(self.table.schema[c]) for c in self.on]
        found = rows.select(keys).join(self.table, on=list(self.on), how="left", nulls_equal=True, maintain_order="left")
        return found.select(self.filled())

    def filled(self) -> list[pl.Expr]:
        """The table's columns with the value of absent keys where they are null."""
        return [pl.col(c).fill_null(fill) if fill is not None else pl.col(c) for c, fill in self.columns.items()]

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


def beside(rows: pl.DataFrame, columns: Iterable[pl.Series]) -> pl.DataFrame:
    """The rows with columns whose values are there already; one of a name that is there takes its place. A query would take longer than the rest."""
    made = list(columns)
    known = set(rows.columns)
    return rows.with_columns(made) if any(column.name in known for column in made) else rows.hstack(made)


def computed(frame: pl.LazyFrame, expressions: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """The frame with the named expressions; NaN and infinities in them become null."""
    if not expressions:
        return frame
    floats = pl.selectors.by_name(*expressions) & pl.selectors.float()
    return frame.with_columns(e.alias(name) for name, e in expressions.items()).with_columns(pl.when(floats.is_finite()).then(floats))


def compute(rows: pl.DataFrame, expressions: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """The same of rows that are there."""
    return computed(as_among_others(rows).lazy(), expressions).collect().head(rows.height)
