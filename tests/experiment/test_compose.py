"""What composing makes: one frozen, complete experiment, the same in every way in."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from pydantic import ValidationError

from runner.core.workspace import Workspace
from runner.experiment.compose import compose, from_hydra, names, tracking_of
from runner.experiment.model import ROOMS, Experiment
from runner.experiment.params import reproduce_names

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", reproduce_names(Workspace(ROOT)))
def test_every_shipped_experiment_composes(workspace: Workspace, name: str) -> None:
    experiment = compose(workspace, [f"+experiment={name}"])
    assert experiment.name == name
    assert list(experiment.stored()) == ["seed", *ROOMS]


def test_what_is_stored_is_complete_and_plain(workspace: Workspace) -> None:
    stored = compose(workspace, ["+experiment=small"]).stored()
    assert json.loads(json.dumps(stored)) == stored
    assert stored["evaluation"]["latency_rows"] == 200
    assert stored["training"]["candidates"]["catboost"]["depth"] == 5
    assert "tracking" not in stored
    assert "execution" not in stored


def test_an_experiment_cannot_be_changed(workspace: Workspace) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        compose(workspace, ["+experiment=small"]).seed = 3  # type: ignore[misc]


def test_comments_and_the_order_of_sections_do_not_change_the_digest(workspace: Workspace, small: str) -> None:
    before = compose(workspace, ["+experiment=small"])
    head, evaluation = small.split("evaluation:")
    moved = head.replace("name: small\n", f"name: small\nevaluation:{evaluation}# a word\n")
    (workspace.conf / "experiment" / "small.yaml").write_text(moved)
    assert compose(workspace, ["+experiment=small"]).digest == before.digest


def test_the_name_is_part_of_the_digest(workspace: Workspace, small: str) -> None:
    (workspace.conf / "experiment" / "other.yaml").write_text(small.replace("name: small", "name: other"))
    assert compose(workspace, ["+experiment=small"]).digest != compose(workspace, ["+experiment=other"]).digest


def test_an_experiment_can_build_on_another(workspace: Workspace) -> None:
    text = "# @package _global_\ndefaults:\n  - small\n  - override /training/tuning: quick\n  - _self_\nname: next\nproblem: {row: one account}\n"
    (workspace.conf / "experiment" / "next.yaml").write_text(text)
    experiment = compose(workspace, ["+experiment=next"])
    assert (experiment.problem.row, experiment.problem.target, experiment.training.tuning.trials) == ("one account", "outcome", 2)


def test_a_sweep_job_gets_the_same_experiment(workspace: Workspace) -> None:
    overrides = ["+experiment=small", "training/model=linear"]
    with initialize_config_dir(str(workspace.conf), version_base=None):
        job = from_hydra(hydra_compose("config", overrides), workspace, overrides)
    assert job == compose(workspace, overrides)


def test_composing_inside_hydra_leaves_hydra_as_it_was(workspace: Workspace) -> None:
    with initialize_config_dir(str(workspace.conf), version_base=None):
        compose(workspace, ["+experiment=small"])
        assert hydra_compose("config").seed == 20130


def test_tracking_needs_no_experiment(workspace: Workspace) -> None:
    assert tracking_of(workspace).max_wait_s == 2.0


def test_the_names_are_those_of_the_files(workspace: Workspace) -> None:
    assert "small" in names(workspace)


def test_an_installed_package_brings_its_groups(tmp_path: Path, small: str) -> None:
    """The layout of a wheel: conf/ inside the package, and a workspace with nothing but what is its own."""
    shutil.copytree(ROOT / "src" / "runner", tmp_path / "site" / "runner", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "site" / "runner" / "conf")
    own = tmp_path / "own" / "conf"
    (own / "experiment").mkdir(parents=True)
    shutil.copy(ROOT / "conf" / "config.yaml", own)
    (own / "experiment" / "small.yaml").write_text(small)
    (own / "training" / "tuning").mkdir(parents=True)
    (own / "training" / "tuning" / "quick.yaml").write_text("trials: 3\nlag: 1\n")
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from pathlib import Path; from runner.core.workspace import Workspace; from runner.experiment.compose import compose\n"
        f"e = compose(Workspace(Path({str(own.parent)!r})), ['+experiment=small', 'training/tuning=quick'])\n"
        "print(e.training.tuning.trials, e.training.calibration.kind)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["3", "sigmoid"], done.stderr


def test_composing_imports_nothing_heavy(workspace: Workspace) -> None:
    program = (
        "import sys; from pathlib import Path; from runner.core.workspace import Workspace; from runner.experiment.compose import compose\n"
        f"compose(Workspace(Path({str(workspace.root)!r})), ['+experiment=small'])\n"
        "print(sorted({'sklearn', 'scipy', 'pandas', 'lightgbm', 'catboost', 'optuna', 'mlflow', 'dvc'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_stored_form_is_an_experiment_again(workspace: Workspace) -> None:
    experiment = compose(workspace, ["+experiment=credit_risk"])
    again = Experiment.model_validate_json(json.dumps({"name": experiment.name, **experiment.stored()}))
    assert again.digest == experiment.digest
