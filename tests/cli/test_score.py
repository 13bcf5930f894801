"""`score`: a batch file in, one scored row per input row out."""

from __future__ import annotations

import json
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


def test_no_rows_give_a_file_without_rows_and_are_told(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = loans(5)
    rows[:0].write_csv("none.csv")
    rows[:0].write_parquet("none.parquet")
    for source, target in (("none.csv", "a.csv"), ("none.parquet", "b.parquet"), ("none.csv", "c.parquet")):
        assert score(source, target) == 0
        assert capsys.readouterr().out.startswith("0 rows scored by linear")
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


@pytest.mark.parametrize("target", ["rows.parquet", "./sub/../rows.parquet", "link.parquet", "hard.parquet"])
def test_the_input_is_never_written_over_however_it_is_spelled(bundle: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    loans(5, seed=6).write_parquet("rows.parquet")
    Path("sub").mkdir()
    Path("link.parquet").symlink_to("rows.parquet")
    Path("hard.parquet").hardlink_to("rows.parquet")
    before = Path("rows.parquet").read_bytes()
    assert score("rows.parquet", target) == 2
    assert f"--output: {Path(target)} is the input itself" in capsys.readouterr().err
    assert Path("rows.parquet").read_bytes() == before
    assert score("link.parquet", "rows.parquet") == 2


@pytest.mark.parametrize("target", ["bundle/scores.csv", "bundle/models/scores.csv", "linked/new/scores.csv"])
def test_nothing_is_written_into_the_bundle(bundle: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    Path("linked").symlink_to("bundle")
    loans(3).write_parquet("in.parquet")
    assert score("in.parquet", target) == 2
    assert "lies inside the bundle" in capsys.readouterr().err
    load(bundle)


@pytest.mark.parametrize("target", ["/proc/o.parquet", "/sys/o.csv", "/dev/null/o.csv"])
def test_a_place_that_cannot_be_written_is_told_before_the_batch_is_read(bundle: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    Path("in.csv").write_bytes(b"no batch at all\0")
    assert score("in.csv", target) == 2
    told = capsys.readouterr().err
    assert f"--output: {target} cannot be written" in told or "/dev/null is a file" in told
    assert "in.csv" not in told


def test_what_is_wrong_with_input_and_output_comes_at_once(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(3).write_csv("rows.csv")
    assert score("in.csv", "out.txt") == 2
    told = capsys.readouterr().err
    assert "2 problems to mend" in told
    assert "in.csv: there is no such file" in told
    assert "next: files there: rows.csv" in told
    assert "the ending '.txt' of out.txt is not known" in told


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


def test_the_most_common_flags_are_told_with_their_rows(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = loans(1200, seed=7).with_columns(age=pl.when(pl.int_range(1200) < 1100).then(17).otherwise("age"), amount=pl.lit(None, pl.Float64))
    rows.with_columns(income=pl.when(pl.int_range(1200) < 3).then(-1.0).otherwise("income")).write_parquet("in.parquet")
    assert score("in.parquet", "out.csv") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["  amount.present  1,200", "  age.minimum     1,100", "  income.minimum      3"]
    assert score("in.parquet", "out.csv", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["flagged"]) == (1200, 1200)
    assert told["flags"] == [{"flag": f, "rows": n} for f, n in (("amount.present", 1200), ("age.minimum", 1100), ("income.minimum", 3))]


HEADER = "amount,income,age,home\n"
ROW = "100,20,40,own\n"
TEXTS = {
    "another separator": (HEADER.replace(",", ";") + ROW.replace(",", ";"), "line 1 is one cell with ';' in it"),
    "a doubled name": ("amount,income,age,home,age\n100,20,40,own,41\n", "line 1 names columns twice: 'age'"),
    "a cut line": (HEADER + ROW + "100,2", "line 3 has 2 cells"),
    "an empty line between rows": (HEADER + "\n" + ROW, "line 2 is empty"),
    "latin-1": ((HEADER + "100,20,40,größe\n").encode("latin-1"), "line 2 is not UTF-8: byte 0xf6 at position 13"),
    "UTF-16": ((HEADER + ROW).encode("utf-16"), "the file is UTF-16"),
    "UTF-16 without a mark": ((HEADER + ROW).encode("utf-16-be"), "the file is UTF-16"),
    "a NUL byte": (HEADER + "100,\0,40,own\n", "line 2 has a NUL byte"),
    "nothing": ("", "the file is empty"),
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_a_damaged_batch_is_told_in_one_message_with_its_line(bundle: Path, capsys: pytest.CaptureFixture[str], content: tuple[str | bytes, str]) -> None:
    text, said = content
    Path("in.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert score("in.csv", "out.csv") == 2
    told = capsys.readouterr().err
    assert told.startswith(f"1 problem to mend:\nin.csv: {said}")
    assert "    expected: " in told
    assert "    next: " in told
    assert not Path("out.csv").exists()


def test_empty_lines_at_the_end_are_no_rows(bundle: Path) -> None:
    loans(300, seed=8).write_csv("in.csv")
    with Path("in.csv").open("a") as stream:
        stream.write("\n\n")
    assert score("in.csv", "out.csv", "-q") == 0
    assert pl.read_csv("out.csv").height == 300


def test_a_damaged_parquet_batch_is_told_with_a_next_step(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(50).write_parquet("whole.parquet")
    for content in (b"", Path("whole.parquet").read_bytes()[:-30], b"amount,income\n"):
        Path("in.parquet").write_bytes(content)
        assert score("in.parquet", "out.csv") == 2
        told = capsys.readouterr().err
        assert told.startswith("1 problem to mend:\nin.parquet: the file is ")
        assert "    next: " in told


def test_a_cell_that_is_a_list_is_told_on_one_line(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(3).with_columns(age=pl.Series([[1, 2]] * 3)).write_parquet("in.parquet")
    assert score("in.parquet", "out.csv") == 2
    assert "first row 0 (from 0) with [1, 2]\n" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"format": 1}', None])
def test_a_bundle_with_a_broken_manifest_is_to_be_restored(bundle: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    manifest = bundle / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    loans(3).write_parquet("in.parquet")
    assert score("in.parquet", "out.csv") == 2
    told = capsys.readouterr().err
    assert "restore the bundle" in told
    assert "run again" not in told


def test_each_file_that_a_bundle_lost_is_named_with_the_way_back(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (bundle / "contract.json").unlink()
    (bundle / "combine.json").unlink()
    loans(3).write_parquet("in.parquet")
    assert score("in.parquet", "out.csv") == 2
    assert capsys.readouterr().err.count("next: restore the bundle") == 2
