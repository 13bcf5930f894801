"""A table of a database, exported once. SQLite so far: it comes with Python."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import polars as pl

from runner.core.expressions import quoted
from runner.core.faults import fault, listed, nearest
from runner.core.secrets import masked

SCHEME = "sqlite"
MAGIC = b"SQLite format 3\0"
TABLES = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name"


def is_url(data: str) -> bool:
    """Whether it names a database by a URL.

    >>> is_url("sqlite:///shop.db"), is_url("C:/shop.csv"), is_url("shop.csv")
    (True, False, False)
    """
    return "://" in data and len(urlsplit(data).scheme) > 1


def is_file(path: Path) -> bool:
    """Whether a file is an SQLite database, whatever its ending."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def shown(data: str) -> str:
    """The database for people: without user and password."""
    return masked(data) if is_url(data) else data


def exported(data: str, table: str | None) -> tuple[str, bytes]:
    """The name of the table, and its rows as the bytes of a Parquet file.

    table: may be left out where there is just one. Raises FaultsError for another kind of database, a missing file or table.
    """
    path = _path(data)
    at = f"--data {shown(data)}"
    if not path.is_file():
        raise fault(at, f"there is no file {path}", "an SQLite file", "sqlite:///FILE is below this folder, sqlite:////PATH begins at the root")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as connection:
            connection.text_factory = lambda content: content.decode("utf-8", "replace")
            name = _chosen([str(found) for (found,) in connection.execute(TABLES)], table, at)
            cursor = connection.execute(f"SELECT * FROM {quoted(name)}")  # noqa: S608 - a name that is there, in quotes
            names = [str(column[0]) for column in cursor.description]
            rows = cursor.fetchall()
    except sqlite3.Error as error:
        raise fault(at, f"cannot be read: {error}", "a whole SQLite file") from None
    stream = io.BytesIO()
    pl.DataFrame([_column(name, [row[i] for row in rows]) for i, name in enumerate(names)]).write_parquet(stream, compression="zstd")
    return name, stream.getvalue()


def _path(data: str) -> Path:
    if not is_url(data):
        return Path(data)
    scheme = urlsplit(data).scheme
    if scheme != SCHEME:
        wrong = f"{scheme} is not read yet"
        raise fault(f"--data {shown(data)}", wrong, "sqlite:///FILE, a .csv or a .parquet file", "export the table to Parquet or CSV and name that file")
    return Path(data.removeprefix(f"{SCHEME}://").partition("?")[0].removeprefix("/"))


def _chosen(tables: list[str], table: str | None, at: str) -> str:
    if table is None:
        if len(tables) == 1:
            return tables[0]
        raise fault(at, f"has {len(tables)} tables", "--table NAME", f"tables: {listed(tables, 30)}" if tables else "")
    if table not in tables:
        raise fault(f"--table {table}", "there is no such table", f"one of {listed(tables, 30)}", nearest(table, tables))
    return table


def _column(name: str, values: list[Any]) -> pl.Series:
    """SQLite types values, not columns: whole numbers where all are, else numbers, else text."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pl.Series(name, values, dtype=pl.Int64)
    if kinds <= {int, float}:
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    if bytes in kinds:
        return pl.Series(name, [value if value is None or isinstance(value, bytes) else str(value).encode() for value in values], dtype=pl.Binary)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
