"""dvc.yaml and the table of stages are one thing, and an edit re-runs what declares it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.pipeline.test_run import outputs

from runner.pipeline.dvc import stages
from runner.pipeline.stages import ROOMS

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def dvc(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": PATH, "DVC_NO_ANALYTICS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(["dvc", *words], cwd=root, env=env, capture_output=True, text=True, timeout=280, check=False)


@pytest.fixture
def repository(tiny: Path) -> Path:
    """The tiny project as a Git and DVC repository with the shipped dvc.yaml."""
    for name in ("dvc.yaml", ".dvcignore", "requirements.lock"):
        shutil.copy(ROOT / name, tiny / name)
    # The stages' code dependencies are there to be hashed; the package itself runs from where it is installed.
    shutil.copytree(ROOT / "plugins", tiny / "plugins")
    shutil.copytree(ROOT / "src", tiny / "src", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=tiny, check=True)
    assert dvc(tiny, "init", "-q").returncode == 0
    return tiny


def test_dvc_yaml_is_written_from_the_table() -> None:
    assert yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"] == stages()


@pytest.mark.timeout(900)
def test_both_ways_give_the_same_bytes(repository: Path, tiny_run: Path) -> None:
    done = dvc(repository, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert outputs(repository) == outputs(tiny_run)
    again = dvc(repository, "repro")
    assert "Data and pipelines are up to date" in again.stdout
    _metrics_fit_on_a_line(repository)
    _plots_make_a_page(repository)
    _an_edit_reruns_what_declares_it(repository)


def _metrics_fit_on_a_line(root: Path) -> None:
    shown = dvc(root, "metrics", "show").stdout
    head, line = shown.strip().splitlines()
    assert {"payoff", "payoff_low", "gain", "gain_low", "roc_auc"} <= set(head.split())
    assert line.startswith("reports/tiny/evaluation/headline.json")
    assert len(head) < 140


def _plots_make_a_page(root: Path) -> None:
    assert dvc(root, "plots", "show").returncode == 0
    page = (root / "dvc_plots" / "index.html").read_text()
    for title in ("payoff per row out of fold", "what came true against what was predicted", "payoff per row by the share acted on"):
        assert f"tiny: {title}" in page


LEAVES = [
    ("owner", "  decision: Lend or not\n", "  decision: Lend or not\n  owner: someone\n", {"problem"}),
    ("payoff", "0.2 * amount", "0.3 * amount", {"problem"}),
    ("contract", "max: 99", "max: 120", {"data"}),
    ("split", "folds: 3", "folds: 4", {"data"}),
    ("source", "data/raw/loans.parquet", "data/raw/other.parquet", {"problem", "data"}),
    ("step", "income + 1", "income + 2", {"features"}),
    ("trials", "trials: 2", "trials: 3", {"training"}),
    ("slice", "age < 30", "age < 31", {"evaluation"}),
    ("window", "window_rows: 100", "window_rows: 120", {"monitoring"}),
    ("workers", "tracking:\n", "execution: {workers: 1}\ntracking:\n", set()),
    ("comment", "name: tiny", "name: tiny # a remark", set()),
    ("seed", "name: tiny", "name: tiny\nseed: 5", set(ROOMS)),
]


# In one process, because composing and asking DVC a dozen times would start two dozen.
ASK = """
import json, sys
from pathlib import Path
from dvc.repo import Repo
from runner.cli import main
path, found = Path("conf/experiment/tiny.yaml"), {}
original = path.read_text()
for name, old, new in json.load(sys.stdin):
    assert old in original, name
    path.write_text(original.replace(old, new))
    assert main(["compose"]) == 0, name
    found[name] = {stage.split("@")[0]: str(why) for stage, why in Repo(".").status().items()}
path.write_text(original)
print(json.dumps(found))
"""


def _an_edit_reruns_what_declares_it(root: Path) -> None:
    shutil.copy(root / "data/raw/loans.parquet", root / "data/raw/other.parquet")
    env = {**os.environ, "PATH": PATH, "DVC_NO_ANALYTICS": "1", "PYTHONWARNINGS": "ignore"}
    asked = json.dumps([leaf[:3] for leaf in LEAVES])
    done = subprocess.run([sys.executable, "-c", ASK], cwd=root, env=env, input=asked, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Because of what they declare, not because of what runs before them.
    rerun = {name: {room for room, why in rooms.items() if "params.yaml" in why} - {"compose"} for name, rooms in found.items()}
    assert rerun == {name: rooms for name, _, _, rooms in LEAVES}
