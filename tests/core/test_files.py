"""Files appear whole or not at all."""

import json
from pathlib import Path

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.core.files import beside, folder_beside, read_json, write_json, write_parquet, write_text


class Killed(BaseException):
    """Stands for a process that ends in the middle of a write."""


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with pytest.raises(Killed), beside(target) as scratch:
        scratch.write_text("half")
        raise Killed
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupted_folder_leaves_the_old_folder(tmp_path: Path) -> None:
    with folder_beside(tmp_path / "f") as scratch:
        (scratch / "a").write_text("old")
    with pytest.raises(Killed), folder_beside(tmp_path / "f") as scratch:
        (scratch / "a").write_text("half")
        raise Killed
    assert (tmp_path / "f" / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with folder_beside(tmp_path / "f") as scratch:
            (scratch / name).write_text(name)
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["second"]


def test_json_is_sorted_and_refuses_numbers_that_json_has_not(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 0.1, "a": "ü"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "a": "ü",\n  "b": 0.1\n}\n'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"a": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_damaged_json_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": 1})[:4])
    with pytest.raises(FaultsError, match="not readable as JSON"):
        read_json(tmp_path / "a.json")


def test_parquet_bytes_depend_on_the_rows_alone(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": range(1000), "b": [str(i % 7) for i in range(1000)]})
    write_parquet(tmp_path / "whole.parquet", rows)
    write_parquet(tmp_path / "pieces.parquet", pl.concat([rows[:100], rows[100:900], rows[900:]], rechunk=False))
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()
