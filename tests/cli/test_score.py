"""`score`: a batch file in, one scored row per input row out."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import loans

from runner.bundle.load import load
from runner.cli import main

COLUMNS = ["prediction", "p_0", "p_1", "decision", "expected_payoff", "flags"]


@pytest.fixture
def bundle(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the shipped bundle; the test runs in the folder around it, and leaves signals as they were."""
    before = signal.getsignal(signal.SIGTERM)
    shutil.copytree(tiny_run / "models/tiny/bundle", tmp_path / "bundle")
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "bundle"
    signal.signal(signal.SIGTERM, before)


def score(source: str, target: str, *more: str) -> int:
    return main(["score", "--bundle", "bundle", "--input", source, "--output", target, *more])


def test_a_csv_file_goes_in_and_comes_out_in_order(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = loans(60, seed=3)
    rows.write_csv("in.csv")
    assert score("in.csv", "out.csv") == 0
    scored = pl.read_csv("out.csv")
    assert scored.columns == COLUMNS
    expected = load(bundle).score(rows)
    assert scored["p_1"].to_list() == expected["p_1"].to_list()
    assert scored["decision"].to_list() == expected["decision"].to_list()
    assert capsys.readouterr().out.startswith("60 rows scored by ")


def test_csv_and_parquet_hold_the_same(bundle: Path) -> None:
    rows = loans(20, seed=4)
    rows.write_parquet("in.parquet")
    rows.write_csv("in.csv")
    assert [score(f"in.{a}", f"{a}.{b}", "-q") for a in ("csv", "parquet") for b in ("csv", "parquet")] == [0] * 4
    assert Path("csv.csv").read_bytes() == Path("parquet.csv").read_bytes()
    assert Path("csv.parquet").read_bytes() == Path("parquet.parquet").read_bytes()


def test_no_rows_give_a_file_without_rows(bundle: Path) -> None:
    rows = loans(5)
    rows[:0].write_csv("none.csv")
    rows[:0].write_parquet("none.parquet")
    for source, target in (("none.csv", "a.csv"), ("none.parquet", "b.parquet"), ("none.csv", "c.parquet")):
        assert score(source, target) == 0
    assert pl.read_csv("a.csv").columns == COLUMNS
    assert pl.read_parquet("b.parquet").schema == pl.read_parquet("c.parquet").schema == load(bundle).score(rows).schema


def test_reordered_and_extra_columns_change_nothing(bundle: Path) -> None:
    rows = loans(20, seed=5)
    rows.write_csv("in.csv")
    rows.select(reversed(rows.columns)).with_columns(extra=pl.lit("=SUM(A1)")).write_csv("turned.csv")
    assert score("in.csv", "a.csv", "-q") == score("turned.csv", "b.csv", "-q") == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()


def test_every_missing_column_is_told_at_once_and_nothing_is_written(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(5).drop("income").rename({"age": "Age "}).write_csv("in.csv")
    assert score("in.csv", "out.csv") == 2
    told = capsys.readouterr().err
    assert "2 problems to mend" in told
    assert "column 'income'" in told
    assert "'Age ' differs only by case or spaces" in told
    assert not Path("out.csv").exists()


def test_a_file_that_is_already_there_is_replaced_as_a_whole(bundle: Path) -> None:
    loans(5, seed=6).write_parquet("in.parquet")
    Path("out.csv").write_text("old\n" * 1000)
    assert score("in.parquet", "out.csv", "-q") == 0
    assert pl.read_csv("out.csv").height == 5
    assert not list(Path().glob(".writing-*"))


def test_the_input_may_be_replaced_by_its_scores(bundle: Path) -> None:
    loans(5, seed=6).write_parquet("rows.parquet")
    assert score("rows.parquet", "rows.parquet", "-q") == 0
    assert pl.read_parquet("rows.parquet").columns == COLUMNS


@pytest.mark.parametrize("target", ["out.txt", "out", "bundle", "in.parquet/out.csv"])
def test_an_output_that_cannot_be_written_is_told(bundle: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    loans(3).write_parquet("in.parquet")
    assert score("in.parquet", target) == 2
    assert target.split("/", maxsplit=1)[0] in capsys.readouterr().err


def test_no_cell_of_a_csv_file_is_a_formula(bundle: Path) -> None:
    loans(8).with_columns(age=pl.Series([17, 18, 120, 40, 41, 42, 43, 44])).write_csv("in.csv")
    assert score("in.csv", "out.csv", "-q") == 0
    cells = [cell for row in pl.read_csv("out.csv", infer_schema=False).iter_rows() for cell in row if cell]
    texts = [cell for cell in cells if not cell.replace(".", "").replace("-", "").replace("e", "").isdigit()]
    assert texts
    assert not [cell for cell in texts if cell[0] in "=+-@\t\r\n"]
