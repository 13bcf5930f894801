"""Databases that connectorx reads: MySQL, SQL Server, Oracle, Redshift, ClickHouse, Trino and others."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from runner.data.databases.arrow import empty, framed
from runner.data.databases.question import ROWS_AT_ONCE, Frames, Question, check_names
from runner.data.extra import needed
from runner.data.unreadable import GoneError, UnreadableError

# With the port that each listens at where the address names none.
PORTS = {"mysql": 3306, "mariadb": 3306, "mssql": 1433, "oracle": 1521, "redshift": 5439, "clickhouse": 8123, "trino": 8080}
SCHEMES = (*PORTS, "bigquery")
# Words of drivers for a server that is not there; they have no numbers in common.
UNREACHED = ("timed out", "timeout", "connection refused", "could not connect", "error communicating", "connection reset", "broken pipe", "closed")


def frames(question: Question) -> Frames:
    """The rows, about 65,000 at a time; at least one frame, so that the types are known.

    How long the query may take is the server's to limit: this library does not. Raises UnreadableError, GoneError where the server is gone.
    """
    library = needed("connectorx")
    _knock(question)
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


def _knock(question: Question) -> None:
    """Whether anybody listens: the library itself would try for half a minute. Raises GoneError."""
    try:
        parts = urlsplit(question.uri)
        host, port = parts.hostname, parts.port or PORTS.get(question.scheme)
    except ValueError as error:
        raise UnreadableError(f"its address cannot be understood: {question.told(error)}", "an address such as mysql://user:password@host/database") from None
    if host is None or port is None:
        return
    try:
        socket.create_connection((host, port), question.connect_timeout_s).close()
    except OSError as error:
        told = question.told(error.strerror or str(error))
        raise GoneError(f"the database cannot be reached: {told}", "a server that answers", "look whether it runs, and at the address") from None
