"""The pass slice by slice against the pass in one: the same bytes, or the same messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.faults import FaultsError
from runner.core.files import write_json
from runner.core.stage import Given
from runner.data import stage
from runner.data.kept import private_folder
from runner.data.spec import DataSpec
from runner.problem.task import Task

START = datetime(2024, 2, 28, 20)
FILES = ("train", "sealed_test", "split", "folds", "contract", "quarantine", "data_report")


def stays(n: int, odd: dict[int, dict[str, Any]]) -> pl.DataFrame:
    """Hotel stays, some of them odd: row to the values that are other there."""
    rows = [
        {
            "id": str(i),
            "guest": f"g{i % 7}",
            "booked": (START + timedelta(hours=i)).isoformat() + "Z",
            "price": float(i % 13),
            "room": "double" if i % 3 else "single",
            "cancelled": i % 4 == 0,
        }
        | odd.get(i, {})
        for i in range(n)
    ]
    return pl.DataFrame(
        rows, schema={"id": pl.String, "guest": pl.String, "booked": pl.String, "price": pl.Float64, "room": pl.String, "cancelled": pl.Boolean}
    )


DATA: dict[str, Any] = {
    "sources": {name: {"kind": "parquet", "path": f"{name}.parquet"} for name in ("stays", "guests", "rates")},
    "primary": "stays",
    "joins": {
        "guest": {"kind": "lookup", "source": "guests", "keys": {"guest": "name"}, "columns": {"country": "country"}},
        "rate": {"kind": "asof", "source": "rates", "time": "booked", "source_time": "at", "lag_hours": 1.0, "columns": {"rate": "rate"}},
        "past": {
            "kind": "history",
            "source": "stays",
            "by": {"guest": "guest"},
            "time": "booked",
            "source_time": "booked",
            "aggregates": {"stays": {"how": "count"}, "spent": {"how": "mean", "of": "price", "within_days": 1}},
        },
    },
    "derive": {"share": "price / NULLIF(rate, 0)"},
    "filter": "room <> 'closed' OR room IS NULL",
    "columns": {
        "cancelled": {"type": "bool"},
        "id": {"type": "int", "unique": True},
        "booked": {"type": "datetime", "max_age_hours": 60},
        "price": {"type": "float", "nullable": True, "min": 0, "on_fail": "warn"},
        "room": {"type": "string", "allowed": ["single", "double"], "tolerated_share": 0.1},
        "country": {"type": "string", "nullable": True},
        "rate": {"type": "float", "nullable": True},
        "share": {"type": "float", "nullable": True},
        "stays": {"type": "int"},
        "spent": {"type": "float", "nullable": True},
    },
    "rules": {"cheap": {"sql": "price < 12 OR stays > 0", "tolerated_share": 0.02}},
    "table_rules": {"enough": {"sql": "COUNT(*) > 20 AND AVG(price) BETWEEN 0 AND 50"}},
    "unique": ["booked", "room"],
    "max_quarantined_share": 0.5,
    "split": {"kind": "by_time", "column": "booked", "folds": 2},
}
TASK = Task("binary", "cancelled", "a stay", "true", ("false", "true"), ("id",), "booked", min_rows=5)
Passing = Callable[[int], dict[str, str] | str]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with TemporaryDirectory() as made:
        root = Path(made)
        pl.DataFrame({"name": [f"g{i}" for i in range(6)], "country": ["DE", "FR", None, "IT", "ES", "PL"]}).write_parquet(root / "guests.parquet")
        pl.DataFrame({"at": [START + timedelta(hours=5 * i) for i in range(8)], "rate": [float(i) for i in range(8)]}).with_columns(
            pl.col("at").dt.replace_time_zone("UTC")
        ).write_parquet(root / "rates.parquet")
        write_json(root / "task.json", TASK.as_json())
        yield root


def passed(root: Path, slice_rows: int, **changes: Any) -> dict[str, str] | str:
    """Digests of all that the room writes, or what it says."""
    out = {name: root / f"out{slice_rows}" / name for name in FILES}
    given_all = Given({"task": root / "task.json"}, "stays", 1, root, root / ".runner")
    try:
        stage.run(DataSpec.model_validate(DATA | changes), given_all, out, slice_rows)
    except FaultsError as error:
        return str(error)
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in out.items()}


ODD = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["3", "50", "7"]),
        "guest": st.none() | st.just("stranger"),
        "booked": st.sampled_from(["2024-02-29T23:00:00+05:30", "2024-02-29", "2023-12-01T00:00:00Z", "2024-03-01T00:00:00Z"]),
        "price": st.none() | st.sampled_from([-1.0, float("nan"), float("inf"), 12.0]),
        "room": st.none() | st.sampled_from(["cave", "closed"]),
        "cancelled": st.none(),
    },
)


@settings(max_examples=8)
@given(st.dictionaries(st.integers(0, 59), ODD, max_size=6), st.sampled_from([1, 7, 20, 59]))
def test_slices_change_no_byte_and_no_message(folder: Path, odd: dict[int, dict[str, Any]], slice_rows: int) -> None:
    stays(60, odd).write_parquet(folder / "stays.parquet", row_group_size=16)
    assert passed(folder, slice_rows) == passed(folder, 1000)


@pytest.mark.parametrize("n_rows", [0, 1, 7, 14])
def test_slices_that_come_out_even_lose_no_row(folder: Path, n_rows: int) -> None:
    stays(n_rows, {}).write_parquet(folder / "stays.parquet")
    assert passed(folder, 7, table_rules={}) == passed(folder, 1000, table_rules={})


def test_messages_name_the_rows_of_the_source(folder: Path) -> None:
    stays(60, {5: {"room": "closed"}, 41: {"price": float("inf")}, 44: {"id": "x"}}).write_parquet(folder / "stays.parquet")
    said = passed(folder, 7)
    assert "column 'id': String where int is declared: 1 row cannot be cast, first row 44 (from 0) with 'x'" in said
    stays(60, {5: {"room": "closed"}, 41: {"price": -1.0}}).write_parquet(folder / "stays.parquet")
    columns = DATA["columns"] | {"price": {"type": "float", "min": 0, "on_fail": "reject"}}
    assert "1 of 59 rows of stays.parquet break price.minimum, first row 41 (from 0) with -1.0" in passed(folder, 7, columns=columns)


def test_everything_that_stops_the_run_is_said_at_once(folder: Path) -> None:
    stays(60, {n: {"room": "cave", "price": -1.0} for n in range(40)}).write_parquet(folder / "stays.parquet")
    columns = DATA["columns"] | {"price": {"type": "float", "min": 0, "on_fail": "reject"}}
    said = passed(folder, 7, columns=columns, table_rules={"many": {"sql": "COUNT(*) > 30"}})
    assert [line.split(":")[0] for line in str(said).splitlines() if not line.startswith(" ")] == [
        "data.columns.price",
        "data.max_quarantined_share",
        "data.table_rules.many",
    ]


def test_nothing_stays_of_the_parts(folder: Path) -> None:
    stays(60, {}).write_parquet(folder / "stays.parquet")
    assert isinstance(passed(folder, 7), dict)
    assert list((folder / ".runner" / "passes").iterdir()) == []
    report = json.loads((folder / "out7" / "data_report").read_text())
    assert report["joins"]["past"]["matched"] == 60 - 7


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    left = tmp_path / "passes" / "left"
    left.mkdir(parents=True)
    (left / "000001.parquet").write_bytes(b"part")
    left.with_suffix(".lock").touch()
    with private_folder(tmp_path) as mine:
        assert not left.exists()
        with private_folder(tmp_path) as other:
            assert mine.is_dir()
            assert other != mine
    assert list((tmp_path / "passes").iterdir()) == []
