"""Snapshots around a run: fetched once before it, read by both ways in, and never fetched by a stage."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import TINY, loans

from runner.cli import main
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.pipeline.fetching import fetch_missing

FROM = "{kind: parquet, path: data/raw/loans.parquet}"
SQL = "{kind: sql, path: data/raw/loans.parquet, database: data/raw/bank.sqlite, query: SELECT * FROM loans ORDER BY rowid}"
EXPERIMENT = "+experiment=tiny"


Call = Callable[..., SimpleNamespace]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """A command in a project, in this process."""

    def made(root: Path, *words: str) -> SimpleNamespace:
        monkeypatch.chdir(root)
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=said.out, stderr=said.err)

    return made


@pytest.fixture
def bank(tiny: Path, call: Call) -> Path:
    """The tiny project, whose loans lie in a database."""
    (tiny / "data/raw/loans.parquet").unlink()
    rows = loans()
    with sqlite3.connect(tiny / "data/raw/bank.sqlite") as connection:
        connection.execute("CREATE TABLE loans (bad INTEGER, amount REAL, income REAL, age INTEGER, home TEXT)")
        connection.executemany("INSERT INTO loans VALUES (?, ?, ?, ?, ?)", rows.rows())
    connection.close()
    (tiny / "conf/experiment/tiny.yaml").write_text(TINY.replace(FROM, SQL))
    done = call(tiny, "compose")
    assert done.returncode == 0, done.stderr
    return tiny


def test_a_snapshot_is_fetched_once_and_then_read_by_every_way_in(bank: Path, call: Call) -> None:
    refused = call(bank, "stage", "problem", "tiny")
    assert refused.returncode == 2
    assert "there is no snapshot data/raw/loans.parquet" in refused.stderr
    assert "python -m runner data fetch" in refused.stderr
    missing = call(bank, "inventory", EXPERIMENT)
    assert missing.returncode == 2
    assert "loans: the other side answers, 5 columns" in missing.stdout
    done = call(bank, "data", "fetch", EXPERIMENT)
    assert done.returncode == 0, done.stderr
    assert "loans: fetched, 900 rows" in done.stdout
    for room in ("problem", "data"):
        staged = call(bank, "stage", room, "tiny", "-q")
        assert staged.returncode == 0, staged.stderr
    told = json.loads((bank / "reports/tiny/data/data.json").read_text())["sources"]["loans"]
    assert (told["rows"], told["kind"], told["columns"]) == (900, "sql", 5)
    again = call(bank, "data", "fetch", EXPERIMENT, "--json")
    assert json.loads(again.stdout)[0]["outcome"] == "kept"
    found = call(bank, "inventory", EXPERIMENT, "--sample")
    assert found.returncode == 0, found.stderr
    assert "loans: the other side answers, the same columns" in found.stdout


def test_a_run_fetches_what_was_never_fetched(bank: Path, call: Call) -> None:
    (bank / "data/raw/bank.sqlite").rename(bank / "data/raw/away.sqlite")
    lost = call(bank, EXPERIMENT, "-q")
    assert lost.returncode == 2
    assert "there is no database data/raw/bank.sqlite" in lost.stderr
    assert not (bank / "data/raw/loans.parquet").exists()
    (bank / "data/raw/away.sqlite").rename(bank / "data/raw/bank.sqlite")
    said: list[str] = []
    experiment = compose(Workspace(bank), [EXPERIMENT])
    # What `run` begins with.
    fetch_missing(Workspace(bank), experiment, said.append)
    assert said == ["fetching loans: a query of data/raw/bank.sqlite"]
    before = (bank / "data/raw/loans.snapshot.json").read_bytes()
    fetch_missing(Workspace(bank), experiment, said.append)
    assert (len(said), (bank / "data/raw/loans.snapshot.json").read_bytes()) == (1, before)


def test_a_source_that_is_not_fetched_cannot_be_named(bank: Path, call: Call) -> None:
    done = call(bank, "data", "fetch", EXPERIMENT, "--source", "loan")
    assert done.returncode == 2
    assert "did you mean 'loans'?" in done.stderr


def test_a_primary_source_of_another_kind_is_looked_at_with_its_own_reader(tiny: Path, call: Call) -> None:
    (tiny / "data/raw/loans.csv").write_bytes(loans().write_csv(separator=";").encode("utf-16"))
    auto = "{kind: csv, path: data/raw/loans.csv, encoding: auto, separator: auto}"
    (tiny / "conf/experiment/tiny.yaml").write_text(TINY.replace(FROM, auto))
    assert call(tiny, "compose").returncode == 0
    for room in ("problem", "data"):
        staged = call(tiny, "stage", room, "tiny", "-q")
        assert staged.returncode == 0, staged.stderr
    problem = json.loads((tiny / "reports/tiny/problem/problem.json").read_text())
    assert problem["feasibility_found"]["rows"] == 900
    told = json.loads((tiny / "reports/tiny/data/data.json").read_text())["sources"]["loans"]
    assert (told["separator"], told["encoding"]) == (";", "utf-16")
