"""`python -m runner review` as a person or a pipeline calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import command
from tests.pipeline.review.conftest import History


def test_outside_git_it_says_so(tiny: Path) -> None:
    done = command(tiny, "review", "main", GIT_CEILING_DIRECTORIES=str(tiny.parent))
    assert done.returncode == 2
    assert "is not in a Git repository" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("revision", ["nowhere", "-x", "", "main:params.yaml", "HEAD~99", "a\x1b[31m"])
def test_an_unknown_revision_is_told(history: History, revision: str) -> None:
    done = command(history.root, "review", "--", revision)
    assert done.returncode == 2
    assert "there is no commit" in done.stderr
    assert "\x1b" not in done.stderr


def test_markdown_goes_to_the_screen_and_files_where_they_are_asked_for(history: History, tmp_path: Path) -> None:
    history.edit(("trials: 2", "trials: 3"))
    shown = command(history.root, "review", "main", "--html", str(tmp_path / "review.html"))
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("<!-- runner review -->\n\n## Review: `main (")
    assert "</html>" in (tmp_path / "review.html").read_text()
    silent = command(history.root, "review", "main", "--output", str(tmp_path / "review.md"))
    assert silent.stdout == ""
    assert (tmp_path / "review.md").read_text() == shown.stdout


def test_a_folder_is_no_file_to_write(history: History) -> None:
    for flag in ("--html", "--output"):
        done = command(history.root, "review", "main", flag, "conf")
        assert done.returncode == 2
        assert f"{flag}: conf is a folder" in done.stderr


def test_json_is_for_machines(history: History) -> None:
    history.edit(("trials: 2", "trials: 3"))
    found = json.loads(command(history.root, "review", "main", "--json").stdout)
    assert [e["name"] for e in found["experiments"]] == ["tiny"]


def test_a_stale_params_file_can_fail_a_pipeline(history: History) -> None:
    assert command(history.root, "review", "main", "--fail-on", "stale").returncode == 0
    history.edit(("trials: 2", "trials: 3"), compose=False)
    assert command(history.root, "review", "main").returncode == 0
    done = command(history.root, "review", "main", "--fail-on", "stale", "--fail-on", "gates", "--fail-on", "loss")
    assert done.returncode == 3
    assert "tiny.training.tuning.trials" in done.stderr
    assert "**STALE.**" in done.stdout


def test_the_point_where_two_branches_parted_can_be_the_base(history: History) -> None:
    history.git("checkout", "-q", "-b", "change")
    history.edit(("trials: 2", "trials: 3"))
    history.commit()
    history.git("checkout", "-q", "main")
    history.edit(("age < 30", "age < 31"))
    history.commit()
    assert "evaluation.slices.young" in command(history.root, "review", "main", "change").stdout
    shown = command(history.root, "review", "main", "change", "--merge-base").stdout
    assert "evaluation.slices.young" not in shown
    assert "training.tuning.trials" in shown


@pytest.mark.xdist_group("two_runs")
def test_a_sure_loss_can_fail_a_pipeline(copied: History) -> None:
    assert command(copied.root, "review", "main", "change", "--fail-on", "loss").returncode == 0
    done = command(copied.root, "review", "change", "main", "--fail-on", "loss")
    assert done.returncode == 3
    assert "surely earns" in done.stderr


@pytest.mark.slow
def test_dvc_itself_leaves_what_review_reads(tiny: Path) -> None:
    from tests.conftest import ROOT
    from tests.pipeline.review.conftest import begun
    from tests.pipeline.test_dvc import dvc

    for name in ("dvc.yaml", ".dvcignore", "requirements.lock"):
        shutil.copy(ROOT / name, tiny / name)
    shutil.copytree(ROOT / "src", tiny / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "plugins", tiny / "plugins", dirs_exist_ok=True)
    history = begun(tiny)
    assert dvc(tiny, "init", "-q").returncode == 0
    assert dvc(tiny, "repro", "-q").returncode == 0
    history.commit("base, reproduced")
    history.edit(("trials: 2", "trials: 3"))
    assert dvc(tiny, "repro", "-q").returncode == 0
    history.commit("change, reproduced")
    shutil.rmtree(tiny / ".runner")
    for top in ("data", "models", "reports"):
        shutil.rmtree(tiny / top / "tiny")
    (found,) = history.review("HEAD~1", "HEAD").experiments
    assert found.missing == ()
    assert found.paired.gain is not None
    assert {run.room for run in found.runs if run.status == "runs"} == {"training"}
