"""A workspace of one's own: what init makes, what it leaves alone, and that the installed package is enough to use it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT, TINY, loans

from runner.cli import main
from runner.pipeline.dvc import pins, stages, unpinned, workspace_stages
from runner.pipeline.setup import NOT_OURS

INCLUDED: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
# One family of models: what is tested here is the workspace.
LIGHT = TINY.replace("name: tiny\n", "defaults:\n  - override /training/model: linear\n  - _self_\nname: tiny\n").replace("trials: 2", "trials: 1")
SHARED = sysconfig.get_paths()["purelib"]


def test_the_wheel_ships_every_group_and_no_decision_of_this_repository() -> None:
    assert {f"conf/{path.name}" for path in (ROOT / "conf").iterdir() if path.name not in NOT_OURS} == set(INCLUDED)
    assert all(inside == f"runner/{name}" for name, inside in INCLUDED.items())


def test_a_workspace_declares_the_same_stages_with_pinned_versions_for_code() -> None:
    ours, theirs = stages(), workspace_stages()
    assert list(theirs) == list(ours)
    for name, stage in theirs.items():
        body, its = (stage, ours[name]) if name == "compose" else (stage["do"], ours[name]["do"])
        assert "requirements.txt" in body["deps"]
        assert not any(dep.startswith("src/") or dep == "requirements.lock" for dep in body["deps"])
        assert {key: value for key, value in body.items() if key != "deps"} == {key: value for key, value in its.items() if key != "deps"}
        assert set(body["deps"]) - {"requirements.txt"} == {dep for dep in its["deps"] if not dep.startswith("src/") and dep != "requirements.lock"}


def test_versions_that_differ_from_the_pins_are_told(tmp_path: Path) -> None:
    assert unpinned(tmp_path) == [], "no pins, nothing to say: a checkout has a lock"
    (tmp_path / "requirements.txt").write_text(pins())
    assert unpinned(tmp_path) == []
    text = pins().replace("polars==", "polars==0.1  # old ")
    (tmp_path / "requirements.txt").write_text(f"{text}other-package==7\n")
    (fault,) = unpinned(tmp_path)
    assert fault.at == "requirements.txt: polars"
    assert "0.1 is pinned" in fault.wrong


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the wheel lays it out, without the network that building one needs."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "src" / "runner", site / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    for name, inside in INCLUDED.items():
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, site / inside)
        else:
            (site / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, site / inside)
    return site


def called(root: Path, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A program in a folder, with the package of a site folder in place of this checkout's."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PYTHONPATH": str(site), "PATH": path, "COLUMNS": "160", "DVC_NO_ANALYTICS": "1", "PYTHONWARNINGS": "ignore"}
    return subprocess.run([*words], cwd=root, env=env, capture_output=True, text=True, timeout=280, check=False)


def runner(root: Path, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return called(root, site, sys.executable, "-m", "runner", *words)


@pytest.fixture
def own(installed: Path, tmp_path: Path) -> Path:
    """A workspace made by the installed package, with the tiny experiment and its data."""
    root = tmp_path / "own"
    root.mkdir()
    assert runner(root, installed, "init").returncode == 0
    (root / "conf" / "experiment" / "tiny.yaml").write_text(LIGHT)
    loans().write_parquet(root / "data" / "raw" / "loans.parquet")
    return root


def test_an_installed_package_brings_the_groups_and_none_of_its_decisions(own: Path, installed: Path) -> None:
    assert sorted(path.name for path in (own / "conf").iterdir()) == ["config.yaml", "experiment", "reproduce.yaml"]
    assert runner(own, installed, "compose", "tiny").returncode == 0
    unknown = runner(own, installed, "+experiment=credit_risk")
    assert unknown.returncode == 2
    assert "one of tiny" in unknown.stderr
    assert "customer_churn" not in unknown.stderr


def test_a_group_of_ones_own_comes_first(own: Path, installed: Path) -> None:
    (own / "conf" / "training" / "tuning").mkdir(parents=True)
    (own / "conf" / "training" / "tuning" / "standard.yaml").write_text("trials: 3\nlag: 2\n")
    (own / "conf" / "experiment" / "tiny.yaml").write_text(LIGHT.replace("  tuning: {trials: 1}\n", ""))
    assert runner(own, installed, "compose", "tiny").returncode == 0
    assert yaml.safe_load((own / "params.yaml").read_text())["tiny"]["training"]["tuning"]["trials"] == 3


@pytest.mark.parametrize("is_repository", [False, True])
def test_dvc_rebuilds_in_a_workspace_of_ones_own(own: Path, installed: Path, is_repository: bool) -> None:
    if is_repository:
        subprocess.run(["git", "init", "-q"], cwd=own, check=True)
        (own / ".dvc" / "config").write_text((own / ".dvc" / "config").read_text().replace("no_scm = true", "no_scm = false"))
    nothing = called(own, installed, "dvc", "repro")
    assert nothing.returncode == 0, nothing.stdout + nothing.stderr
    if not is_repository:
        return  # once is enough for the long part
    assert runner(own, installed, "compose", "tiny").returncode == 0
    done = called(own, installed, "dvc", "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (own / "models" / "tiny" / "bundle" / "manifest.json").is_file()
    assert "up to date" in called(own, installed, "dvc", "repro").stdout

    pinned = own / "requirements.txt"
    pinned.write_text(pinned.read_text().replace("runner==", "runner==9.9 # "))
    upgraded = called(own, installed, "dvc", "repro")
    assert upgraded.returncode != 0
    assert "is installed, 9.9 is pinned" in upgraded.stderr + upgraded.stdout


def test_set_up_in_a_checkout_brings_the_groups_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--git"]) == 0
    assert (tmp_path / ".git").is_dir()
    assert "no_scm" not in (tmp_path / ".dvc" / "config").read_text()
    assert (tmp_path / "conf" / "training" / "model" / "ladder.yaml").is_file()
    assert not list((tmp_path / "conf" / "experiment").iterdir())


def test_a_raw_table_is_not_in_git_and_its_dvc_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--git"]) == 0
    for name in ("data/raw/a.csv", "data/raw/a.csv.dvc", "data/churn/train.parquet", "models/churn/x", ".runner/x", "runs/x", "ledger/churn.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    shown = subprocess.run(["git", "status", "--porcelain", "--untracked-files=all"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    kept = {line[3:] for line in shown.splitlines()}
    assert {"data/raw/a.csv.dvc", "ledger/churn.jsonl", "dvc.yaml", "conf/config.yaml", ".dvc/config", ".github/workflows/check.yml"} <= kept
    assert not kept & {"data/raw/a.csv", "data/churn/train.parquet", "models/churn/x", ".runner/x", "runs/x"}


def test_the_makefile_and_the_ci_name_verbs_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    workflow = yaml.safe_load((tmp_path / ".github/workflows/check.yml").read_text())
    steps = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert steps[-2:] == ["python -m runner compose --check", "python -m runner check"]
    told = subprocess.run(["make", "-s", "help"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in told.splitlines()] == ["help", "run", "check", "compose", "repro", "track"]


def wheel(folder: Path) -> Path:
    """Build the wheel. Skips where neither uv nor the network that it needs for the build tool is there."""
    uv = shutil.which("uv") or str(ROOT / ".venv" / "uv" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("uv is not installed here")
    done = subprocess.run([uv, "build", "--wheel", "--out-dir", str(folder), str(ROOT)], capture_output=True, text=True, timeout=280, check=False)
    if done.returncode and "fetch" in done.stderr:
        pytest.skip("the build tool cannot be fetched here")
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_built_wheel_is_enough_in_a_clean_environment(tmp_path: Path) -> None:
    site = tmp_path / "clean" / "site"
    built = wheel(tmp_path / "dist")
    # Dependencies come from this environment; its path files, the checkout's among them, are not read again.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "clean")], check=True, timeout=120)
    python = tmp_path / "clean" / "bin" / "python"
    site = Path(
        subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"], capture_output=True, text=True, check=True).stdout.strip()
    )
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(built)], check=True, timeout=120)
    (site / "shared.pth").write_text(f"{SHARED}\n")
    root = tmp_path / "project"
    root.mkdir()
    loans(600).write_csv(root / "loans.csv")
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env |= {"PATH": f"{python.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore", "DVC_NO_ANALYTICS": "1"}

    def ran(*words: str) -> str:
        done = subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert str(site) in ran("python", "-c", "import runner; print(runner.__file__)")
    answers = ("--unit", "EUR", "--right", "3", "--wrong", "1", "--minimum-gain", "-1", "--owner", "a", "--approver", "b")
    assert "made here" in ran("runner", "init", "lending", "--data", "loans.csv", "--target", "bad", *answers)
    assert "EXPLORING" in ran("python", "-m", "runner", "+experiment=lending", "training/model=linear", "-q")
    ran("runner", "compose", "lending")
    ran("dvc", "repro")
    assert (root / "models/lending/bundle/manifest.json").is_file()
    assert "up to date" in ran("dvc", "repro")
