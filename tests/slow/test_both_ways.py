"""The sample experiments give the same bytes in process and through DVC."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import ROOT, command
from tests.pipeline.test_dvc import PATH, dvc
from tests.pipeline.test_run import SKIPPED

from runner.core.digests import of_tree

pytestmark = pytest.mark.slow
SAMPLES = ("credit_risk", "customer_churn")


def compared(root: Path, name: str) -> dict[str, str]:
    found = {}
    for top in (f"data/{name}", f"models/{name}", f"reports/{name}"):
        found |= {f"{top}/{path}": digest for path, digest in of_tree(root / top).items() if not path.endswith(SKIPPED)}
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as it stands, with two of its samples to reproduce."""
    root = tmp_path / "dvc"
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    (root / "conf/reproduce.yaml").write_text("experiments:\n" + "".join(f"  - {name}\n" for name in SAMPLES))
    shutil.rmtree(root / "ledger", ignore_errors=True)
    assert command(root, "compose").returncode == 0
    return root


@pytest.mark.timeout(3600)
def test_dvc_and_one_process_write_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(copy, tmp_path / "process"))
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    if not (copy / ".dvc").is_dir():
        assert dvc(copy, "init", "-q").returncode == 0
    done = patiently(["dvc", "repro", "--keep-going"], copy)
    told = done.stdout + done.stderr
    for name in SAMPLES:
        ended = patiently(run_words(name), other)
        assert ended.returncode in (0, 3), ended.stderr
        verdict = json.loads((other / f"reports/{name}/evaluation/verdict.json").read_text())
        assert verdict["on"] == "test"
        assert compared(copy, name) == compared(other, name), told
        assert (copy / f"ledger/{name}.jsonl").read_text().count("\n") == 1


def patiently(words: list[str], root: Path) -> subprocess.CompletedProcess[str]:
    """A command that may take most of an hour."""
    return subprocess.run(words, cwd=root, env=dvc_environment(), capture_output=True, text=True, timeout=3000, check=False)


def run_words(name: str) -> list[str]:
    return [sys.executable, "-m", "runner", f"+experiment={name}", "tracking.uri=off"]


def dvc_environment() -> dict[str, str]:
    return {**os.environ, "PATH": PATH, "DVC_NO_ANALYTICS": "1", "PYTHONWARNINGS": "ignore"}
