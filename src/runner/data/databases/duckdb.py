"""DuckDB files."""

from __future__ import annotations

from contextlib import closing

from runner.data.databases.arrow import empty, framed
from runner.data.databases.question import ROWS_AT_ONCE, Frames, Question, check_names, limited, too_long
from runner.data.extra import needed
from runner.data.unreadable import UnreadableError

# Where the mark stands in the first block of a file.
MAGIC, MAGIC_AT = b"DUCK", 8
# The query reads this database alone: no other file, no network, no extension that comes from there.
ALONE = {"enable_external_access": "false", "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


def frames(question: Question) -> Frames:
    """The rows, about 65,000 at a time; at least one frame, so that the types are known. Raises UnreadableError."""
    duckdb = needed("duckdb")
    try:
        connection = duckdb.connect(str(question.file), read_only=True, config=ALONE)
        if any(statement.type != duckdb.StatementType.SELECT for statement in connection.extract_statements(question.query)):
            connection.close()
            raise UnreadableError("the query does more than read", "one SELECT, which may begin with WITH", "a source only reads")
        # The stream is closed whatever happens: as long as it is open, opening the same database again waits for it.
        with connection, limited(question, connection.interrupt), closing(connection.execute(question.query).to_arrow_reader(ROWS_AT_ONCE)) as reader:
            check_names(reader.schema.names)
            yield framed(empty(reader.schema))
            for batch in reader:
                yield framed(batch)
    except duckdb.InterruptException:
        raise too_long(question) from None
    except (duckdb.Error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UnreadableError(question.told(error), "a query that this database answers", "try it in duckdb") from None
