"""`monitor` on batches whose numbers are as large as numbers can be."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.conftest import loans

from runner.cli import main

HUGE = 1e308


@pytest.fixture
def models(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Copies of the shipped bundle and its monitor; the test runs in the folder around them, and leaves signals as they were."""
    before = signal.getsignal(signal.SIGTERM)
    shutil.copytree(tiny_run / "models/tiny/bundle", tmp_path / "bundle")
    shutil.copytree(tiny_run / "models/tiny/monitor", tmp_path / "monitor")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def monitored(rows: pl.DataFrame, capsys: pytest.CaptureFixture[str]) -> Any:
    """The report of a batch, told to a person first."""
    rows.write_parquet("batch.parquet")
    line = ["monitor", "--bundle", "bundle", "--input", "batch.parquet"]
    assert main(line) == 0
    capsys.readouterr()
    assert main([*line, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


LARGE = {
    "one": {"amount": [HUGE, 1.0]},
    "two that cancel": {"amount": [HUGE, -HUGE]},
    "all": {"amount": [HUGE]},
    "all, downwards": {"amount": [-HUGE]},
    "two columns": {"amount": [HUGE, -HUGE], "income": [HUGE, HUGE, -HUGE]},
    "beyond numbers": {"amount": [float("inf"), float("-inf"), 1.0], "income": [float("nan"), HUGE]},
}


@pytest.mark.parametrize("has_labels", [True, False])
@pytest.mark.parametrize("values", LARGE.values(), ids=LARGE)
def test_a_report_is_made_whatever_the_size_of_the_numbers(
    models: Path, capsys: pytest.CaptureFixture[str], values: dict[str, list[float]], has_labels: bool
) -> None:
    rows = loans(120, seed=21).with_columns(**{name: pl.Series((cells * 120)[:120]) for name, cells in values.items()})
    found = monitored(rows if has_labels else rows.drop("bad"), capsys)
    payoff = found["estimate"]["payoff"]
    assert payoff["low"] is not None or payoff["why"]
    assert any(alarm["cause"].startswith("amount") for alarm in found["alarms"])
