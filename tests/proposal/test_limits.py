"""`init` on tables with very few rows or very many columns, and what it says when it stops."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import ROOT

from runner.cli import main
from runner.proposal.protected import is_protected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to begin in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def some(n: int) -> str:
    draw = random.Random(1)
    return "a,b,y\n" + "".join(f"{draw.random()},{draw.random()},{'yes' if i % 3 == 0 else 'no'}\n" for i in range(n))


def init(folder: Path, content: str) -> int:
    (folder / "t.csv").write_text(content)
    return main(["init", "x", "--data", "t.csv", "--target", "y", "--no-input"])


@pytest.mark.parametrize("n", [8, 12, 20])
def test_few_rows_get_fewer_folds_and_a_config_that_composes(n: int, folder: Path) -> None:
    assert init(folder, some(n)) == 0
    assert main(["check", "--no-data", "-q"]) == 0


def test_too_few_rows_are_told_of_the_table_and_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(folder, some(4)) == 2
    err = capsys.readouterr().err
    assert "--data t.csv: 4 rows with an outcome, 2 of the rarest label are too few for a test and two folds" in err
    assert "conf/" not in err
    assert [path.name for path in folder.iterdir()] == ["t.csv"]


def test_a_proposal_that_the_own_config_refuses_is_not_written_either(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    config = folder / "conf/config.yaml"
    config.write_text(config.read_text() + "\nevaluation:\n  bootstrap_draws: 100\n  test_uses: 50\n")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert init(folder, some(300)) == 2
    assert "draws cannot show a tail" in capsys.readouterr().err
    (folder / "t.csv").unlink()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_labels_that_stand_in_one_row_each_are_counted_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(folder, "a,y\n" + "".join(f"{i % 7},L{i}\n" for i in range(300))) == 2
    assert "has 300 different values, none of them in at least 20 rows" in capsys.readouterr().err


def test_columns_that_are_put_aside_as_protected_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(folder, "Age,age,y\n" + "".join(f"{20 + i % 40},{20 + i % 40 + 0.5},{'yes' if i % 3 == 0 else 'no'}\n" for i in range(300))) == 2
    err = capsys.readouterr().err
    assert "Age: put aside as protected by its name" in err
    assert "age: put aside as protected by its name" in err


def test_a_text_that_says_nothing_is_missing_in_a_column_of_texts_too(folder: Path) -> None:
    colours = ["red", "blue", "n/a", "", "N/A"]
    rows = "".join(f"{i * 7 % 13},{colours[i % 5]},{'yes' if i % 3 == 0 else 'no'}\n" for i in range(300))
    assert init(folder, f"a,colour,y\n{rows}") == 0
    text = (folder / "conf/experiment/x.yaml").read_text()
    assert "colour: {type: string, nullable: true, allowed: [blue, red]}" in text
    assert re.search(r"null_values: .*N/A, n/a", text)


@pytest.mark.parametrize(
    "name", ["Geschlecht", "Staatsangehörigkeit", "alter", "sexe", "Âge", "nationalité", "género", "edad", "nacionalidad", "sesso", "età", "idade", "geslacht"]
)
def test_traits_are_told_by_their_names_in_six_languages(name: str) -> None:
    assert is_protected(name)


@pytest.mark.parametrize("name", ["ETA", "Gehalter", "fee", "package", "Alterung", "sextant", "account_age"])
def test_words_that_only_look_like_a_trait_are_not_protected(name: str) -> None:
    assert not is_protected(name)


def wide(folder: Path, columns: int) -> None:
    draw = random.Random(0)
    lines = [",".join(["y", *(f"c{i}" for i in range(columns))])]
    lines += [",".join([draw.choice(["yes", "no"]), *(f"{draw.gauss(0, 1):.6f}" for _ in range(columns))]) for _ in range(200)]
    (folder / "t.csv").write_text("\n".join(lines) + "\n")


def test_twice_the_columns_take_about_twice_the_time(folder: Path) -> None:
    assert init(folder, some(40)) == 0
    spent = []
    for columns in (100, 400):
        wide(folder, columns)
        before = time.process_time()
        assert main(["init", "x", "--data", "t.csv", "--target", "y", "--no-input", "--force"]) == 0
        spent.append(time.process_time() - before)
    assert spent[1] < 8 * spent[0] + 1.0


def test_ctrl_c_while_it_looks_says_that_nothing_was_written(folder: Path) -> None:
    wide(folder, 1500)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = [sys.executable, "-m", "runner", "init", "x", "--data", "t.csv", "--target", "y", "--no-input"]
    process = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(6.0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip() == "stopped. Nothing was written."
    assert [path.name for path in folder.iterdir()] == ["t.csv"]
