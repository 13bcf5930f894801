"""What each kind of file source reads, and what it says of files that are not as they should be."""

from __future__ import annotations

import gzip
import json
import random
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.data.load import check_unchanged, newest, open_all, read
from runner.data.reach import reach
from runner.data.sources import csv, excel, regular
from runner.data.spec import DataSpec

ROWS = pl.DataFrame({"id": range(300), "name": [f"n{i}" for i in range(300)], "price": [i / 4 for i in range(300)]})


def opened(root: Path, **declared: Any) -> Any:
    from runner.core.registry import kinds

    return open_all({"rows": kinds("source")[declared["kind"]].model_validate(declared)}, {}, root)["rows"]


def load(root: Path, **declared: Any) -> pl.DataFrame:
    source = opened(root, **declared)
    return read(source, list(source.schema))


def told(root: Path, **declared: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        load(root, **declared)
    (fault,) = caught.value.faults
    assert fault.at.startswith("data.sources.rows")
    assert fault.expected
    return fault.wrong


# ---- text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encoding_and_separator_are_found_where_asked_for_and_declared_otherwise(tmp_path: Path, encoding: str, separator: str) -> None:
    rows = pl.DataFrame({"city": ["Zürich", 'say "hé"', "two\nlines"], "n": ["1,5", "2;5", "3"]})
    (tmp_path / "rows.csv").write_bytes(rows.write_csv(separator=separator).encode(encoding))
    found = opened(tmp_path, kind="csv", path="rows.csv", encoding="auto", separator="auto")
    assert read(found, found.schema).equals(rows)
    assert found.told["separator"] == separator
    assert load(tmp_path, kind="csv", path="rows.csv", encoding=encoding, separator=separator).equals(rows)


def test_a_tsv_has_tabs_unless_it_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("a\tb\n1\t2,5\n")
    assert load(tmp_path, kind="csv", path="rows.tsv").rows() == [("1", "2,5")]


def test_what_is_no_text_is_told_as_what_it_is(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    ROWS.write_ipc(tmp_path / "a.arrow")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("rows.csv", ROWS.write_csv())
    made = {
        "compressed with gzip": gzip.compress(ROWS.write_csv().encode()),
        "a ZIP archive": (tmp_path / "a.zip").read_bytes(),
        "an HTML page": b"\n<!DOCTYPE html><html>Sign in</html>",
        "the file is Parquet": (tmp_path / "a.parquet").read_bytes(),
        "Arrow IPC": (tmp_path / "a.arrow").read_bytes(),
    }
    for said, content in made.items():
        (tmp_path / "rows.csv").write_bytes(content)
        assert said in told(tmp_path, kind="csv", path="rows.csv")
    (tmp_path / "rows.csv").write_text("PAR1,BZh\n1,2\n")
    assert load(tmp_path, kind="csv", path="rows.csv").columns == ["PAR1", "BZh"]


def test_a_pattern_of_files_is_for_parquet_alone(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    assert told(tmp_path, kind="csv", path="*.csv") == "*.csv: is a pattern, and the kind csv reads one file"


def test_text_that_is_not_in_its_declared_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"a,b\n1,\x81\n")
    assert "not cp1252" in told(tmp_path, kind="csv", path="rows.csv", encoding="cp1252")
    (tmp_path / "rows.csv").write_bytes("a,b\n1,2\n".encode("utf-16")[:-1])
    assert "not utf-16" in told(tmp_path, kind="csv", path="rows.csv", encoding="utf-16")


@pytest.mark.parametrize(("key", "value"), [("encoding", "klingon"), ("encoding", "base64"), ("separator", '"'), ("separator", "ab"), ("separator", "\n")])
def test_a_dialect_that_cannot_be_is_refused(key: str, value: str) -> None:
    with pytest.raises(ValueError, match=key):
        csv.CsvSpec.model_validate({"kind": "csv", "path": "a.csv", key: value})


@pytest.mark.parametrize("block", [5, 64, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_is_the_same_in_blocks_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, encoding: str) -> None:
    monkeypatch.setattr(regular, "BLOCK", block)
    rows = pl.DataFrame({"a": ["x", 'q"q', "l\nl", "é", ""] * 20, "b": [str(i) for i in range(100)]})
    (tmp_path / "rows.csv").write_bytes(rows.write_csv(line_terminator="\r\n").encode(encoding))
    assert load(tmp_path, kind="csv", path="rows.csv", encoding=encoding, null_values=[]).equals(rows)


def test_only_the_columns_that_are_asked_for_leave_the_file(tmp_path: Path) -> None:
    for encoding in ("utf-8", "latin-1"):
        (tmp_path / "rows.csv").write_bytes(ROWS.write_csv().encode(encoding))
        lazy = opened(tmp_path, kind="csv", path="rows.csv", encoding=encoding).raw
        assert "PROJECT 1/3" in lazy.select("price").explain()
        assert lazy.filter(pl.col("id") == "7").select("name").collect().rows() == [("n7",)]


@pytest.mark.parametrize("content", ['a,b\n"', 'a,b\n1,"' + "x" * (1 << 25), "a,b\n1," + "y" * (1 << 25)], ids=["open quote", "huge open cell", "huge cell"])
def test_a_cell_without_end_is_refused_in_bounded_memory(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows.csv").write_text(content)
    assert "line 2" in told(tmp_path, kind="csv", path="rows.csv")


def test_a_hundred_thousand_columns_are_read(tmp_path: Path) -> None:
    n = 100_000
    (tmp_path / "rows.csv").write_text(",".join(f"c{i}" for i in range(n)) + "\n" + ",".join(["1"] * n) + "\n")
    found = opened(tmp_path, kind="csv", path="rows.csv", null_values=[])
    assert len(found.schema) == n
    assert read(found, ["c99999"]).rows() == [("1",)]
    pl.DataFrame({f"c{i}": [1] for i in range(20_000)}).write_parquet(tmp_path / "rows.parquet")
    assert read(opened(tmp_path, kind="parquet", path="rows.parquet"), ["c19999"]).rows() == [(1,)]


# ---- many Parquet files ----------------------------------------------------------------------------------------------


def parts(root: Path) -> None:
    for n, folder in enumerate(["sales/year=2025/month=12", "sales/year=2026/month=01", "sales/year=2026/month=02"]):
        (root / folder).mkdir(parents=True)
        ROWS.slice(100 * n, 100).write_parquet(root / folder / "part-0.parquet")
    (root / "sales/_SUCCESS").write_text("")
    (root / "sales/.part.crc").write_text("")


def test_a_partitioned_folder_is_read_in_the_order_of_its_paths_with_its_keys_as_text(tmp_path: Path) -> None:
    parts(tmp_path)
    found = load(tmp_path, kind="parquet", path="sales")
    assert found.drop("year", "month").equals(ROWS)
    assert found.select("year", "month").unique(maintain_order=True).rows() == [("2025", "12"), ("2026", "01"), ("2026", "02")]
    some = load(tmp_path, kind="parquet", path="sales/year=2026/*/*.parquet")
    assert (some.height, some.columns) == (200, [*ROWS.columns, "month"])
    record = opened(tmp_path, kind="parquet", path="sales").record(300)
    assert (record["files"], record["rows"], record["columns"]) == (3, 300, 5)
    assert record["bytes"] == sum(file.stat().st_size for file in tmp_path.rglob("*.parquet"))


def test_the_digest_of_many_files_is_of_their_names_and_content(tmp_path: Path) -> None:
    parts(tmp_path)
    before = opened(tmp_path, kind="parquet", path="sales").sha256
    (tmp_path / "sales/_SUCCESS").write_text("again")
    assert opened(tmp_path, kind="parquet", path="sales").sha256 == before
    source = opened(tmp_path, kind="parquet", path="sales")
    ROWS.head(1).write_parquet(tmp_path / "sales/year=2026/month=02/part-1.parquet")
    assert opened(tmp_path, kind="parquet", path="sales").sha256 != before
    ROWS.head(2).write_parquet(tmp_path / "sales/year=2026/month=02/part-0.parquet")
    with pytest.raises(FaultsError, match="sales changed while it was read"):
        check_unchanged(source)


def test_files_that_do_not_fit_together_are_named(tmp_path: Path) -> None:
    (tmp_path / "sales").mkdir()
    ROWS.write_parquet(tmp_path / "sales/a.parquet")
    ROWS.with_columns(pl.col("id").cast(pl.String)).rename({"name": "title"}).write_parquet(tmp_path / "sales/b.parquet")
    assert told(tmp_path, kind="parquet", path="sales") == "sales: b.parquet has 'title', lacks 'name', holds 'id' as String where a.parquet has Int64"
    (tmp_path / "sales/b.parquet").write_bytes((tmp_path / "sales/a.parquet").read_bytes()[:-9])
    assert "b.parquet: the file is cut short" in told(tmp_path, kind="parquet", path="sales")
    (tmp_path / "sales/b.parquet").unlink()
    (tmp_path / "elsewhere.parquet").write_bytes((tmp_path / "sales/a.parquet").read_bytes())
    (tmp_path / "sales/b.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    assert "a link that leads out of the folder" in told(tmp_path, kind="parquet", path="sales")


# ---- damage ----------------------------------------------------------------------------------------------------------

WRITERS = {"parquet": pl.DataFrame.write_parquet, "ipc": pl.DataFrame.write_ipc, "excel": pl.DataFrame.write_excel, "ndjson": pl.DataFrame.write_ndjson}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_that_is_cut_or_has_a_flipped_bit_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("rows.xlsx" if kind == "excel" else "rows.bin")
    WRITERS[kind](ROWS, path)
    whole = path.read_bytes()
    draw = random.Random(7)
    flipped = [(at, 1 << draw.randrange(8)) for at in [draw.randrange(len(whole)) for _ in range(20)]]
    damaged = [whole[: len(whole) * n // 20] for n in range(20)]
    damaged += [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at, bit in flipped]
    # The footer of a Parquet file is where it could lie about what there is.
    damaged += [whole[:-at] + bytes([whole[-at] ^ 255]) + whole[len(whole) - at + 1 :] for at in range(2, 22)] if kind == "parquet" else []
    for n, content in enumerate(damaged):
        path.write_bytes(content)
        try:
            found = load(tmp_path, kind=kind, path=path.name)
        except FaultsError as error:
            assert path.name in str(error)
        else:
            assert n >= 20 or found.height < 300, "a cut file was taken for a whole one"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    for kind, writer in WRITERS.items():
        path = tmp_path / ("rows.xlsx" if kind == "excel" else f"rows.{kind}")
        writer(ROWS, path)
        source = opened(tmp_path, kind=kind, path=path.name)
        writer(ROWS.head(10), path)
        with pytest.raises(FaultsError, match=r"changed while it was read|damaged"):
            read(source, ["id"])


# ---- NDJSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('{"a": 1}\n{"a": ', "line 2 is no JSON"),
        ('{"a": 1}\n[1, 2]\n', "line 2 is no object: '[1, 2]'"),
        ('{"a": NaN}\n', "line 1 is no JSON: NaN is no JSON number"),
        ('{"a": 1}\n{"a": true}\n', "do not fit together"),
        ('{"a": 9007199254740993}\n{"a": 0.5}\n', "line 1: 'a' is 9007199254740993, which a column with fractions would round"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}\n", "line 1 is nested deeper than 64 levels"),
        ('{"a": "' + "x" * (1 << 24) + '"}\n', "longer than 16,777,216 bytes"),
        ('\ufeff{"a": 1}\n', "byte order mark"),
        ('{"a": "\0"}\n', "line 1 has a NUL byte"),
    ],
)
def test_ndjson_that_is_not_right_is_refused_with_its_line(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "rows.ndjson").write_text(lines, encoding="utf-8")
    assert said in told(tmp_path, kind="ndjson", path="rows.ndjson")


def test_ndjson_keeps_numbers_and_text_whatever_comes_late(tmp_path: Path) -> None:
    lines = [json.dumps({"a": i, "b": "[[[{" * 20}) for i in range(2000)] + ['{"a": 18446744073709551616, "c": "late"}']
    (tmp_path / "rows.ndjson").write_text("\n".join(lines))
    found = load(tmp_path, kind="ndjson", path="rows.ndjson")
    assert found.row(-1) == (18446744073709551616, None, "late")


# ---- workbooks -------------------------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path: Path) -> Path:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as made:
        sheet = made.add_worksheet("orders 2026")
        sheet.write_row(0, 0, ["Orders of the shop"])
        sheet.write_row(2, 0, ["id", "mixed", "day", "sum"])
        for n in range(3):
            sheet.write_row(3 + n, 0, [f"00{n}", n if n else "none"])
            sheet.write_datetime(3 + n, 2, datetime(2026, 2, 27 + n % 2), made.add_format({"num_format": "yyyy-mm-dd"}))
            sheet.write_formula(3 + n, 3, "=1/0", None, "#DIV/0!" if n == 1 else n)
        made.add_worksheet("notes").write_row(0, 0, ["a", "a"])
    return tmp_path


def test_a_sheet_is_read_below_its_header(book: Path) -> None:
    found = load(book, kind="excel", path="book.xlsx", sheet="orders 2026", header_row=3)
    assert found.select("id", "mixed", "sum").rows() == [("000", "none", 0.0), ("001", "1", None), ("002", "2", 2.0)]
    assert found["day"].dt.to_string("%Y-%m-%d").to_list() == ["2026-02-27", "2026-02-28", "2026-02-27"]


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({}, "it has 2 sheets"),
        ({"sheet": "orders"}, "there is no sheet 'orders'"),
        ({"sheet": "notes"}, "row 1 names columns twice: 'a'"),
        ({"sheet": "orders 2026", "header_row": 2}, "row 2 of the sheet 'orders 2026' is empty"),
    ],
)
def test_a_sheet_that_cannot_be_meant_is_refused(book: Path, declared: dict[str, Any], said: str) -> None:
    assert said in told(book, kind="excel", path="book.xlsx", **declared)


def test_cells_with_an_error_are_counted_and_named(book: Path) -> None:
    found = opened(book, kind="excel", path="book.xlsx", sheet="orders 2026", header_row=3)
    assert found.told == {"error_cells": {"sheet": "orders 2026", "cells": 1, "first": ["D5 #DIV/0!"]}}


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(excel, "LARGEST", 1 << 24)
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * (1 << 25))
    assert (tmp_path / "bomb.xlsx").stat().st_size < 1 << 17
    assert "unpacks to more than" in told(tmp_path, kind="excel", path="bomb.xlsx")


# ---- Delta Lake ------------------------------------------------------------------------------------------------------


def test_a_delta_table_is_read_at_its_pinned_version(tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    ROWS.write_delta(tmp_path / "table")
    pinned = opened(tmp_path, kind="delta", path="table", version=0)
    ROWS.head(5).write_delta(tmp_path / "table", mode="append")
    assert opened(tmp_path, kind="delta", path="table", version=0).sha256 == pinned.sha256
    assert load(tmp_path, kind="delta", path="table", version=0).sort("id").equals(ROWS)
    latest = opened(tmp_path, kind="delta", path="table")
    assert (latest.told["version"], read(latest, ["id"]).height) == (1, 305)
    assert "has no version 7" in told(tmp_path, kind="delta", path="table", version=7)
    assert "holds no Delta table" in told(tmp_path, kind="delta", path=".")
    pinned.files[0].unlink()
    assert "version 0 of the table names " in told(tmp_path, kind="delta", path="table", version=0)
    for log in (tmp_path / "table/_delta_log").glob("*.json"):
        log.write_text("{")
    assert told(tmp_path, kind="delta", path="table") == "table: is damaged: its log cannot be read"


def test_a_library_that_is_not_installed_is_named_with_its_extra(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastexcel", None)
    with pytest.raises(FaultsError) as caught:
        load(book, kind="excel", path="book.xlsx")
    (fault,) = caught.value.faults
    assert fault.wrong == "book.xlsx: needs fastexcel, which is not installed"
    assert fault.hint == "pip install 'runner[sources]'"


# ---- pins, event time, freshness -------------------------------------------------------------------------------------


def test_a_pinned_source_is_refused_when_it_is_another_version(tmp_path: Path) -> None:
    from hashlib import md5

    path = tmp_path / "rows.parquet"
    ROWS.write_parquet(path)
    declared = {"kind": "parquet", "path": "rows.parquet"}
    pins = {"sha256": opened(tmp_path, **declared).sha256, "md5": md5(path.read_bytes(), usedforsecurity=False).hexdigest()}
    assert load(tmp_path, **declared, **pins).equals(ROWS)
    ROWS.head(9).write_parquet(path)
    for key, pin in pins.items():
        assert "is not the pinned version" in told(tmp_path, **declared, **{key: pin})


def test_the_newest_event_time_is_recorded_whatever_holds_it(tmp_path: Path) -> None:
    times = ["2026-02-28 23:59:59", "2026-03-01", None]
    pl.DataFrame({"at": times, "n": [1, 2, 3]}).write_csv(tmp_path / "rows.csv")
    derived = {"kind": "csv", "path": "rows.csv", "derive": {"day": "CAST(at AS VARCHAR)"}}
    for column in ("at", "day"):
        source = opened(tmp_path, **derived, time=column)
        assert newest(source) == source.record(3)["newest"] == "2026-03-01T00:00:00Z"
    assert "holds '1'" in told_of_time(tmp_path, time="n")
    with pytest.raises(FaultsError, match="has no column 'att'"):
        opened(tmp_path, **derived, time="att")


def told_of_time(root: Path, time: str) -> str:
    with pytest.raises(FaultsError) as caught:
        newest(opened(root, kind="csv", path="rows.csv", time=time))
    return str(caught.value)


def data(**sources: Any) -> DataSpec:
    columns = {"id": {"type": "int"}}
    return DataSpec.model_validate({"sources": sources, "primary": "rows", "columns": columns, "split": {"kind": "stratified"}})


def test_an_inventory_tells_age_and_state_of_each_source(tmp_path: Path) -> None:
    ROWS.with_columns(at=pl.lit("2026-01-01")).write_csv(tmp_path / "rows.csv")
    now = datetime(2026, 1, 3, tzinfo=UTC)
    spec = data(
        rows={"kind": "csv", "path": "rows.csv", "time": "at", "max_age_hours": 48.0},
        late={"kind": "csv", "path": "rows.csv", "time": "at", "max_age_hours": 47.0},
        gone={"kind": "csv", "path": "gone.csv"},
        shop={"kind": "sql", "path": "shop.parquet", "database": "none.sqlite", "table": "orders"},
    )
    found = {one.name: one for one in reach(spec, tmp_path, live=True, now=now)}
    assert {name: one.state for name, one in found.items()} == {"rows": "reachable", "late": "stale", "gone": "missing", "shop": "missing"}
    assert (found["rows"].age_hours, found["rows"].newest) == (48.0, "2026-01-01T00:00:00Z")
    assert "its newest row is of 2026-01-01T00:00:00Z, 48.0 hours ago" in found["late"].faults[0].wrong
    assert "there is no database none.sqlite" in found["shop"].live
    assert "data fetch" in found["shop"].faults[0].hint
