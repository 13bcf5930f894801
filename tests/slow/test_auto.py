"""The search for features on larger tables, more seeds, and any number of threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.conftest import ROOT
from tests.features.auto.planted import ground, noise, planted

from runner.features.auto.propose import propose

pytestmark = pytest.mark.slow
BUDGET = 100
ASKED = """
from tests.features.auto.planted import ground, planted
from runner.features.auto.propose import propose
print(propose(ground(planted("crossing", 6000, 2, "binary"), "binary"), 60))
"""


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("what", ["ratio", "product", "crossing"])
def test_what_is_planted_is_found_whatever_the_task(what: str, task: str) -> None:
    kept = propose(ground(planted(what, 1500, 1, task), task), BUDGET).kept
    assert sorted(kept[0].feature.of) == (["c0", "c1"] if what == "crossing" else ["n0", "n1"])
    # Noise stays out beside a signal too.
    assert {name.removesuffix("_band") for one in kept for name in one.feature.of} == set(kept[0].feature.of)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_noise_is_left_alone_in_nine_of_ten_tables(task: str) -> None:
    kept = [propose(ground(noise(1500, seed, task), task, seed=seed), BUDGET).steps for seed in range(10)]
    assert sum(bool(steps) for steps in kept) <= 1


def test_the_number_of_threads_changes_nothing() -> None:
    def asked(threads: str) -> str:
        env = {**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        return subprocess.run([sys.executable, "-c", ASKED], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=True).stdout

    assert asked("1") == asked("4")
