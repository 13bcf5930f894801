"""Records reach MLflow exactly once, and no server can hold up or fail a run."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import command
from tests.tracking.conftest import Server

from runner.core.workspace import Workspace
from runner.deployment.mlflow_client import tracking_uri
from runner.experiment.model import TrackingSpec
from runner.pipeline.acts import admitted
from runner.pipeline.tracking import Sent, track


def rows(workspace: Workspace, sql: str) -> list[Any]:
    """What the embedded store holds, asked without MLflow."""
    with sqlite3.connect(workspace.home / "mlflow/mlflow.db") as store:
        return store.execute(sql).fetchall()


def sent(workspace: Workspace, told: list[str], uri: str | None = None, register: bool = False) -> Sent:
    return track(workspace, TrackingSpec(uri=uri), told.append, admitted(workspace) if register else [])


def test_a_record_becomes_one_run_whatever_happens_between(ran: Workspace, tmp_path: Path) -> None:
    told: list[str] = []
    first = sent(ran, told, register=True)
    assert (len(first.records), first.kept, first.registered, first.unregistered) == (1, 0, 1, 0)
    (digest,) = first.records
    record = json.loads((ran.home / f"records/{digest}.json").read_text())
    tags = dict(rows(ran, "SELECT key, value FROM tags WHERE run_uuid = (SELECT run_uuid FROM tags WHERE key = 'runner.digest')"))
    assert (tags["runner.digest"], tags["runner.complete"], tags["runner.verdict"], tags["runner.adopted"]) == (digest, "true", "go", "true")
    metrics = dict(rows(ran, "SELECT key, value FROM latest_metrics"))
    assert metrics["payoff"] == record["metrics"]["payoff"]["value"]
    assert metrics["gain.officer"] == record["metrics"]["gain"]["officer"]["value"]
    params = dict(rows(ran, "SELECT key, value FROM params"))
    assert params["problem.payoff.unit"] == "EUR"
    artifacts = {p.name for p in (ran.home / "mlflow/artifacts/tiny").rglob("*") if p.is_file()}
    assert {"config.json", "trials.json", "verdict.json", "ladder.json", "report.html", "model_card.md", "manifest.json"} <= artifacts

    started = time.monotonic()
    assert sent(ran, told, register=True) == Sent()
    assert time.monotonic() - started < 1.0  # nothing to send starts nothing

    # As if the sender had been killed: no marker, and a run that is only half there.
    shutil.rmtree(ran.home / "tracked")
    with sqlite3.connect(ran.home / "mlflow/mlflow.db") as store:
        store.execute("DELETE FROM tags WHERE key = 'runner.complete'")
        store.execute("DELETE FROM latest_metrics WHERE key = 'payoff'")
        store.execute("DELETE FROM metrics WHERE key = 'payoff'")
    assert sent(ran, told, register=True).records == (digest,)
    assert rows(ran, "SELECT COUNT(*) FROM tags WHERE key = 'runner.digest'") == [(1,)]
    assert rows(ran, "SELECT value FROM tags WHERE key = 'runner.complete'") == [("true",)]
    assert rows(ran, "SELECT value FROM metrics WHERE key = 'payoff'") == [(metrics["payoff"],)]
    assert rows(ran, "SELECT COUNT(*) FROM model_versions") == [(1,)]
    assert told == []


def test_two_senders_at_once_make_one_run(ran: Workspace) -> None:
    words = [sys.executable, "-m", "runner", "track"]
    both = [subprocess.Popen(words, cwd=ran.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert rows(ran, "SELECT COUNT(*) FROM tags WHERE key = 'runner.digest'") == [(1,)]
    assert rows(ran, "SELECT COUNT(*) FROM model_versions") == [(1,)]


def test_a_run_with_no_server_there_ends_as_it_would_and_says_so_once(ran: Workspace, closed: str) -> None:
    done = command(ran.root, "+experiment=tiny", f"tracking.uri={closed}", "tracking.max_wait_s=0.5")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("does not answer") == 1
    assert f"tracking server {closed} does not answer; 1 record kept, registration too, send later with `python -m runner track`" in done.stderr
    assert "GO" in done.stdout


def test_nobody_on_the_port_costs_next_to_nothing(ran: Workspace, closed: str) -> None:
    told: list[str] = []
    started = time.monotonic()
    found = sent(ran, told, closed)
    assert time.monotonic() - started < 1.0
    assert (found.records, found.kept, len(told)) == ((), 1, 1)


def test_a_server_that_never_answers_is_waited_for_as_long_as_declared(ran: Workspace, silent: Server) -> None:
    told: list[str] = []
    found = track(ran, TrackingSpec(uri=silent.uri, max_wait_s=1.0), told.append)
    assert found == Sent(kept=1)
    assert told == [f"tracking server {silent.uri} does not answer; 1 record kept, send later with `python -m runner track`"]
    assert silent.let_go() < 1.5


def test_a_slow_server_costs_a_run_as_much_as_declared_and_gets_its_record_afterwards(ran: Workspace, slow: Server) -> None:
    told: list[str] = []
    started = time.monotonic()
    track(ran, TrackingSpec(uri=slow.uri, max_wait_s=1.5), told.append, patient=False)
    assert time.monotonic() - started < 2.5
    assert told == [f"records are still being sent to {slow.uri}; `python -m runner track` tells when they are all there"]
    asked = len(slow.answers)
    for _ in range(240):
        if len(slow.answers) < asked - 2:
            return
        time.sleep(0.25)
    pytest.fail("the sender did not go on by itself")


def test_a_server_that_dies_midway_keeps_the_record_for_later(ran: Workspace, dying: Server) -> None:
    told: list[str] = []
    found = sent(ran, told, dying.uri)
    assert found == Sent(kept=1)
    assert len(told) == 1
    assert "1 record kept" in told[0]
    assert "Traceback" not in told[0]
    assert not list((ran.home / "tracked").rglob("[0-9a-f]*[0-9a-f]/*"))


def test_the_verb_says_with_its_exit_code_that_something_waits(ran: Workspace, closed: str) -> None:
    done = command(ran.root, "track", f"tracking.uri={closed}", "tracking.max_wait_s=0.5")
    assert done.returncode == 2
    assert done.stdout == "0 records sent, 1 waiting, 0 bundles registered\n"
    assert done.stderr.count("does not answer") == 1
    assert command(ran.root, "track", "tracking.uri=off").stdout == "0 records sent, 0 waiting, 0 bundles registered\n"


@pytest.mark.parametrize("declared", [None, "http://tracker.example:5000"])
def test_the_store_is_the_declared_one_or_a_file_of_the_workspace(tmp_path: Path, declared: str | None) -> None:
    assert tracking_uri(tmp_path, declared) == (declared or f"sqlite:///{tmp_path.resolve()}/mlflow/mlflow.db")
