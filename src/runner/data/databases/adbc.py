"""Databases with an ADBC driver; PostgreSQL with what it needs to give up in time."""

from __future__ import annotations

from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from runner.data.databases.arrow import empty, framed
from runner.data.databases.question import Frames, Question, check_names, limited, too_long
from runner.data.extra import needed
from runner.data.unreadable import GoneError, UnreadableError

POSTGRESQL = ("postgresql", "postgres")
CANCELLED = "57014"
# SQLSTATE classes of a connection that broke off, a server that stops or has too much to do.
GONE = ("08", "57P", "53")
# What another try cannot mend, although the driver calls it an error of the connection.
FOR_GOOD = ("authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied", "is not permitted", "permission denied")
BROKEN = ("server closed the connection", "terminating connection", "connection to server was lost", "could not receive data", "no COPY in progress")


def has_driver(scheme: str) -> bool:
    """Whether an ADBC driver for such an address is installed."""
    return scheme in POSTGRESQL or find_spec(f"adbc_driver_{scheme}") is not None


def frames(question: Question) -> Frames:
    """The rows, batch by batch; at least one frame, so that the types are known.

    Raises UnreadableError with the server's message, and GoneError where it cannot be reached, is stopped or breaks off.
    """
    is_postgresql = question.scheme in POSTGRESQL
    driver = needed("adbc_driver_postgresql.dbapi" if is_postgresql else f"adbc_driver_{question.scheme}.dbapi")
    manager = needed("adbc_driver_manager")
    at = _bounded(question) if is_postgresql else question.uri
    rows = 0
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(driver.connect(at))
        except manager.Error as error:
            raise _unreached(question, error) from None
        try:
            cursor = opened.enter_context(connection.cursor())
            opened.enter_context(limited(question, cursor.adbc_cancel))
            cursor.execute(question.query)
            reader = cursor.fetch_record_batch()
            check_names(reader.schema.names)
            yield framed(empty(reader.schema))
            for batch in reader:
                rows += batch.num_rows
                yield framed(batch)
        except manager.Error as error:
            raise _broken(question, error, rows) from None
        except OSError as error:
            # The reader of a stream passes the driver's errors on as errors of input without a number.
            if error.errno is not None:
                raise
            raise _broken(question, error, rows) from None


def _bounded(question: Question) -> str:
    """The address with limits for connecting, for the statement and for a server that falls silent; the session only reads."""
    parts = urlsplit(question.uri)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    mine = f"-c statement_timeout={max(1, round(1000 * question.statement_timeout_s))} -c default_transaction_read_only=on"
    settings = {
        "connect_timeout": str(max(2, round(question.connect_timeout_s))),
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": "30000",
        "application_name": "runner",
        **given,
        "options": f"{given.get('options', '')} {mine}".strip(),
    }
    return urlunsplit(parts._replace(query=urlencode(settings, quote_via=quote)))


def _unreached(question: Question, error: Exception) -> UnreadableError:
    told = question.told(_plain(error))
    if any(words in told for words in FOR_GOOD):
        return UnreadableError(
            f"the database does not let us in: {told}", "an address that opens it", "look at the environment variable that holds the address"
        )
    return GoneError(
        f"the database cannot be reached: {told}", "a server that answers", "look whether it runs, and at the address; the same command tries again"
    )


def _broken(question: Question, error: Exception, rows: int) -> UnreadableError:
    state = str(getattr(error, "sqlstate", None) or "")
    told = question.told(_plain(error))
    # The server's limit and ours end at the same moment; whichever comes first, and not every error carries its state.
    if state == CANCELLED or "canceling statement" in told or "Operation cancelled" in told:
        return too_long(question)
    if state.startswith(GONE) or any(words in told for words in BROKEN) or rows:
        after = f" after {rows:,} rows" if rows else ""
        return GoneError(f"the database broke off{after}: {told}", "all rows of the query", "nothing is lost; the same command fetches from the start")
    return UnreadableError(f"the database refuses the query: {told}", "one SELECT that it answers", "try it in a client of the database")


def _plain(error: Any) -> str:
    """The server's own words, without those of the driver around them."""
    text = str(error).partition("Query was:")[0]
    return text.rpartition("ERROR:")[2] if "ERROR:" in text else text
