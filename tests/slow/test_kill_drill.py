"""Twenty kills at any moment: what was finished is kept, and the end is the same to the byte."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import command
from tests.pipeline.test_run import outputs

from runner.evaluation.ledger import entries

pytestmark = pytest.mark.slow
KILLS = 20
WORDS = [sys.executable, "-m", "runner", "+experiment=tiny"]


def start(root: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(WORDS, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env, start_new_session=True)


def tries(tiny: Path) -> None:
    """More trials than the tiny experiment usually has, so that most kills meet a fit."""
    path = tiny / "conf" / "experiment" / "tiny.yaml"
    path.write_text(path.read_text().replace("tuning: {trials: 2}", "tuning: {trials: 12}"))
    assert command(tiny, "compose").returncode == 0


@pytest.mark.timeout(1800)
def test_twenty_kills_end_in_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    tries(tiny)
    whole = Path(shutil.copytree(tiny, tmp_path / "whole"))
    started = time.monotonic()
    assert command(whole, "+experiment=tiny").returncode == 0
    length = time.monotonic() - started
    draw, kills, longest = random.Random(20130), 0, length
    while kills < KILLS:
        process = start(tiny)
        try:
            process.wait(draw.uniform(0.1, longest))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0
        # It got through: begin again, with the fits that are kept taken away too, so that there is something to kill.
        for part in (".runner", "data/tiny", "models", "reports", "ledger"):
            shutil.rmtree(tiny / part, ignore_errors=True)
    assert command(tiny, "+experiment=tiny").returncode == 0
    assert outputs(tiny) == outputs(whole)
    assert [e["use"] for e in entries(tiny / "ledger/tiny.jsonl")] == [1]
    left = [p for top in ("data/tiny", "models/tiny", "reports/tiny", "ledger") for p in (tiny / top).rglob(".writing-*")]
    assert left == []


@pytest.mark.timeout(900)
def test_progress_is_kept_from_kill_to_kill(tiny: Path) -> None:
    """A run that is never given the time it needs gets through all the same: each life goes on where the last one ended."""
    tries(tiny)
    started = time.monotonic()
    probe = Path(shutil.copytree(tiny, tiny.parent / "probe"))
    assert command(probe, "+experiment=tiny").returncode == 0
    patience = 0.6 * (time.monotonic() - started)
    for _ in range(40):
        process = start(tiny)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            continue
        assert process.returncode == 0
        return
    pytest.fail("forty lives were not enough")
