"""`features auto` writes steps that the experiment takes, and says what they are worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import loans
from tests.features.auto.planted import planted

from runner.cli import main
from runner.core.workspace import Workspace
from runner.experiment.compose import compose

WORDS = ["features", "auto", "+experiment=tiny", "--budget", "40", "-q"]


@pytest.fixture
def crossed(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project, in whose table a crossing of two columns decides."""
    made = planted("crossing", 900, 1, "binary")
    rows = loans().with_columns(bad=(made["y"] == "yes").cast(int), home=made["c0"], town=made["c1"])
    rows.write_parquet(tiny / "data" / "raw" / "loans.parquet")
    conf = tiny / "conf" / "experiment" / "tiny.yaml"
    conf.write_text(conf.read_text().replace("    home: {type: string", "    town: {type: string}\n    home: {type: string"))
    monkeypatch.chdir(tiny)
    return tiny


def test_the_proposal_is_written_composes_and_says_its_gain(crossed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*WORDS, "--write"]) == 0
    said = capsys.readouterr().out
    path = crossed / "conf" / "features" / "tiny_auto.yaml"
    assert "written to conf/features/tiny_auto.yaml; take it with features=tiny_auto" in said
    assert "home_x_town_target" in said or "town_x_home_target" in said
    text = path.read_text()
    assert "less log loss (" in text
    plain, taken = (compose(Workspace(crossed), ["+experiment=tiny", *more]) for more in ([], ["features=tiny_auto"]))
    assert set(taken.features.steps) - set(plain.features.steps) <= {"home_x_town_target", "town_x_home_target"}
    assert len(taken.features.steps) == len(plain.features.steps) + 1
    # A line in the experiment does the same.
    conf = crossed / "conf" / "experiment" / "tiny.yaml"
    conf.write_text(conf.read_text().replace("# @package _global_\n", "# @package _global_\ndefaults:\n  - override /features: tiny_auto\n  - _self_\n", 1))
    assert compose(Workspace(crossed), ["+experiment=tiny"]).features == taken.features
    # What is there is not written over, and is no ground for a search of its own.
    assert main([*WORDS, "--write"]) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert main([*WORDS, "--write", "--force"]) == 2
    assert "its steps would count as there already" in capsys.readouterr().err


def test_without_write_it_prints_and_leaves_conf_alone(stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(stored)
    assert main([*WORDS, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] is None
    assert told["evidence"]["fits"] <= told["evidence"]["budget"] == 40
    assert not (stored / "conf" / "features" / "tiny_auto.yaml").exists()


def test_a_budget_that_is_too_small_is_told_with_the_least(stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(stored)
    assert main([*WORDS[:-2], "3", "-q"]) == 2
    assert "at least 36" in capsys.readouterr().err
