"""The example of a workspace with parts of its own: it runs, its parts ship, and a changed file re-runs what uses it and no more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.conftest import ROOT, command
from tests.pipeline.test_dvc import dvc

from runner.core.digests import of_file, of_tree

ACME = ROOT / "examples" / "acme"
QUICK = "training.tuning.trials=1"
BATCH = "data/raw/tomorrow.csv"
SCORE = ("score", "--bundle", "models/deliveries/bundle", "--input", BATCH, "--output", "decided.parquet")


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(ACME, folder, ignore=shutil.ignore_patterns(".runner", "models", "reports", "runs", "ledger", "deliveries", "__pycache__")))


@pytest.fixture(scope="module")
def acme_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example after a whole run; read it, do not change it."""
    root = copied(tmp_path_factory.mktemp("acme") / "project")
    done = command(root, "+experiment=deliveries")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def acme(acme_run: Path, tmp_path: Path) -> Path:
    """A copy of the example after a whole run, to change."""
    return Path(shutil.copytree(acme_run, tmp_path / "project"))


def read(root: Path, path: str) -> Any:
    return json.loads((root / path).read_text())


def change(root: Path, name: str) -> None:
    path = root / "plugins" / f"{name}.py"
    path.write_text(path.read_text() + "# a remark\n")


def test_its_params_are_what_it_composes_to() -> None:
    done = command(ACME, "compose", "--check")
    assert done.returncode == 0, done.stderr


def test_its_data_comes_from_its_script(tmp_path: Path) -> None:
    spec = spec_from_file_location("make_deliveries", ACME / "scripts" / "make_deliveries.py")
    assert spec is not None
    assert spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(tmp_path)
    assert of_tree(tmp_path) == {name: of_file(ACME / "data" / "raw" / name) for name in ("deliveries.ndjson", "tomorrow.csv")}


def test_its_own_tests_pass(tmp_path: Path) -> None:
    root = copied(tmp_path / "project")
    done = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider"], cwd=root, env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_ends_in_go_with_parts_of_its_own(acme_run: Path) -> None:
    verdict = read(acme_run, "reports/deliveries/evaluation/verdict.json")
    assert (verdict["verdict"], verdict["on"]) == ("go", "test")
    assert [gate["status"] for gate in verdict["gates"] if gate["name"] == "every depot"] == ["passed"]
    ladder = read(acme_run, "models/deliveries/ladder.json")
    (chosen,) = [rung for rung in ladder["rungs"] if rung["chosen"]]
    assert (chosen["kind"], chosen["interpretable"]) == ("gaussian_bayes", True)
    separation = read(acme_run, "reports/deliveries/evaluation/metrics.json")["scores"]["separation"]
    assert 0 < separation["low"] < separation["value"] < separation["high"] < 1
    around = acme_run / "reports" / "deliveries" / "data" / "around" / "after" / "depots"
    assert pl.read_csv(around / "groups.csv")["rows"].sum() == read(acme_run, "data/deliveries/split.json")["rows"]["train"]
    gate = read(acme_run, "reports/deliveries/deployment/gate.json")["gates"]
    assert [(g["name"], g["status"]) for g in gate] == [("floor of separation", "passed")]
    assert "separation" in (acme_run / "reports" / "deliveries" / "report.html").read_text()


def test_its_bundle_names_the_one_file_that_scoring_needs_and_holds_no_code(acme_run: Path) -> None:
    bundle = acme_run / "models" / "deliveries" / "bundle"
    assert read(acme_run, "models/deliveries/bundle/manifest.json")["plugins"] == {"plugins/gaussian_bayes.py": of_file(ACME / "plugins" / "gaussian_bayes.py")}
    assert {path.suffix for path in bundle.rglob("*") if path.is_file()} == {".json", ".parquet"}
    # The rung beside it needs none of Acme's files: its step left SQL.
    assert read(acme_run, "models/deliveries/candidates/linear/manifest.json")["plugins"] == {}


def test_its_bundle_scores_and_monitors(acme: Path) -> None:
    done = command(acme, *SCORE)
    assert done.returncode == 0, done.stderr
    decided = pl.read_parquet(acme / "decided.parquet")
    assert decided.height == 40
    assert set(decided["decision"]) == {"call", "go"}
    watched = command(acme, "monitor", "--bundle", "models/deliveries/bundle", "--input", BATCH)
    assert watched.returncode == 0, watched.stderr


def unlist(root: Path) -> None:
    path = root / "conf" / "experiment" / "deliveries.yaml"
    path.write_text(path.read_text().replace("  - plugins/gaussian_bayes.py\n", ""))


@pytest.mark.parametrize(
    ("prepare", "wrong"),
    [
        (lambda root: change(root, "gaussian_bayes"), "was made with another plugins/gaussian_bayes.py"),
        (lambda root: (root / "plugins" / "gaussian_bayes.py").unlink(), "there is no file plugins/gaussian_bayes.py"),
        (unlist, "was made with the plugin plugins/gaussian_bayes.py, which conf/ does not list"),
        (lambda root: shutil.rmtree(root / "conf"), "needs the plugins plugins/gaussian_bayes.py"),
    ],
    ids=["changed", "missing", "unlisted", "no workspace"],
)
def test_its_bundle_is_refused_without_the_file_it_was_made_with(prepare: Any, wrong: str, acme: Path) -> None:
    prepare(acme)
    done = command(acme, *SCORE)
    assert done.returncode == 2, done.stderr
    assert f"models/deliveries/bundle: {wrong}" in done.stderr or wrong in done.stderr
    assert "Traceback" not in done.stderr
    assert not (acme / "decided.parquet").exists()


def did(root: Path) -> list[str]:
    """Rooms that did work in an exploring run, read off its plain progress lines."""
    done = command(root, "+experiment=deliveries", QUICK)
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stderr.splitlines() if " done in " in line]


def test_a_changed_file_reruns_the_rooms_that_use_it(acme: Path) -> None:
    assert did(acme) == ["training", "evaluation", "deployment", "monitoring"]
    assert did(acme) == []
    # Its gates come out as before.
    change(acme, "checks")
    assert did(acme) == []
    change(acme, "separation")
    assert did(acme) == ["evaluation"]
    # The rows come out as before, so nothing later is done again.
    change(acme, "routing_log")
    assert did(acme) == ["problem", "data"]
    # What was fitted by other code is another model, though it has the same numbers.
    change(acme, "gaussian_bayes")
    assert did(acme) == ["training", "evaluation", "deployment", "monitoring"]
    change(acme, "on_a_circle")
    assert did(acme) == ["features", "training", "evaluation", "deployment", "monitoring"]


# ---- through DVC -----------------------------------------------------------------------------------------------------


def repro(root: Path) -> list[str]:
    """Stages that `dvc repro` ran."""
    done = dvc(root, "repro")
    assert done.returncode == 0, done.stdout + done.stderr
    return [name.partition("@")[0] for name in re.findall(r"Running stage '([^']+)'", done.stdout)]


def results(root: Path) -> dict[str, str]:
    found = {}
    for top in ("data/deliveries", "models/deliveries", "reports/deliveries"):
        found |= {f"{top}/{n}": digest for n, digest in of_tree(root / top).items() if not n.endswith(("measurements.json", "report.html", ".gitignore"))}
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_dvc_gives_the_same_bytes_and_sees_a_changed_file(acme_run: Path, tmp_path: Path) -> None:
    root = copied(tmp_path / "project")
    for name in ("dvc.yaml", ".dvcignore", "requirements.lock"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    assert dvc(root, "init", "-q").returncode == 0
    assert repro(root) == ["compose", "problem", "data", "features", "training", "evaluation", "deployment", "monitoring"]
    assert results(root) == results(acme_run)
    assert repro(root) == []
    change(root, "checks")
    assert repro(root) == ["compose", "data", "deployment"]
    change(root, "separation")
    # Another metric is another question to the sealed test: the verdict names its second use.
    assert repro(root) == ["compose", "evaluation", "deployment"]
    change(root, "gaussian_bayes")
    assert command(root, *SCORE).returncode == 2
    assert repro(root) == ["compose", "training", "evaluation", "deployment", "monitoring"]
    assert command(root, *SCORE).returncode == 0
