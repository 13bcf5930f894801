"""A bundle with a history, told of events by command, answers as of each row's own time."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.features.test_history import CONTRACT, trained_and_live

from runner.bundle.load import load
from runner.bundle.models.rule import RuleModel
from runner.bundle.pack import Packing, pack
from runner.cli import main
from runner.core.faults import FaultsError

COMBINE = {"calibration": {"kind": "none"}, "policy": {"kind": "shift", "shift": 0.0}, "payoff": {"actions": None, "sql": "0"}, "errors": [0.0]}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a bundle that predicts how many events of the entity are known, and with the events after its training."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").touch()
    trained, live = trained_and_live()
    counting = RuleModel("count_all", (), (), (-1.0,))
    about: dict[str, Any] = {"name": "counting", "task": "regression", "classes": [""], "contract": CONTRACT, "features": [], "combine": COMBINE}
    pack(Packing(**about, operations=trained.operations, model=counting, made_from={}, seal="", seed=1, levels={"who": ["a", "b"]}), tmp_path / "bundle")
    live.write_parquet(tmp_path / "events.parquet")
    live.with_columns(pl.col("at") + timedelta(days=9)).drop("v", "arrived").write_parquet(tmp_path / "rows.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / ".runner"))
    return tmp_path


def scored(*flags: str) -> pl.DataFrame:
    assert main(["score", "--bundle", "bundle", "--input", "rows.parquet", "--output", "scored.parquet", "-q", *flags]) == 0
    return pl.read_parquet("scored.parquet")


def test_scores_count_the_events_that_were_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "add", "--bundle", "bundle", "--input", "events.parquet", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["new"], told["again"], told["before"]) == (500, 0, 0)
    assert main(["history", "add", "--bundle", "bundle", "--input", "events.parquet"]) == 0
    assert "no events counted" in capsys.readouterr().out
    assert main(["history", "show", "--bundle", "bundle"]) == 0
    assert "past: 500 events of 2 entities, the last at 2024-03-05 05:45:00" in capsys.readouterr().out
    fresh, stale = scored("--store"), scored()
    assert fresh["prediction"].unique().sort().sum() == 600
    assert stale["prediction"].max() < 100


def test_a_store_that_is_not_there_is_told(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", "--bundle", "bundle", "--input", "rows.parquet", "--output", "scored.parquet", "--store", "none.sqlite"]) == 2
    assert "there is no store of events" in capsys.readouterr().err
    assert not (workspace / "none.sqlite").exists()


def test_the_bundle_stays_as_it_was_packed(workspace: Path) -> None:
    before = load(workspace / "bundle").digest
    assert main(["history", "add", "--bundle", "bundle", "--input", "events.parquet"]) == 0
    scored("--store")
    assert load(workspace / "bundle").digest == before


@pytest.mark.parametrize("table", ["closed", "start", "pending"])
def test_a_changed_table_of_the_recipe_is_another_version_and_refused(workspace: Path, table: str) -> None:
    file = workspace / "bundle" / "recipe" / f"past__{table}.parquet"
    pl.read_parquet(file).head(0).write_parquet(file)
    with pytest.raises(FaultsError, match="content differs from the manifest"):
        load(workspace / "bundle")


def test_a_service_with_a_store_imports_no_room() -> None:
    code = "import sys, runner.bundle.history.store; print(*(m for m in sys.modules if m.startswith('runner.')))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[1] for name in found.split()} <= {"bundle", "core"}
