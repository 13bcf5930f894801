"""Tables and queries of a database, fetched into a snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from runner.core.expressions import quoted
from runner.core.faults import listed
from runner.core.registry import register
from runner.core.workspace import Workspace
from runner.data.databases import adbc, connectorx, duckdb, sqlite
from runner.data.databases.question import Frames, Question, check_reads
from runner.data.databases.written import write
from runner.data.sources import snapshot
from runner.data.sources.snapshot import QUESTION, SnapshotSpec
from runner.data.unreadable import UnreadableError

Engine = Callable[[Question], Frames]
FILES: dict[str, Engine] = {"sqlite": sqlite.frames, "duckdb": duckdb.frames}
EXAMPLE = "an address such as postgresql://user:password@host/database"


class SqlSpec(SnapshotSpec):
    """A query or a table of a database, fetched into a Parquet snapshot that runs read."""

    asks: ClassVar[tuple[str, ...]] = ("uri_env", "database", "query", "table")

    kind: Literal["sql"]
    uri_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the database's address: the address itself stands in no file."""
    database: str | None = None
    """In place of `uri_env`: an SQLite or DuckDB file of the workspace."""
    query: str | None = None
    """One SELECT in the database's own SQL. An ORDER BY keeps the snapshot's bytes the same as long as the rows are."""
    table: str | None = None
    """In place of `query`: a table or view, with its schema before a dot where it needs one."""
    connect_timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """How long a server may take to let us in."""
    statement_timeout_s: float = Field(default=3600.0, gt=0, le=86400)
    """How long the query may take."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        wrong = []
        if (self.uri_env is None) == (self.database is None):
            wrong.append("just one of uri_env and database says where the rows come from")
        if (self.query is None) == (self.table is None):
            wrong.append("just one of query and table says which rows they are")
        if self.query is not None and not self.query.strip():
            wrong.append("query is empty; one SELECT")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def located(self, workspace: Workspace, at: str) -> Path:
        if self.database is not None:
            workspace.inside(self.database, f"{at}.database", "copy the database into the workspace, or name its address in `uri_env`")
        return super().located(workspace, at)

    def origin(self) -> str:
        what = f"the table {self.table}" if self.table is not None else "a query"
        return f"{what} of {self.database}" if self.database is not None else f"{what} of the database in ${self.uri_env}"

    def fetch(self, workspace: Workspace, target: Path) -> int:
        asked, frames = self._asked(workspace, self._statement())
        return write(frames(asked), target, self.max_rows, {QUESTION: self.question})

    def columns_now(self, workspace: Workspace) -> dict[str, str]:
        """Ask the database for the columns of the query and for no row."""
        asked, frames = self._asked(workspace, f"SELECT * FROM ({self._statement()}) AS asked LIMIT 0")  # noqa: S608 - the declared query
        return {name: str(dtype) for name, dtype in next(frames(asked)).schema.items()}

    def _statement(self) -> str:
        if self.query is not None:
            check_reads(self.query)
            return self.query.strip().rstrip(";")
        return f"SELECT * FROM {'.'.join(quoted(part) for part in str(self.table).split('.'))}"  # noqa: S608 - a declared name, in quotes

    def _asked(self, workspace: Workspace, query: str) -> tuple[Question, Engine]:
        """What is asked, and of which engine. Raises UnreadableError where the address is missing or of an unknown kind."""
        limits = (self.connect_timeout_s, self.statement_timeout_s)
        if self.database is not None:
            file = workspace.inside(self.database, "database")
            return Question(query, "", file, *limits), FILES[_engine_of(file, self.database)]
        uri = os.environ.get(str(self.uri_env), "").strip()
        if not uri:
            raise UnreadableError(f"needs the environment variable {self.uri_env}, which is not set", EXAMPLE, f"export {self.uri_env}=...")
        asked = Question(query, uri, None, *limits)
        if asked.scheme in FILES:
            path = Path(uri.partition("://")[2].partition("?")[0].removeprefix("/"))
            file = path if path.is_absolute() else workspace.root / path
            if not file.is_file():
                raise UnreadableError(f"there is no database {asked.told(str(file))}", f"a {asked.scheme} file", f"look at {self.uri_env}")
            return Question(query, uri, file, *limits), FILES[asked.scheme]
        if adbc.has_driver(asked.scheme):
            return asked, adbc.frames
        if asked.scheme in connectorx.SCHEMES:
            return asked, connectorx.frames
        known = listed({*FILES, *adbc.POSTGRESQL, *connectorx.SCHEMES})
        wrong = f"{asked.scheme!r} is no kind of database that is read" if asked.scheme else "is no address"
        raise UnreadableError(f"{self.uri_env}: {wrong}", f"one of {known}, or one with an ADBC driver", f"install adbc-driver-{asked.scheme or 'NAME'}")


@register("source", SqlSpec)
def scan(spec: SqlSpec, path: Path) -> pl.LazyFrame:
    """The snapshot's rows, lazily; the database is not asked. Raises UnreadableError for a damaged snapshot."""
    return snapshot.scan(spec, path)


def _engine_of(file: Path, shown: str) -> str:
    if not file.is_file():
        raise UnreadableError(f"there is no database {shown}", "an SQLite or DuckDB file", "look at `database`")
    with file.open("rb") as stream:
        start = stream.read(64)
    if start.startswith(sqlite.MAGIC):
        return "sqlite"
    if start[duckdb.MAGIC_AT :].startswith(duckdb.MAGIC):
        return "duckdb"
    raise UnreadableError(f"{shown} is neither an SQLite nor a DuckDB database", "a database file", "look at `database`")
