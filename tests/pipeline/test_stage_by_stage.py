"""Rooms called one at a time: what a room says where an earlier one refused or failed, and which reader has the first look."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import TINY, loans

from runner.cli import main
from runner.core.files import read_json

FROM = "{kind: parquet, path: data/raw/loans.parquet}"


def staged(root: Path, room: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = main(("stage", room, "tiny"))
    said = capsys.readouterr()
    return code, said.out + said.err


@pytest.fixture
def adopted(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project as adopted, and as the current folder."""
    monkeypatch.chdir(tiny)
    assert main(("compose",)) == 0
    return tiny


def test_a_room_after_a_refusal_says_who_refused_and_why(adopted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(50).write_parquet(adopted / "data/raw/loans.parquet")
    code, said = staged(adopted, "problem", capsys)
    # A refusal is an output: `dvc repro` goes on, and the verdict tells.
    assert code == 0
    assert "problem refused" in said
    assert "min_rows: 50 rows in the primary source" in said
    code, said = staged(adopted, "data", capsys)
    assert code == 0
    assert "data did nothing, since problem refused: its outputs are empty" in said
    assert "min_rows: 50 rows in the primary source" in said


def test_a_room_that_failed_leaves_nothing_for_the_next_to_be_judged_by(adopted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert staged(adopted, "problem", capsys)[0] == 0
    (adopted / "data/raw/loans.parquet").write_bytes(b"no Parquet")
    assert staged(adopted, "problem", capsys)[0] == 2
    loans().write_parquet(adopted / "data/raw/loans.parquet")
    code, said = staged(adopted, "data", capsys)
    assert code == 2
    assert "its input is missing: " in said


@pytest.mark.parametrize(("declared", "separator", "line_end"), [("", ",", "\r"), (", separator: '^'", "^", "\n"), (", separator: ';'", ";", "\r\n")])
def test_the_first_look_reads_text_as_it_is_declared(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], declared: str, separator: str, line_end: str
) -> None:
    monkeypatch.chdir(tiny)
    (tiny / "data/raw/loans.csv").write_bytes(loans().write_csv(separator=separator).replace("\n", line_end).encode())
    (tiny / "conf/experiment/tiny.yaml").write_text(TINY.replace(FROM, f"{{kind: csv, path: data/raw/loans.csv{declared}}}"))
    assert main(("compose",)) == 0
    code, said = staged(tiny, "problem", capsys)
    assert code == 0, said
    found = read_json(next(tiny.glob("reports/tiny/problem/problem.json")))["feasibility_found"]
    assert found["rows"] == loans().height
