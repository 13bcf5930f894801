"""Two processes on one study divide the work and end in the study that one alone ends in; what is killed loses no finished fold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.training.one_study import TRIALS, told
from tests.training.test_engine import alone, engine, folds, jobs, learner
from tests.training.test_study import numbers

from runner.features.matrices import Fold, Learner
from runner.training.course import Studied
from runner.training.fold_store import FoldStore

__all__ = ["alone", "folds", "learner"]  # fixtures


def start(home: Path, workers: int, go: Path | None = None) -> subprocess.Popen[str]:
    home.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "tests.training.one_study", str(home), str(workers), *([str(go)] if go else [])]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def test_two_processes_divide_the_folds_and_both_end_in_the_study_of_one(alone: dict[str, Studied], tmp_path: Path) -> None:
    home = tmp_path / "home"
    both = [start(home, 1, tmp_path / f"go{n}") for n in range(2)]
    while not all((home / f"ready-{n}").exists() for n in range(2)):
        time.sleep(0.01)
    for n in range(2):
        (tmp_path / f"go{n}").touch()
    found = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    expected = json.loads(json.dumps(told(alone)))
    assert [one["studies"] for one in found] == [expected, expected]
    # A fold's seconds stand in the store as whoever fitted it counted them: together both fitted each of them once.
    stores = [FoldStore(home / name) for name in alone]
    results = [store.read(t.params, n) for store, studied in zip(stores, alone.values(), strict=True) for t in studied.trials for n in range(3)]
    assert min(one["seconds"] for one in found) > 0
    assert sum(one["seconds"] for one in found) == pytest.approx(sum(result.seconds for result in results if result), rel=1e-6)
    assert list(home.rglob("*.claim")) == []
    assert numbers(home / "trees.log", "trees") == list(range(TRIALS))


def test_a_fold_that_another_one_claims_is_left_to_it(tmp_path: Path) -> None:
    store = FoldStore(tmp_path)
    with store.claim({"a": 1}, 0) as mine, store.claim({"a": 1}, 0) as again, store.claim({"a": 1}, 1) as other:
        assert (mine, again, other) == (True, False, True)
    with store.claim({"a": 1}, 0) as mine:
        assert mine


def test_three_kills_refit_no_finished_fold_and_end_in_the_same_study(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    kept: dict[Path, int] = {}
    for after in (4, 15, 30):
        process = start(tmp_path, 2)
        while process.poll() is None and len(list(tmp_path.rglob("*.npz"))) < after:
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")}
        assert kept.items() <= stamps.items()
        kept = stamps
    assert told(engine(learner, folds).study_all(jobs(tmp_path, TRIALS), 2)) == told(alone)
    assert kept.items() <= {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")}.items()
    assert numbers(tmp_path / "trees.log", "trees") == list(range(TRIALS))
