from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.core.faults import FaultsError
from runner.data.load import open_all, read
from runner.data.sources import records, regular
from runner.data.sources.csv import CsvSpec, scan
from runner.data.sources.parquet import ParquetSpec
from runner.data.unreadable import UnreadableError

CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def load(root: Path, spec: Any) -> pl.DataFrame:
    source = open_all({"rows": spec}, {}, root)["rows"]
    return read(source, list(source.schema))


def message(root: Path, spec: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        load(root, spec)
    (fault,) = caught.value.faults
    assert fault.at.startswith("data.sources.rows")
    assert fault.expected
    return fault.wrong


@IN_ONE_FOLDER
@given(st.lists(st.tuples(CELLS, CELLS), max_size=8), st.sampled_from([",", ";", "\t"]), st.booleans())
def test_csv_cells_come_back_as_they_were_written(tmp_path: Path, rows: list[tuple[str, str]], separator: str, has_mark: bool) -> None:
    text = io.StringIO(newline="")
    written = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    written.writerows([("a", "b"), *rows])
    path = tmp_path / "rows.csv"
    path.write_bytes((b"\xef\xbb\xbf" if has_mark else b"") + text.getvalue().encode())
    found = scan(CsvSpec(kind="csv", path="rows.csv", separator=separator, null_values=[]), path).collect()
    assert found.columns == ["a", "b"]
    assert found.rows() == rows


@IN_ONE_FOLDER
@given(st.binary(max_size=200))
def test_csv_of_any_bytes_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    try:
        load(tmp_path, CsvSpec(kind="csv", path="rows.csv"))
    except FaultsError as error:
        assert "rows.csv" in str(error)


@IN_ONE_FOLDER
@given(st.text(st.sampled_from('aé," \n\r\0'), max_size=12), st.sampled_from([3, 1 << 20]), st.sampled_from([[], ["", "a"], ['a"']]))
def test_csv_read_fast_is_what_the_strict_reader_makes_of_it(tmp_path: Path, text: str, block: int, marks: list[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(f"x,y\n{text}".encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(regular, "BLOCK", block)
        try:
            strict = [tuple(None if cell in marks else cell for cell in row) for frame in records.frames(path, "utf-8", ",") for row in frame.rows()]
        except UnreadableError as error:
            with pytest.raises(UnreadableError) as caught:
                scan(CsvSpec(kind="csv", path="rows.csv", null_values=marks), path)
            assert caught.value.wrong == error.wrong
        else:
            assert scan(CsvSpec(kind="csv", path="rows.csv", null_values=marks), path).collect().rows() == strict


def test_csv_marks_missing_cells(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('a,b\n,NA\n"",x\n')
    assert load(tmp_path, CsvSpec(kind="csv", path="rows.csv")).rows() == [(None, None), (None, "x")]


CORRUPTIONS = [
    (b"", "is empty"),
    (b"a,b\n1,2\n3\n", "line 3 has 1 cell"),
    (b"a,b\n1,2\n3,4,5\n", "line 3 has 3 cells"),
    (b"a,b\n\n1,2\n", "line 2 is empty"),
    (b"a,b\n1,\xe9t\xe9\n", "line 2 is not UTF-8: byte 0xe9 at position 3"),
    (b"\xff\xfea\x00,\x00b\x00\n\x00", "UTF-16"),
    ("a,b\n1,2\n".encode("utf-16-le"), "UTF-16"),
    ("a,b\n1,2\n".encode("utf-16-be"), "UTF-16"),
    (b"a;b\n1,5;2\n", "line 1 is one cell with ';' in it: 'a;b'"),
    (b"a\tb\n1\t2\n", "line 1 is one cell with '\\t' in it"),
    (b"a,b\n1,2\n1,\x002\n", "line 3 has a NUL byte"),
    (b'a,b\n1,"2\n3,4\n', "line 3: unexpected end of data"),
    (b'a,b\n1,"2"x\n', "line 2: ',' expected after '\"'"),
    (b"a,b,a\n1,2,3\n", "line 1 names columns twice: 'a'"),
]


@pytest.mark.parametrize(("content", "said"), CORRUPTIONS)
def test_a_damaged_csv_is_refused_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "rows.csv").write_bytes(content)
    found = message(tmp_path, CsvSpec(kind="csv", path="rows.csv"))
    assert found.startswith("rows.csv")
    assert said in found


def test_a_csv_of_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n\n")
    assert load(tmp_path, CsvSpec(kind="csv", path="rows.csv")).shape == (0, 2)


def test_a_cut_parquet_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": range(500), "b": [str(i) for i in range(500)]}).write_parquet(path)
    whole = path.read_bytes()
    for cut in range(20):
        path.write_bytes(whole[: len(whole) * cut // 20])
        assert message(tmp_path, ParquetSpec(kind="parquet", path="rows.parquet")).startswith("rows.parquet")


def test_a_parquet_with_a_flipped_bit_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": range(50), "b": [str(i) for i in range(50)]}).write_parquet(path)
    whole = path.read_bytes()
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            load(tmp_path, ParquetSpec(kind="parquet", path="rows.parquet"))
        except FaultsError as error:
            assert "rows.parquet" in str(error)


def test_text_is_not_parquet(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").write_text("a,b\n1,2\n")
    assert message(tmp_path, ParquetSpec(kind="parquet", path="rows.parquet")) == "rows.parquet: the file is not Parquet"


def test_every_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    sources = {
        "a": ParquetSpec(kind="parquet", path="data/none.parquet"),
        "b": CsvSpec(kind="csv", path="folder"),
        "c": ParquetSpec(kind="parquet", path="folder"),
        "d": ParquetSpec(kind="parquet", path="folder/*.parquet"),
    }
    with pytest.raises(FaultsError) as caught:
        open_all(sources, {}, tmp_path)
    assert [f.wrong for f in caught.value.faults] == [
        "data/none.parquet is missing",
        "folder is not a file",
        "folder: is a folder that holds no .parquet file",
        "folder/*.parquet: matches no file",
    ]


@pytest.mark.parametrize("path", ["../x.parquet", "/etc/passwd", "link/x.parquet"])
def test_a_path_out_of_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    assert "leaves the workspace" in message(root, ParquetSpec(kind="parquet", path=path))


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    source = open_all({"rows": ParquetSpec(kind="parquet", path="rows.parquet")}, {}, tmp_path)["rows"]
    pl.DataFrame({"a": [1, 2]}).write_parquet(path)
    with pytest.raises(FaultsError, match=r"changed while it was read|damaged"):
        read(source, ["a"])


def test_a_source_derives_its_own_columns_in_order(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\n2\n")
    spec = CsvSpec(kind="csv", path="rows.csv", derive={"n": "CAST(a AS BIGINT)", "double": "2 * n"})
    source = open_all({"rows": spec}, {}, tmp_path)["rows"]
    assert read(source, ["double"])["double"].to_list() == [2, 4]


def test_a_derived_value_that_cannot_be_computed_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a\n1\nx\n")
    spec = CsvSpec(kind="csv", path="rows.csv", derive={"n": "CAST(a AS BIGINT)"})
    source = open_all({"rows": spec}, {}, tmp_path)["rows"]
    with pytest.raises(FaultsError, match=r"data\.sources\.rows\.derive\.n: `CAST\(a AS BIGINT\)` cannot be computed"):
        read(source, ["n"])
