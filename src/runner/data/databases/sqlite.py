"""SQLite files, with the engine that comes with Python."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import polars as pl

from runner.core.expressions import quoted
from runner.data.databases.question import ROWS_AT_ONCE, Frames, Question, check_names, too_long
from runner.data.unreadable import UnreadableError

MAGIC = b"SQLite format 3\0"
EXACT = 1 << 53
STEPS_BETWEEN_LOOKS = 100_000
# All that reading needs: a full-text index asks for its version too. What else a statement would do is refused before it runs.
READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
KINDS = ("integer", "real", "text", "blob")


def frames(question: Question) -> Frames:
    """The rows, about 65,000 at a time; at least one frame, so that the types are known.

    SQLite types values, not columns: a first look over all rows settles each column's type, in the same transaction. Raises UnreadableError.
    """
    deadline = time.monotonic() + question.statement_timeout_s
    address = f"file:{quote(str(question.file))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=question.connect_timeout_s, isolation_level=None)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
            # One transaction, so that nobody changes the rows between the two looks.
            connection.execute("BEGIN")
            connection.set_authorizer(_only_reads)
            schema = _schema(connection, question.query)
            cursor = connection.execute(question.query)
            rows = cursor.fetchmany(ROWS_AT_ONCE)
            yield _framed(rows, schema)
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                yield _framed(rows, schema)
    except sqlite3.Error as error:
        if time.monotonic() > deadline:
            raise too_long(question) from None
        raise UnreadableError(question.told(error), "a query that this database answers", "try it in sqlite3") from None


def _only_reads(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    """Whether SQLite may do what a statement asks: read this database, and neither write, attach another file nor load code."""
    is_plain = action == sqlite3.SQLITE_FUNCTION and second != "load_extension"
    is_version = action == sqlite3.SQLITE_PRAGMA and first == "data_version"
    return sqlite3.SQLITE_OK if action in READING or is_plain or is_version else sqlite3.SQLITE_DENY


def _schema(connection: sqlite3.Connection, query: str) -> dict[str, pl.DataType]:
    with closing(connection.execute(query)) as cursor:
        if cursor.description is None:
            raise UnreadableError("the query gives no rows", "one SELECT", "a source only reads")
        names = [str(column[0]) for column in cursor.description]
    check_names(names)
    looks = ", ".join(_look(quoted(name)) for name in names)
    return dict(zip(names, _types(connection, query, looks, names), strict=True))


def _look(name: str) -> str:
    counts = [f"sum(typeof({name}) = '{kind}')" for kind in KINDS]
    return f"{', '.join(counts)}, max(CASE typeof({name}) WHEN 'integer' THEN abs({name}) END)"


def _types(connection: sqlite3.Connection, query: str, looks: str, names: list[str]) -> Iterator[pl.DataType]:
    found = connection.execute(f"SELECT {looks} FROM ({query.strip().rstrip(';')})").fetchone()  # noqa: S608 - the declared query, read-only
    for n, name in enumerate(names):
        integers, reals, texts, blobs, largest = found[5 * n : 5 * n + 5]
        if blobs and (integers or reals or texts):
            raise UnreadableError(f"the column {name!r} mixes bytes with other values", "values of one kind", f"CAST({quoted(name)} AS TEXT) in the query")
        if integers and reals and not texts and largest >= EXACT:
            wrong = f"the column {name!r} mixes fractions with whole numbers beyond 2^53, which would be rounded"
            raise UnreadableError(wrong, "numbers that a float holds", f"CAST({quoted(name)} AS TEXT) in the query")
        yield pl.Binary() if blobs else pl.String() if texts else pl.Float64() if reals else pl.Int64() if integers else pl.Null()


def _framed(rows: list[tuple[Any, ...]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame([_column(name, dtype, [row[n] for row in rows]) for n, (name, dtype) in enumerate(schema.items())])


def _column(name: str, dtype: pl.DataType, values: list[Any]) -> pl.Series:
    if dtype == pl.String():
        return pl.Series(name, [value if value is None or isinstance(value, str) else str(value) for value in values], dtype)
    if dtype == pl.Float64():
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype)
    return pl.Series(name, values, dtype)
