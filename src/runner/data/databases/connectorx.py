"""Databases that connectorx reads: MySQL, SQL Server, Oracle, Redshift, ClickHouse, Trino and others."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from runner.data.databases.arrow import empty, framed
from runner.data.databases.question import ROWS_AT_ONCE, Question, check_names
from runner.data.sources.extra import needed
from runner.data.sources.snapshot import GoneError
from runner.data.unreadable import UnreadableError

SCHEMES = ("mysql", "mariadb", "mssql", "oracle", "redshift", "clickhouse", "trino", "bigquery")
# Words of drivers for a server that is not there; they have no numbers in common.
UNREACHED = ("timed out", "timeout", "connection refused", "could not connect", "error communicating", "connection reset", "broken pipe", "closed")


def frames(question: Question) -> Iterator[pl.DataFrame]:
    """The rows, about 65,000 at a time; at least one frame, so that the types are known.

    The limits are those of the server and the address: this library has none of its own. Raises UnreadableError, GoneError where the server is gone.
    """
    library = needed("connectorx")
    try:
        reader = library.read_sql(question.uri, question.query, return_type="arrow_stream", batch_size=ROWS_AT_ONCE)
        check_names(reader.schema.names)
        yield framed(empty(reader.schema))
        for batch in reader:
            yield framed(batch)
    except (RuntimeError, ValueError, OSError) as error:
        told = question.told(error)
        if any(words in told.lower() for words in UNREACHED):
            raise GoneError(f"the database cannot be reached: {told}", "a server that answers", "look whether it runs, and at the address") from None
        raise UnreadableError(f"the database refuses the query: {told}", "one SELECT that it answers", "try it in a client of the database") from None
