from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest
from tests.report.conftest import files_of_a_run, write_run

from runner.cli.verdict import show
from runner.core.workspace import RunFolders, Workspace
from runner.pipeline.run import Run


@dataclass(frozen=True)
class Named:
    name: str


@dataclass(frozen=True)
class Shown:
    """The four things of a run that the verdict reads."""

    workspace: Workspace
    folders: RunFolders
    experiment: Named
    adopted: bool


def printed(root: Path, folders: RunFolders, capsys: pytest.CaptureFixture[str], adopted: bool = True) -> str:
    show(cast("Run", Shown(Workspace(root), folders, Named("credit"), adopted)))
    return capsys.readouterr().out


def test_the_screen_shows_verdict_gates_ladder_and_where_things_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(tmp_path, write_run(tmp_path, files_of_a_run()), capsys)
    assert "GO  The linear model earns 21,600 EUR a month more than the officer rule" in out
    assert "✓ passed   success criterion" in out
    assert "✓   linear" in out
    assert "gain over the rung below   gain in log loss" in out
    assert "report  reports/credit/report.html" in out
    assert "bundle  models/credit/bundle" in out


def test_a_narrow_screen_leaves_out_the_gain_in_the_score(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.cli.verdict.PIPE_WIDTH", 80)
    out = printed(tmp_path, write_run(tmp_path, files_of_a_run()), capsys)
    assert "gain over the rung below" in out
    assert "gain in log loss" not in out


def test_a_refused_run_has_no_bundle_to_point_at(tmp_path: Path, refused: RunFolders, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(tmp_path, refused, capsys)
    assert "REFUSED" in out
    assert "bundle" not in out


def test_the_first_line_of_an_exploring_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(tmp_path, write_run(tmp_path, files_of_a_run()), capsys, adopted=False)
    assert out.strip().startswith("Exploring, judged out of fold")
    assert "python -m runner compose credit" in out


def test_names_from_data_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "\x1b[31mred\x07"
    out = printed(tmp_path, write_run(tmp_path, files_of_a_run(label=name, column=name, rule=name)), capsys)
    assert all(c.isprintable() or c in "\n\u00a0" for c in out)
