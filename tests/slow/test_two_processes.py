"""Two processes that are asked for the same run share its fits, through kills too, and end in the bytes of one process alone."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.conftest import command
from tests.pipeline.test_run import outputs
from tests.slow.test_kill_drill import start, tries

pytestmark = pytest.mark.slow
KILLS = 20


@pytest.fixture
def whole(tiny: Path, tmp_path: Path) -> Path:
    """The run by one process alone."""
    tries(tiny)
    root = Path(shutil.copytree(tiny, tmp_path / "whole"))
    assert command(root, "+experiment=tiny").returncode == 0
    return root


@pytest.mark.timeout(900)
def test_the_second_process_helps_and_both_end_in_the_same_bytes(tiny: Path, whole: Path) -> None:
    both = [start(tiny) for _ in range(2)]
    assert [process.wait(600) for process in both] == [0, 0]
    assert outputs(tiny) == outputs(whole)
    # Seconds that the first process spent on fits are fewer than all that the folds took: the other one did the rest.
    measured = json.loads((tiny / "reports/tiny/training/measurements.json").read_text())
    every = sum(sum(fold) for trials in measured["trial_seconds"].values() for fold in trials)
    assert sum(measured["fitting_seconds"].values()) < 0.9 * every


@pytest.mark.timeout(1800)
def test_twenty_kills_of_either_process_change_nothing(tiny: Path, whole: Path) -> None:
    draw = random.Random(7078)
    running: list[subprocess.Popen[bytes]] = [start(tiny), start(tiny)]
    for _ in range(KILLS):
        time.sleep(draw.uniform(0.5, 6.0))
        place = draw.randrange(2)
        if running[place].poll() is None:
            os.killpg(running[place].pid, signal.SIGKILL)
        assert running[place].wait() in (0, -signal.SIGKILL)
        running[place] = start(tiny)
    assert [process.wait(600) for process in running] == [0, 0]
    assert outputs(tiny) == outputs(whole)
