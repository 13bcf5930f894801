"""A file or table comes into the workspace changed as little as can be."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from tests.proposal.conftest import csv_text, customers

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.proposal.dialect import separator_of
from runner.proposal.intake import Intake, take_in

COLUMNS = customers(40)


def taken(workspace: Workspace, path: Path, content: str | bytes, table: str | None = None, replace: bool = False) -> Intake:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    intake = take_in(workspace, str(path), table, replace)
    intake.put()
    return intake


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside") / "Customers (1).csv"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_text_is_read_whatever_separates_and_encodes_it(workspace: Workspace, outside: Path, separator: str, encoding: str) -> None:
    content = csv_text({**COLUMNS, "city": ["Zürich", "a, b; c"] * 20}, separator)
    intake = taken(workspace, outside, content.encode(encoding))
    assert intake.rows["city"].to_list()[:2] == ["Zürich", "a, b; c"]
    assert intake.rows.columns == [*COLUMNS, "city"]
    assert intake.source.path == "data/raw/customers_1.csv"
    kept = (workspace.root / intake.source.path).read_bytes()
    assert kept == (content.encode() if encoding in ("cp1252", "utf-16") else content.encode(encoding))


def test_a_decimal_comma_does_not_make_a_comma_the_separator() -> None:
    assert separator_of("a;b\n1,5;2,5\n3,5;4,5\n") == ";"
    assert separator_of('a,b\n"1;2",3\n') == ","


def test_the_line_that_tells_a_spreadsheet_the_separator_is_left_out(workspace: Workspace, outside: Path) -> None:
    assert taken(workspace, outside, "sep=;\n" + csv_text(COLUMNS, ";")).rows.columns == list(COLUMNS)


def test_a_file_that_lies_in_data_raw_stays_where_it_is(workspace: Workspace) -> None:
    path = workspace.root / "data" / "raw" / "My Table.csv"
    path.parent.mkdir(parents=True)
    intake = taken(workspace, path, csv_text(COLUMNS))
    assert (intake.source.path, intake.said) == ("data/raw/My Table.csv", ())
    assert [p.name for p in path.parent.iterdir()] == ["My Table.csv"]


def test_the_same_file_twice_is_one_and_another_of_its_name_is_told(workspace: Workspace, outside: Path) -> None:
    taken(workspace, outside, csv_text(COLUMNS))
    assert taken(workspace, outside, csv_text(COLUMNS)).said == ()
    with pytest.raises(FaultsError, match=r"there is another file data/raw/customers_1\.csv already"):
        taken(workspace, outside, csv_text(customers(41)))
    assert taken(workspace, outside, csv_text(customers(41)), replace=True).rows.height == 41


def test_a_link_out_of_the_workspace_is_replaced_by_a_copy(workspace: Workspace, outside: Path) -> None:
    outside.write_text(csv_text(COLUMNS))
    link = workspace.root / "data" / "raw" / "linked.csv"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    take_in(workspace, str(link), None, False).put()
    assert not link.is_symlink()
    assert link.read_text() == outside.read_text()


def test_parquet_is_copied_as_it_is(workspace: Workspace, outside: Path) -> None:
    path = outside.with_suffix(".pq")
    pl.DataFrame(COLUMNS).write_parquet(path)
    intake = taken(workspace, path, path.read_bytes())
    assert (intake.source.kind, intake.source.path) == ("parquet", "data/raw/customers_1.parquet")
    assert (workspace.root / intake.source.path).read_bytes() == path.read_bytes()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An SQLite file with two tables; values of one column have more than one type, as SQLite allows."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE "my customers" (id INTEGER, fee, "say ""hi""" TEXT, picture BLOB, "left" TEXT)')
        rows = [(i, i if i % 2 else i + 0.5, f"ü{i}", b"\x00", "yes" if i % 3 else "no") for i in range(40)]
        connection.executemany('INSERT INTO "my customers" VALUES (?, ?, ?, ?, ?)', rows)
        connection.execute("CREATE TABLE other (a)")
    connection.close()
    return path


def test_a_table_of_a_database_is_exported_once(workspace: Workspace, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    for data in ("sqlite:///shop.db", "shop.db", f"sqlite:///{shop}"):
        intake = take_in(workspace, data, "my customers", False)
        intake.put()
        assert intake.source.path == "data/raw/my_customers.parquet"
        assert "exported once" in intake.source.note
        assert dict(intake.rows.schema) == {"id": pl.Int64, "fee": pl.Float64, 'say "hi"': pl.String, "picture": pl.Binary, "left": pl.String}


@pytest.mark.parametrize(
    ("data", "table", "told"),
    [
        ("shop.db", None, "has 2 tables"),
        ("shop.db", "my customer", "did you mean 'my customers'?"),
        ("shop.db", "x'; DROP TABLE other", "there is no such table"),
        ("sqlite:///none.db", None, "there is no file none.db"),
        ("postgresql://ann:secret@host/db", "t", "postgresql is not read yet"),
        ("none.csv", None, "there is no such file"),
        (".", None, "is a folder"),
        ("book.xlsx", None, "the ending .xlsx is not known"),
        ("plain.csv", "t", "is no database"),
        ("empty.csv", None, "the file is empty"),
        ("header.csv", None, "has a header and no rows"),
        ("one.csv", None, "has one column, 'a'"),
        ("ragged.csv", None, "line 3 has 3 cells"),
        ("doubled.csv", None, "names columns twice: 'a'"),
        ("ours.csv", None, "start with __runner_ are ours"),
        ("cut.parquet", None, "cut short or damaged"),
    ],
)
def test_what_cannot_be_taken_in_is_told(workspace: Workspace, shop: Path, monkeypatch: pytest.MonkeyPatch, data: str, table: str | None, told: str) -> None:
    monkeypatch.chdir(shop.parent)
    pl.DataFrame(COLUMNS).write_parquet("cut.parquet")
    whole = Path("cut.parquet").read_bytes()
    texts = {"plain.csv": "a,b\n1,2\n", "empty.csv": "", "header.csv": "a,b\n", "one.csv": "a\n1\n", "book.xlsx": "x", "cut.parquet": whole[:-99]}
    texts |= {"ragged.csv": "a,b\n1,2\n1,2,3\n", "doubled.csv": "a,a\n1,2\n", "ours.csv": "a,__runner_x\n1,2\n"}
    for name, content in texts.items():
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(FaultsError) as caught:
        take_in(workspace, data, table, False)
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (workspace.root / "data").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(workspace: Workspace, outside: Path) -> None:
    outside.write_text("a,b\n1,2\n")
    outside.chmod(0)
    with pytest.raises(FaultsError, match="cannot be read"):
        take_in(workspace, str(outside), None, False)
