"""A real MLflow server that comes, dies midway and comes back: every record is there once in the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import command

pytestmark = pytest.mark.slow


class Mlflow:
    """`mlflow server` on a port of this machine, with its store in a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        self.uri, self._folder = f"http://127.0.0.1:{self.port}", folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        store = [f"--backend-store-uri=sqlite:///{self._folder}/mlflow.db", f"--artifacts-destination={self._folder}/artifacts"]
        words = [sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={self.port}", "--workers=1", *store]
        env = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONWARNINGS": "ignore"}
        self._process = subprocess.Popen(words, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, start_new_session=True)
        ends = time.monotonic() + 120
        while time.monotonic() < ends:
            with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                return
            time.sleep(0.2)
        raise TimeoutError("the server did not start")

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, number)
            if number == signal.SIGKILL:
                self._process.wait()
                self._process = None

    def ask(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"{self.uri}/api/2.0/mlflow/{path}", json.dumps(body).encode() if body is not None else None)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def runs(self) -> list[dict[str, str]]:
        """Tags of every run that carries a record."""
        found = self.ask("runs/search", {"experiment_ids": [e["experiment_id"] for e in self.experiments()], "max_results": 1000})
        tags = [{tag["key"]: tag["value"] for tag in run["data"].get("tags", [])} for run in found.get("runs", [])]
        return [t for t in tags if "runner.digest" in t]

    def experiments(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.ask("experiments/search", {"max_results": 100}).get("experiments", [])
        return found


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[Mlflow]:
    server = Mlflow(tmp_path)
    yield server
    server.stop(signal.SIGCONT)
    server.stop()


@pytest.fixture
def ran(tiny_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_run, tmp_path / "project"))


def sent(root: Path, server: Mlflow) -> subprocess.CompletedProcess[str]:
    return command(root, "track", f"tracking.uri={server.uri}")


def arrived(root: Path, server: Mlflow) -> None:
    """Wait until everything is delivered: what a run did not wait for may still be on its way."""
    for _ in range(30):
        if sent(root, server).returncode == 0:
            return
        time.sleep(1.0)
    pytest.fail("the records do not arrive")


@pytest.mark.timeout(900)
def test_a_server_keeps_every_record_once(ran: Path, mlflow: Mlflow) -> None:
    mlflow.start()
    first = command(ran, "+experiment=tiny", f"tracking.uri={mlflow.uri}")
    assert first.returncode == 0
    assert "tracking server" not in first.stderr, first.stderr
    arrived(ran, mlflow)
    (run,) = mlflow.runs()
    assert run["runner.complete"] == "true"
    assert sent(ran, mlflow).stdout == "0 records sent, 0 waiting, 0 bundles registered\n"
    shutil.rmtree(ran / ".runner/tracked")
    assert sent(ran, mlflow).stdout == "1 records sent, 0 waiting, 1 bundles registered\n"
    assert len(mlflow.runs()) == 1
    versions = mlflow.ask("model-versions/search?filter=name%3D%27tiny%27")["model_versions"]
    assert [v["version"] for v in versions] == ["1"]
    listed = command(ran, "registry", "list", "--json")
    assert listed.returncode == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("step", [1, 3, 6])
def test_a_server_that_dies_midway_costs_nothing_and_gets_everything_later(ran: Path, mlflow: Mlflow, step: int) -> None:
    mlflow.start()
    env = {**os.environ, "PYTHONWARNINGS": "ignore", "COLUMNS": "200"}
    words = [sys.executable, "-m", "runner", "+experiment=tiny", f"tracking.uri={mlflow.uri}"]
    process = subprocess.Popen(words, cwd=ran, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    ends = time.monotonic() + 120
    while time.monotonic() < ends and process.poll() is None:
        # Asked directly of the store: the server is to die while it answers somebody else.
        if stored(ran.parent / "mlflow.db") >= 40 * step:
            break
    mlflow.stop()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "GO" in out
    assert err.count("tracking server") <= 1
    assert "Traceback" not in err
    mlflow.start()
    arrived(ran, mlflow)
    (run,) = mlflow.runs()
    assert run["runner.complete"] == "true"


def stored(path: Path) -> int:
    """Parameters that have reached the store so far."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return int(store.execute("SELECT COUNT(*) FROM params").fetchone()[0])
    return 0


@pytest.mark.timeout(900)
def test_a_server_that_stands_still_costs_as_much_as_declared(ran: Path, mlflow: Mlflow) -> None:
    mlflow.start()
    mlflow.stop(signal.SIGSTOP)
    started = time.monotonic()
    done = command(ran, "+experiment=tiny", f"tracking.uri={mlflow.uri}")
    with_server = time.monotonic() - started
    mlflow.stop(signal.SIGCONT)
    started = time.monotonic()
    assert command(ran, "+experiment=tiny", "tracking.uri=off").returncode == 0
    without = time.monotonic() - started
    assert done.returncode == 0
    assert done.stderr.count("does not answer") == 1
    # Two seconds of patience, and some room for a busy machine.
    assert with_server - without < 2.0 + 0.5 * without
    arrived(ran, mlflow)
    assert len(mlflow.runs()) == 1
