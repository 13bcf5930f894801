from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError, RefusedError
from runner.core.files import write_json
from runner.core.stage import Done, Given
from runner.data import stage
from runner.data.spec import DataSpec
from runner.problem.task import Task

NAMES = {
    "train": "train.parquet",
    "sealed_test": "sealed_test.parquet",
    "split": "split.json",
    "folds": "folds.parquet",
    "contract": "contract.json",
    "quarantine": "quarantine.parquet",
    "data_report": "data.json",
}
N_ROWS = 200


@dataclass(frozen=True)
class Made:
    done: Done
    out: Mapping[str, Path]

    def rows(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.out[name])

    def json(self, name: str) -> Any:
        return json.loads(self.out[name].read_text())

    def gates(self) -> dict[str, str]:
        return {gate.name: gate.status for gate in self.done.gates}

    def findings(self) -> list[str]:
        return [f["what"] for f in self.json("data_report")["findings"]]


Room = Callable[..., Made]


def loans(**columns: Any) -> pl.DataFrame:
    """200 loans, every fourth one bad."""
    made = {
        "id": list(range(N_ROWS)),
        "amount": [100 + i for i in range(N_ROWS)],
        "home": ["rent" if i % 3 else "own" for i in range(N_ROWS)],
        "rate": [i / 10 for i in range(N_ROWS)],
        "day": [date(2020, 1, 1) + timedelta(days=i) for i in range(N_ROWS)],
        "status": ["bad" if i % 4 == 0 else "good" for i in range(N_ROWS)],
    }
    return pl.DataFrame(made | columns)


COLUMNS: dict[str, Any] = {
    "status": {"type": "string"},
    "id": {"type": "int"},
    "amount": {"type": "int", "min": 1.0},
    "home": {"type": "string", "nullable": True, "allowed": ["rent", "own"]},
    "rate": {"type": "float", "nullable": True},
    "day": {"type": "date"},
}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Runs the room on a table: room(rows, task changes..., data={...})."""

    def run(rows: pl.DataFrame | bytes, data: dict[str, Any] | None = None, columns: dict[str, Any] | None = None, **task: Any) -> Made:
        kind = "csv" if isinstance(rows, bytes) else "parquet"
        path = tmp_path / "data" / "raw" / f"loans.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        else:
            rows.write_parquet(path)
        declared = {
            "sources": {"loans": {"kind": kind, "path": f"data/raw/loans.{kind}"}},
            "primary": "loans",
            "columns": COLUMNS | (columns or {}),
            "split": {"kind": "stratified"},
        }
        told = {"task": "binary", "target": "status", "row": "a loan", "positive": "bad", "labels": ("bad", "good"), "key": ("id",)}
        write_json(tmp_path / "task.json", Task(**(told | {"min_rows": 50, "min_positives": 10} | task)).as_json())
        out = {name: tmp_path / "out" / file for name, file in NAMES.items()}
        given = Given({"task": tmp_path / "task.json"}, "loans", 1, tmp_path, tmp_path / ".runner")
        return Made(stage.run(DataSpec.model_validate(declared | (data or {})), given, out), out)

    return run


def test_every_row_is_in_train_or_test_with_the_contracts_types(room: Room) -> None:
    made = room(loans())
    train, test = made.rows("train"), made.rows("sealed_test")
    assert (train.height, test.height) == (160, 40)
    assert sorted([*train["row_id"], *test["row_id"]]) == list(range(N_ROWS))
    types = [pl.UInt64(), pl.String(), pl.Int64(), pl.Int64(), pl.String(), pl.Float64(), pl.Date()]
    assert train.columns == ["row_id", "status", "id", "amount", "home", "rate", "day"]
    assert train.dtypes == types
    assert train["row_id"].is_sorted()
    assert set(made.gates().values()) == {"passed"}
    assert made.rows("folds").schema == {"row_id": pl.UInt64, "fold": pl.Int8}
    assert made.json("split")["rows"] == {"train": 160, "test": 40}


def test_the_same_input_gives_the_same_bytes(room: Room) -> None:
    first = {name: path.read_bytes() for name, path in room(loans()).out.items()}
    assert {name: path.read_bytes() for name, path in room(loans()).out.items()} == first


def test_the_contract_names_roles_and_order(room: Room) -> None:
    contract = room(loans(), {"rules": {"small": {"sql": "amount < 10000", "on_fail": "warn"}}}, time="day").json("contract")
    assert contract["order"] == ["status", "id", "amount", "home", "rate", "day"]
    assert (contract["target"], contract["key"], contract["time"]) == ("status", ["id"], "day")
    assert contract["columns"]["status"] == {
        "type": "string",
        "from": "string",
        "nullable": False,
        "available": "after_event",
        "allowed": ["bad", "good"],
        "on_fail": "quarantine",
    }
    assert contract["rules"] == {"small": {"sql": "amount < 10000", "on_fail": "warn"}}
    assert len(contract["version"]) == 64


def test_the_report_tells_where_the_rows_came_from(room: Room) -> None:
    report = room(loans()).json("data_report")
    source = report["sources"]["loans"]
    assert (source["path"], source["rows"], source["columns"]) == ("data/raw/loans.parquet", N_ROWS, 6)
    assert len(source["sha256"]) == 64
    assert report["labels"] == {"bad": {"rows": 40, "share": 0.25}, "good": {"rows": 120, "share": 0.75}}
    assert report["columns"]["home"]["top"][0]["value"] == "rent"
    assert "min" not in report["columns"]["id"]


def test_a_csv_is_cast_by_the_contract(room: Room) -> None:
    made = room(loans().write_csv().encode())
    assert made.rows("train").equals(room(loans()).rows("train"))
    assert room(loans().write_csv().encode()).json("data_report")["casts"]["day"] == "from String"


def test_joins_label_and_filter_make_the_rows(room: Room, tmp_path: Path) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    pl.DataFrame({"home": ["rent", "own"], "worth": [1, 2]}).write_parquet(tmp_path / "data" / "raw" / "homes.parquet")
    data = {
        "sources": {
            "loans": {"kind": "parquet", "path": "data/raw/loans.parquet"},
            "homes": {"kind": "parquet", "path": "data/raw/homes.parquet"},
        },
        "joins": {"homes": {"kind": "lookup", "source": "homes", "keys": {"home": "home"}, "columns": {"worth": "worth"}}},
        "derive": {"double": "2 * worth", "more": "double + 1"},
        "label": {"sql": "CASE WHEN rate > 15 THEN 'bad' ELSE 'good' END"},
        "filter": "amount >= 120",
    }
    made = room(loans(status=[None] * N_ROWS), data, {"more": {"type": "int"}})
    assert sorted(made.rows("train")["more"].unique()) == [3, 5]
    assert made.json("data_report")["counts"]["filtered_out"] == 20
    assert made.json("data_report")["joins"]["homes"] == {"kind": "lookup", "source": "homes", "matched": 200, "unmatched": 0, "ties": 0}
    assert made.rows("train").filter(pl.col("rate") > 15)["status"].unique().to_list() == ["bad"]


def with_homes(tmp_path: Path, homes: pl.DataFrame, **columns: str) -> dict[str, Any]:
    """A lookup of what homes are worth."""
    (tmp_path / "data" / "raw").mkdir(parents=True, exist_ok=True)
    homes.write_parquet(tmp_path / "data" / "raw" / "homes.parquet")
    sources = {"loans": {"kind": "parquet", "path": "data/raw/loans.parquet"}, "homes": {"kind": "parquet", "path": "data/raw/homes.parquet"}}
    return {"sources": sources, "joins": {"homes": {"kind": "lookup", "source": "homes", "keys": {"home": "home"}, "columns": columns or {"worth": "worth"}}}}


WORTH = {"worth": {"type": "int", "nullable": True}}


def test_a_join_that_finds_nothing_at_all_is_warned_of(room: Room, tmp_path: Path) -> None:
    empty = pl.DataFrame(schema={"home": pl.String, "worth": pl.Int64})
    (found,) = (f for f in room(loans(), with_homes(tmp_path, empty), WORTH).json("data_report")["findings"] if f["kind"] == "unmatched")
    assert (found["severity"], found["evidence"]) == ("warned", "200 rows found nothing in homes and got missing values; homes has no rows")


def test_keys_that_differ_by_case_or_spaces_are_told(room: Room, tmp_path: Path) -> None:
    homes = pl.DataFrame({"home": ["RENT ", "own"], "worth": [1, 2]})
    (found,) = (f for f in room(loans(), with_homes(tmp_path, homes), WORTH).json("data_report")["findings"] if f["kind"] == "unmatched")
    assert found["severity"] == "info"
    assert f"{found['rows']} of them would find a row if case and spaces" in found["evidence"]
    assert "LOWER(TRIM(...))" in found["next"]


def test_a_mistyped_column_of_a_join_is_one_fault(room: Room, tmp_path: Path) -> None:
    homes = pl.DataFrame({"home": ["rent", "own"], "worth": [1, 2]})
    with pytest.raises(FaultsError) as caught:
        room(loans(), with_homes(tmp_path, homes, worth="wort"), WORTH)
    assert len(caught.value.faults) == 1, caught.value.faults


def test_rows_that_break_the_contract_are_set_aside_with_reasons(room: Room) -> None:
    amounts = [0, -1, *range(2, N_ROWS)]
    made = room(loans(amount=amounts, home=["cave", *["rent"] * 198, "own"]))
    aside = made.rows("quarantine")
    assert aside.select("row_id", "source", "reason").rows() == [
        (0, "loans", "amount.minimum; home.allowed"),
        (1, "loans", "amount.minimum"),
    ]
    assert aside["row"].struct.field("amount").to_list() == [0, -1]
    assert made.json("data_report")["quarantine"] == {"amount.minimum": 2, "home.allowed": 1}
    assert made.rows("train").height + made.rows("sealed_test").height == N_ROWS - 2


def test_a_rejecting_column_refuses_with_every_reason(room: Room) -> None:
    columns = {
        "amount": {"type": "int", "min": 110.0, "on_fail": "reject"},
        "home": {"type": "string", "allowed": ["own"], "on_fail": "reject"},
    }
    with pytest.raises(RefusedError) as caught:
        room(loans(), columns=columns)
    first, second = caught.value.faults
    assert first.at == "data.columns.amount"
    assert first.wrong == "10 of 200 rows of data/raw/loans.parquet break amount.minimum, first row 0 (from 0) with 100"
    assert (second.at, second.expected) == ("data.columns.home", "one of 'own'")


def test_a_warning_only_counts(room: Room) -> None:
    made = room(loans(), {"rules": {"cheap": {"sql": "amount < 110", "on_fail": "warn"}}})
    assert made.json("data_report")["warned"] == {"rules.cheap": 190}
    assert made.rows("quarantine").height == 0


def test_too_many_rows_set_aside_refuse(room: Room) -> None:
    with pytest.raises(RefusedError, match=r"100 of 200 rows .* \(50.0%\) break the contract: rate.present 100"):
        room(loans(rate=[None, 1.0] * 100), columns={"rate": {"type": "float"}})


def test_of_doubled_keys_the_first_fine_row_is_kept(room: Room) -> None:
    ids = [5, 5, 5, *range(100, 97 + N_ROWS)]
    made = room(loans(id=ids, amount=[0, *range(1, N_ROWS)]), {"unique": ["id"]})
    assert made.rows("quarantine").select("row_id", "reason").rows() == [(0, "amount.minimum"), (2, "unique")]


def test_nan_is_missing_and_infinity_a_breach(room: Room) -> None:
    made = room(loans(rate=[float("nan"), float("inf"), *[float(i) for i in range(198)]]))
    assert made.rows("quarantine").select("row_id", "reason").rows() == [(1, "rate.finite")]
    both = pl.concat([made.rows("train"), made.rows("sealed_test")])
    assert both.filter(pl.col("row_id") == 0)["rate"].to_list() == [None]


def test_rows_that_share_a_key_are_a_finding_until_it_is_declared_unique(room: Room) -> None:
    rows = loans(id=[*range(195), *range(5)])
    made = room(rows)
    (found,) = [f for f in made.json("data_report")["findings"] if f["what"] == "rows with the same key"]
    shared = made.rows("sealed_test").filter(pl.col("id").is_in(made.rows("train")["id"].to_list())).height
    assert (found["rows"], found["severity"]) == (10, "serious" if shared else "warned")
    assert f"10 rows share their id with another row; {shared} rows of the test" in found["evidence"]
    assert "rows with the same key" not in room(rows, {"unique": ["id"]}).findings()
    assert "rows with the same key" not in room(loans()).findings()


def test_rows_without_an_outcome_are_left_out_and_told(room: Room) -> None:
    made = room(loans(status=[None] * 20 + ["bad", "good"] * 90))
    assert made.rows("train").height + made.rows("sealed_test").height == 180
    assert "rows without an outcome" in made.findings()
    assert made.json("data_report")["counts"]["without_outcome"] == 20


def test_lifeless_columns_are_named_and_kept(room: Room) -> None:
    rows = loans(home=["own"] * N_ROWS, rate=pl.Series([None] * N_ROWS, dtype=pl.Float64), twin=[100 + i for i in range(N_ROWS)])
    rows = rows.with_columns(leak=pl.col("status"))
    made = room(rows, columns={"twin": {"type": "int"}, "leak": {"type": "string"}})
    assert made.json("data_report")["dropped"] == ["home", "rate", "twin", "leak"]
    assert made.json("contract")["dropped"] == ["home", "rate", "twin", "leak"]
    assert "home" in made.rows("train").columns
    assert made.findings()[0] == "column leak repeats the outcome"
    assert {"column home is constant", "column rate is empty", "column twin repeats amount"} <= set(made.findings())


def test_a_date_that_stands_for_unknown_is_a_finding(room: Room) -> None:
    days = [date(1900, 1, 1)] * 100 + [date(2020, 1, 1)] * 100
    assert "column day may use 1900-01-01 for 'unknown'" in room(loans(day=days)).findings()


def test_a_time_split_sets_rows_without_a_time_aside(room: Room) -> None:
    days = [None, *[date(2020, 1, 1) + timedelta(days=i) for i in range(1, N_ROWS)]]
    made = room(loans(day=days), {"split": {"kind": "by_time", "column": "day"}}, {"day": {"type": "date", "nullable": True}})
    assert made.rows("quarantine").select("row_id", "reason").rows() == [(0, "split.time")]
    assert made.rows("train")["day"].max() < made.rows("sealed_test")["day"].min()  # type: ignore[operator]
    assert made.rows("folds")["fold"].unique().sort().to_list() == [-1, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [([1, 0], "int", {"1", "0"}), ([True, False], "bool", {"true", "false"}), ([1.0, 0.0], "int", {"1", "0"})],
)
def test_labels_become_text(room: Room, labels: list[Any], kind: str, expected: set[str]) -> None:
    positive = min(expected)
    columns = {"status": {"type": kind}}
    made = room(loans(status=labels * 100), columns=columns, labels=tuple(sorted(expected)), positive=positive)
    assert set(made.rows("train")["status"]) == expected
    assert made.json("contract")["columns"]["status"]["from"] == kind


def test_a_number_is_a_target_of_a_regression(room: Room) -> None:
    made = room(loans(), columns={"status": {"type": "string"}}, task="regression", target="rate", labels=None, positive=None)
    assert made.json("data_report")["labels"] is None
    assert set(made.gates()) == {"min_rows", "target_varies", "split", "structure"}


WITHHELD: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({}, {"min_rows": 201}, "min_rows", "200 rows are left"),
    ({}, {"min_positives": 51}, "min_positives", "rows of each label: 'bad' 50, 'good' 150"),
    ({"status": ["good"] * N_ROWS}, {}, "target_varies", "status: 'bad' 0, 'good' 200"),
    ({"status": ["bad", "good", "ugly", "good"] * 50}, {}, "labels_priced", "'ugly' 50"),
    (
        {"rate": [1.0] * N_ROWS},
        {"task": "regression", "target": "rate", "labels": None, "positive": None},
        "target_varies",
        "1 different values",
    ),
]


@pytest.mark.parametrize(("columns", "task", "gate", "said"), WITHHELD)
def test_too_little_to_learn_from_is_a_failed_gate(room: Room, columns: dict[str, Any], task: dict[str, Any], gate: str, said: str) -> None:
    made = room(loans(**columns), **task)
    assert made.gates()[gate] == "failed"
    assert said in next(g.evidence for g in made.done.gates if g.name == gate)
    assert made.rows("train").height == made.rows("sealed_test").height == made.rows("folds").height == 0
    assert made.json("split")["seal"] is None


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_table_without_rows_to_learn_from_is_a_failed_gate(room: Room, n_rows: int) -> None:
    assert room(loans().head(n_rows)).gates()["min_rows"] == "failed"
    assert room(loans().head(n_rows).write_csv().encode()).gates()["min_rows"] == "failed"


def test_fewer_rows_than_folds_is_a_failed_gate_with_numbers(room: Room) -> None:
    made = room(loans().head(8), min_rows=1, min_positives=1)
    assert made.gates()["split"] == "failed"


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"columns": COLUMNS | {"amout": {"type": "int"}}}, ["column 'amout'", "did you mean 'amount'?"]),
    ({"derive": {"x": "amount +"}}, ["data.derive.x", "is not a valid expression"]),
    ({"derive": {"x": "amout * 2"}}, ["data.derive.x", "did you mean 'amount'?"]),
    ({"filter": "amount + 1"}, ["data.filter", "TRUE or FALSE"]),
    ({"label": {"sql": "SUM(amount)"}}, ["data.label.sql", "aggregates over rows"]),
    ({"rules": {"r": {"sql": "amount"}}}, ["data.rules.r", "TRUE or FALSE"]),
    ({"rules": {"r": {"sql": "nothing > 1"}}}, ["data.rules.r", "'nothing'"]),
    ({"unique": ["Id"]}, ["data.unique", "did you mean 'id'?"]),
    ({"split": {"kind": "by_time", "column": "dya"}}, ["data.split.column", "did you mean 'day'?"]),
    ({"split": {"kind": "by_time", "column": "home"}}, ["data.split.column", "a date or datetime column"]),
    (
        {"joins": {"j": {"kind": "lookup", "source": "loans", "keys": {"amount": "home"}, "columns": {"rate": "rate", "w": "none"}}}},
        ["data.joins.j.keys.amount", "data.joins.j.columns.rate", "column 'none'"],
    ),
    (
        {"columns": COLUMNS | {"home": {"type": "int"}}},
        ["column 'home'", "String where int is declared", "first row 0 (from 0) with 'own'"],
    ),
]


@pytest.mark.parametrize(("data", "said"), FAULTS)
def test_a_declaration_that_does_not_fit_is_a_fault(room: Room, data: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(FaultsError) as caught:
        room(loans(), data)
    assert not isinstance(caught.value, RefusedError)
    assert all(part in str(caught.value) for part in said), str(caught.value)


def test_all_that_is_wrong_is_said_at_once(room: Room) -> None:
    with pytest.raises(FaultsError) as caught:
        room(loans(), {"derive": {"x": "amout * 2", "y": "x + 1"}, "filter": "amount", "unique": ["none"]}, time="never")
    assert [fault.at for fault in caught.value.faults] == ["problem.time", "data.unique", "data.derive.x", "data.filter"]


def test_a_wrong_separator_is_one_message_with_the_right_one(room: Room) -> None:
    with pytest.raises(FaultsError) as caught:
        room(loans().write_csv(separator=";").encode())
    (fault,) = caught.value.faults
    assert "line 1 is one cell with ';' in it" in fault.wrong
    assert fault.hint == "declare `separator: ';'`"


def test_a_faulty_run_writes_nothing(room: Room, tmp_path: Path) -> None:
    with pytest.raises(FaultsError):
        room(loans(), {"filter": "nothing"})
    assert not (tmp_path / "out").exists()


def test_odd_values_come_through_to_the_letter(room: Room) -> None:
    odd = ["=1+1", "<b>x</b>", "\x1b[31m", "ａ", "a", "🙂", "\u200fא", "__proto__", "a\nb", "x" * 5000]
    made = room(loans(home=odd * 20), columns={"home": {"type": "string"}})
    both = pl.concat([made.rows("train"), made.rows("sealed_test")]).sort("row_id")
    assert both["home"].to_list() == odd * 20


def test_an_asof_join_uses_only_what_was_known(room: Room, tmp_path: Path) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    rates = pl.DataFrame({"at": [datetime(2020, 1, 1, h) for h in (0, 6, 12)], "base": [0.1, 0.2, 0.3]})
    rates.write_parquet(tmp_path / "data" / "raw" / "rates.parquet")
    data = {
        "sources": {
            "loans": {"kind": "parquet", "path": "data/raw/loans.parquet"},
            "rates": {"kind": "parquet", "path": "data/raw/rates.parquet"},
        },
        "joins": {"rates": {"kind": "asof", "source": "rates", "time": "day", "source_time": "at", "lag_hours": 20.0, "columns": {"base": "base"}}},
    }
    made = room(loans(), data, {"base": {"type": "float", "nullable": True}})
    both = pl.concat([made.rows("train"), made.rows("sealed_test")]).sort("row_id")
    assert both["base"].head(3).to_list() == [None, 0.1, 0.3]


def production(tmp_path: Path, rows: pl.DataFrame) -> dict[str, Any]:
    """A declared sample of rows as they come."""
    (tmp_path / "data" / "raw").mkdir(parents=True, exist_ok=True)
    rows.write_parquet(tmp_path / "data" / "raw" / "recent.parquet")
    sources = {"loans": {"kind": "parquet", "path": "data/raw/loans.parquet"}, "recent": {"kind": "parquet", "path": "data/raw/recent.parquet"}}
    return {"sources": sources, "production": {"source": "recent"}}


def test_training_is_compared_with_a_declared_production_sample(room: Room, tmp_path: Path) -> None:
    recent = loans(amount=[1000 + i for i in range(N_ROWS)]).drop("status")
    found = room(loans(), production(tmp_path, recent)).json("data_report")["findings"]
    told = {(f["kind"], *f["columns"]): f["severity"] for f in found}
    assert told["production_shift", "amount"] == "serious"
    assert ("production_shift", "home") not in told
    assert any(kind == "two_samples" for kind, *_ in told)


def test_a_production_sample_that_lacks_a_column_is_a_fault(room: Room, tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match=r"data.production \(source 'recent'\), column 'rate'"):
        room(loans(), production(tmp_path, loans().drop("status", "rate")))


def test_a_production_sample_of_other_types_is_a_fault(room: Room, tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match=r"data.production \(data/raw/recent.parquet\), column 'amount': String where int is declared"):
        room(loans(), production(tmp_path, loans(amount=["many"] * N_ROWS)))


def test_a_production_sample_that_is_no_source_is_refused(room: Room) -> None:
    with pytest.raises(ValueError, match="production names the source 'recnt'"):
        room(loans(), {"production": {"source": "recnt"}})
