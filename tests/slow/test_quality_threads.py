"""Findings do not depend on threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.conftest import ROOT

SCRIPT = """
import json
from tests.data.quality.planted import planted
from runner.data.quality.spec import QualitySpec
for name in ("level_shift", "near_copies", "conflicting_labels", "another_production"):
    for spec in (QualitySpec(), QualitySpec(sample_rows=1000)):
        print(json.dumps([f.as_json() for f in planted(name, n=20_000).findings(spec)]))
"""


@pytest.mark.slow
def test_findings_are_the_same_with_one_thread_and_with_four() -> None:
    told = []
    for threads in ("1", "4"):
        env = {**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads}
        told.append(subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=True).stdout)
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == 8
