"""`runner monitor` on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.cli import main
from runner.core.files import read_json

Rows = Callable[..., pl.DataFrame]


Told = pytest.CaptureFixture[str]


def words(made: Any, rows: pl.DataFrame, folder: Path) -> list[str]:
    """The command line for a batch."""
    path = folder / "batch.parquet"
    rows.write_parquet(path)
    return ["monitor", "--bundle", str(made.bundle_folder), "--input", str(path)]


def test_a_quiet_batch_is_told_and_written(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    output = tmp_path / "report.json"
    code = main([*words(quiet, rows_of(500, 100), tmp_path), "--output", str(output)])
    told = capsys.readouterr().out
    assert code == 0
    assert "no alarm" in told
    assert "estimated payoff, on labels of 500 rows" in told
    assert read_json(output)["bundle"] == quiet.bundle.digest


def test_alarms_are_told_loudly_and_exit_with_three_only_when_asked(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    line = words(quiet, rows_of(500, 101).with_columns(pl.col("income") * 2), tmp_path)
    assert main(line) == 0
    assert "ALARM" in capsys.readouterr().out
    assert main([*line, "--fail-on-alarm"]) == 3


def test_json_on_the_screen_is_the_report(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    assert main([*words(quiet, rows_of(100, 102), tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["window"]["rows"] == 100


def test_control_characters_in_values_do_not_reach_the_terminal(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    evil = rows_of(500, 103).with_columns(home=pl.lit("\x1b[31m[red]x"), status=pl.lit("\x1b[2J"))
    assert main(words(quiet, evil, tmp_path)) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_flags_that_name_no_fitting_file_exit_with_two(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    line = words(quiet, rows_of(10, 106), tmp_path)
    for flag, value in (("--previous", tmp_path), ("--output", tmp_path), ("--monitor", tmp_path), ("--input", tmp_path / "none.parquet")):
        assert main([*line, flag, str(value)]) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_csv_batch_is_read_by_the_contract(quiet: Any, rows_of: Rows, tmp_path: Path) -> None:
    path = tmp_path / "batch.csv"
    rows_of(200, 104).write_csv(path)
    assert main(["monitor", "--bundle", str(quiet.bundle_folder), "--input", str(path)]) == 0


def test_a_batch_with_a_missing_column_exits_with_two(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    assert main(words(quiet, rows_of(10, 105).rename({"age": "Age "}), tmp_path)) == 2
    assert "'Age '" in capsys.readouterr().err
