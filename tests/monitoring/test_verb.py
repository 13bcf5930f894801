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


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report without a place goes where the test is."""
    monkeypatch.chdir(tmp_path)


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


def test_a_report_lies_below_runs_of_the_workspace_when_nobody_says_where(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("")
    for seed in (107, 108, 107):
        assert main(words(quiet, rows_of(100, seed), tmp_path)) == 0
    told = capsys.readouterr().out
    written = sorted((tmp_path / "runs" / "monitoring" / quiet.bundle.digest[:12]).iterdir())
    assert len(written) == 2  # another batch of the same name takes nothing away; the same one has one place
    for path in written:
        assert path.name.startswith("batch-")
        assert f"report written to {path.relative_to(tmp_path)}\n" in told
        assert read_json(path)["bundle"] == quiet.bundle.digest


def test_outside_a_workspace_the_report_lies_beside_the_batch(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    assert main([*words(quiet, rows_of(100, 109), tmp_path), "--json"]) == 0
    told = capsys.readouterr()
    (written,) = tmp_path.glob("batch-*.drift.json")
    assert read_json(written) == json.loads(told.out)
    assert f"report written to {written.name}" in told.err


@pytest.mark.parametrize("target", ["batch.parquet", "{bundle}/report.json", "{monitor}/report.json", "/proc/report.json"])
def test_a_report_never_takes_the_place_of_batch_bundle_or_monitor(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told, target: str) -> None:
    line = words(quiet, rows_of(10, 110), tmp_path)
    before = (tmp_path / "batch.parquet").read_bytes()
    assert main([*line, "--output", target.format(bundle=quiet.bundle_folder, monitor=quiet.monitor)]) == 2
    assert "--output: " in capsys.readouterr().err
    assert (tmp_path / "batch.parquet").read_bytes() == before


@pytest.mark.parametrize("n", [1, 9])
def test_a_handful_of_rows_is_held_against_the_contract_alone(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told, n: int) -> None:
    assert main(words(quiet, rows_of(n, 111).with_columns(income=pl.lit(1e6)), tmp_path)) == 0
    told = capsys.readouterr().out
    rows = "1 row" if n == 1 else "9 rows"
    assert told.startswith(f"{rows} against 4,000 reference rows")
    assert f"drift was not judged: {rows} cannot tell drift from chance: 10 are needed, a usual window has 500" in told
    assert "sd" not in told
    assert main(words(quiet, rows_of(n, 111).with_columns(amount=pl.lit(-5)), tmp_path)) == 0
    assert f"{n} of {rows} breach" in capsys.readouterr().out


def test_a_batch_without_rows_is_refused_and_told_why(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    assert main(words(quiet, rows_of(5, 112).head(0), tmp_path)) == 2
    told = capsys.readouterr().err
    assert "there are no rows" in told
    assert "next: " in told


def test_alarms_in_a_pipe_are_sentences_and_not_columns_of_single_words(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    assert main(words(quiet, rows_of(500, 113).with_columns(pl.col("income") * 2), tmp_path)) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "income is" in line)
    assert "sd above reference" in row


def test_a_previous_report_that_is_no_json_is_not_to_be_run_again(quiet: Any, rows_of: Rows, tmp_path: Path, capsys: Told) -> None:
    (tmp_path / "before.json").write_text("{")
    assert main([*words(quiet, rows_of(20, 114), tmp_path), "--previous", "before.json"]) == 2
    assert "next: give the file that `monitor` wrote" in capsys.readouterr().err
