"""Servers that do not behave, and a project with a record to send."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from runner.core.workspace import Workspace


@pytest.fixture
def ran(tiny_run: Path, tmp_path: Path) -> Workspace:
    """A project whose tiny experiment has run, with one record that nobody has seen yet."""
    root = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    assert len(list((root / ".runner/records").glob("*.json"))) == 1
    return Workspace(root)


@dataclass
class Server:
    """A listener on a port of this machine that accepts everything, sends the answers it has, and then says nothing more.

    held_s: for each connection that sent something, how long its other end kept it open after the last answer.
    """

    answers: list[bytes] = field(default_factory=list)
    dies: bool = False
    slow_s: float = 0.0
    held_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)
            if self.dies and not self.answers:
                self.close()

    def _talk(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            time.sleep(self.slow_s)
            if self.answers:
                connection.sendall(self.answers.pop(0))
                continue
            if self.dies:
                return
            started = time.monotonic()
            while connection.recv(65536):
                pass
            self.held_s.append(time.monotonic() - started)

    def let_go(self) -> float:
        """Seconds that the first one to ask kept waiting for an answer."""
        ends = time.monotonic() + 10
        while not self.held_s and time.monotonic() < ends:
            time.sleep(0.05)
        return self.held_s[0]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def silent() -> Iterator[Server]:
    """Accepts, and never answers."""
    server = Server()
    yield server
    server.close()


EXPERIMENT = '{"experiment": {"experiment_id": "1", "name": "tiny", "artifact_location": "mlflow-artifacts:/1", "lifecycle_stage": "active"}}'


def json_answer(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture
def dying() -> Iterator[Server]:
    """Answers which experiment is meant, and is gone at the next question."""
    server = Server([json_answer("{}"), json_answer(EXPERIMENT)], dies=True)
    yield server
    server.close()


@pytest.fixture
def slow() -> Iterator[Server]:
    """Takes its time over every answer, and never ends."""
    server = Server([json_answer("{}"), *[json_answer(EXPERIMENT)] * 1000], slow_s=0.5)
    yield server
    server.close()


@pytest.fixture
def closed() -> str:
    """The address of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"http://127.0.0.1:{found.getsockname()[1]}"
