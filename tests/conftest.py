"""A whole project from a nested dict, and the sample experiments cut down to seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
# Thread pools are for real runs; in tests two workers of pytest share the cores already.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A picture takes a hundred times as long as the words around it; tests that look at pictures ask for them.
os.environ.setdefault("RUNNER_PICTURES", "off")
# How long one example takes says something about the machine's other work, nothing about the code. The same examples each time,
# so that a change is judged by what it changes; HYPOTHESIS_EXPLORE=1 looks further.
settings.register_profile("runner", deadline=None, derandomize="HYPOTHESIS_EXPLORE" not in os.environ)
settings.load_profile("runner")

Runner = Callable[..., subprocess.CompletedProcess[str]]


def write_tree(folder: Path, tree: Mapping[str, Any]) -> None:
    """Files and folders from nested dicts: text becomes a file, a frame a Parquet file, bytes as they are."""
    for name, content in tree.items():
        path = folder / name
        if isinstance(content, Mapping):
            path.mkdir(parents=True, exist_ok=True)
            write_tree(path, content)
        elif isinstance(content, pl.DataFrame):
            path.parent.mkdir(parents=True, exist_ok=True)
            content.write_parquet(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def project(tmp_path: Path) -> Callable[[Mapping[str, Any]], Path]:
    """Make a project: the shipped conf/ with the given tree on top."""

    def make(tree: Mapping[str, Any]) -> Path:
        root = tmp_path / "project"
        shutil.copytree(ROOT / "conf", root / "conf", dirs_exist_ok=True)
        write_tree(root, tree)
        return root

    return make


def command(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m runner` in a folder, as a person would call it."""
    env = {**os.environ, "COLUMNS": "160", "PYTHONWARNINGS": "ignore", **environment}
    return subprocess.run([sys.executable, "-m", "runner", *words], cwd=root, env=env, capture_output=True, text=True, timeout=280, check=False)


TINY = """\
# @package _global_
name: tiny
problem:
  decision: Lend or not
  row: one loan
  task: binary
  target: bad
  positive: "1"
  payoff:
    unit: EUR
    actions:
      lend: {"0": 0.2 * amount, "1": -0.5 * amount}
      decline: {"0": "0", "1": "0"}
  policy: {kind: per_row}
  baselines:
    officer: {sql: age < 25} # a poor rule, so that few rows suffice to beat it
  criterion: {baseline: officer, minimum_gain_per_row: 0.0}
  constraints: {max_bundle_mb: 5}
  feasibility: {min_rows: 100, min_positives: 20}
data:
  sources:
    loans: {kind: parquet, path: data/raw/loans.parquet}
  primary: loans
  split: {folds: 3}
  columns:
    bad: {type: int, min: 0, max: 1, on_fail: reject}
    amount: {type: float, min: 0}
    income: {type: float, nullable: true, min: 0}
    age: {type: int, min: 18, max: 99}
    home: {type: string, nullable: true}
features:
  steps:
    ratio:
      kind: sql
      expressions: {burden: amount / (income + 1)}
    homes: {kind: target_encoding, columns: [home]}
training:
  tuning: {trials: 2}
  bootstrap_draws: 200
  adjust:
    lightgbm: {max_iterations: 30}
    catboost: {max_iterations: 30}
evaluation:
  bootstrap_draws: 200
  slices: {young: age < 30}
monitoring:
  window_rows: 100
  rehearsal_windows: 20
tracking:
  uri: "off"
"""


def loans(n: int = 900, seed: int = 0) -> pl.DataFrame:
    """A small lending table in which income and home really matter."""
    import numpy as np

    draw = np.random.default_rng(seed)
    income = draw.gamma(4.0, 15.0, n)
    home = draw.choice(["rent", "own", "other"], n, p=[0.5, 0.4, 0.1])
    amount = draw.uniform(50, 500, n)
    age = draw.integers(18, 80, n)
    logit = 1.2 - income / 25 + (home == "rent") * 1.2 + amount / 400 - (age > 50) * 0.8
    bad = (draw.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
    incomes = [None if gap else round(float(v), 2) for v, gap in zip(income, draw.random(n) < 0.05, strict=True)]
    return pl.DataFrame({"bad": bad, "amount": amount.round(2), "income": pl.Series(incomes, dtype=pl.Float64), "age": age, "home": pl.Series(home.tolist())})


def tiny_project(root: Path) -> Path:
    """Make the tiny project in a folder that is not there yet, and compose it."""
    shutil.copytree(ROOT / "conf", root / "conf")
    shutil.rmtree(root / "conf" / "experiment")
    tree = {"data": {"raw": {"loans.parquet": loans()}}, "conf": {"experiment": {"tiny.yaml": TINY}, "reproduce.yaml": "experiments:\n  - tiny\n"}}
    write_tree(root, tree)
    done = command(root, "compose")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="session")
def tiny_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project composed once; tests get copies."""
    return tiny_project(tmp_path_factory.mktemp("template") / "project")


@pytest.fixture
def tiny(tiny_template: Path, tmp_path: Path) -> Path:
    """A project with one small adopted experiment, `tiny`, and its data."""
    return Path(shutil.copytree(tiny_template, tmp_path / "project"))


@pytest.fixture(scope="session")
def tiny_run(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project after a whole run; read it, do not change it."""
    root = Path(shutil.copytree(tiny_template, tmp_path_factory.mktemp("ran") / "project"))
    done = command(root, "+experiment=tiny")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def finished(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of the tiny project after a whole run, to change."""
    return Path(shutil.copytree(tiny_run, tmp_path / "project"))


@pytest.fixture
def stored(tiny: Path, tiny_run: Path) -> Path:
    """The tiny project with nothing in its folders, whose results are in the content store all the same."""
    shutil.copytree(tiny_run / ".runner", tiny / ".runner", dirs_exist_ok=True)
    return tiny
