"""What the contract says of all rows together, and how far it is softened."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from runner.bundle.contract import breaches, conform
from runner.core.faults import FaultsError, RefusedError
from runner.data.enforce import Enforced, Judge, contract_of
from runner.data.kept import Kept
from runner.data.plan import plan
from runner.data.spec import ColumnSpec, DataSpec, RuleSpec
from runner.problem.task import Task

START = datetime(2024, 1, 1)
N_ROWS = 20
COLUMNS: dict[str, Any] = {
    "y": {"type": "string"},
    "id": {"type": "int", "nullable": True},
    "at": {"type": "datetime"},
    "amount": {"type": "float"},
}


def spec_of(columns: dict[str, Any], **data: Any) -> DataSpec:
    declared = {"sources": {"s": {"kind": "parquet", "path": "s.parquet"}}, "primary": "s", "split": {"kind": "stratified"}, "max_quarantined_share": 1.0}
    return DataSpec.model_validate(declared | {"columns": COLUMNS | columns} | data)


def enforced(columns: dict[str, Any], changes: dict[str, list[Any]], time: str | None = None, slice_rows: int = 6, **data: Any) -> Enforced:
    """The verdict on 20 rows, an hour apart, some columns of which are changed."""
    rows = pl.DataFrame(
        {
            "row_id": pl.int_range(N_ROWS, dtype=pl.UInt64, eager=True),
            "y": ["a", "b"] * 10,
            "id": list(range(N_ROWS)),
            "at": [START + timedelta(hours=i) for i in range(N_ROWS)],
            "amount": [float(i) for i in range(N_ROWS)],
        }
        | changes
    )
    spec = spec_of(columns, **data)
    contract = contract_of(spec, Task("binary", "y", "a row", labels=("a", "b"), time=time))
    judge, kept = Judge(contract, spec, "s.parquet"), Kept(Path("unused"))
    for part in rows.iter_slices(slice_rows):
        judge.look(part)
    kept.put(rows)
    return judge.settle(kept)


def aside(found: Enforced) -> list[tuple[int, str]]:
    return found.bad.select("row_id", "__runner_reason").rows()


# ---- values that stand once -----------------------------------------------------------------------------------------


def test_of_rows_with_the_same_value_the_first_fine_one_is_kept() -> None:
    ids = [7, 7, 7, None, None, *range(100, 115)]
    found = enforced({"id": {"type": "int", "nullable": True, "unique": True}, "amount": {"type": "float", "min": 1}}, {"id": ids})
    assert aside(found) == [(0, "amount.minimum"), (2, "id.unique")]


def test_a_key_is_judged_on_what_unique_columns_left() -> None:
    ids = [1, 1, 2, *range(100, 117)]
    hours = [START] * 3 + [START + timedelta(hours=i) for i in range(1, 18)]
    found = enforced({"id": {"type": "int", "unique": True}}, {"id": ids, "at": hours}, unique=["at"])
    assert aside(found) == [(1, "id.unique"), (2, "unique")]


def test_a_value_that_stands_twice_can_stop_the_run_or_only_be_counted() -> None:
    ids = [1, 1, *range(100, 118)]
    with pytest.raises(RefusedError, match=r"data.columns.id: 1 of 20 rows of s.parquet break id.unique, first row 1 \(from 0\) with 1"):
        enforced({"id": {"type": "int", "unique": True, "on_fail": "reject"}}, {"id": ids})
    assert enforced({"id": {"type": "int", "unique": True, "on_fail": "warn"}}, {"id": ids}).warned == {"id.unique": 1}


# ---- freshness ------------------------------------------------------------------------------------------------------

FRESH = {"at": {"type": "datetime", "max_age_hours": 12}}


def test_rows_too_old_before_the_declared_day_are_set_aside() -> None:
    found = enforced(FRESH, {}, as_of="2024-01-02")
    assert aside(found) == [(n, "at.fresh") for n in range(12)]
    assert enforced(FRESH, {}, as_of="2024-01-01T19:00:00Z").quarantined == {"at.fresh": 7}


def test_without_a_declared_day_the_newest_time_of_the_data_counts() -> None:
    assert aside(enforced(FRESH, {})) == [(n, "at.fresh") for n in range(7)]
    updated = {"at": {"type": "date", "max_age_hours": 24, "nullable": True}, "id": {"type": "datetime"}}
    days = [None, *[START.date()] * 19]
    later = [START + timedelta(hours=40)] * N_ROWS
    assert enforced(updated, {"at": days, "id": later}, time="id").quarantined == {"at.fresh": 19}
    assert enforced(updated, {"at": days, "id": later}, time="at").quarantined == {}


def test_a_day_that_is_none_is_told() -> None:
    with pytest.raises(ValidationError, match="'soon' is no day or moment"):
        spec_of({}, as_of="soon")


# ---- tolerated shares -----------------------------------------------------------------------------------------------

FEW, MANY = {"amount": [-1.0, *[1.0] * 19]}, {"amount": [-1.0] * 3 + [1.0] * 17}


def test_up_to_the_tolerated_share_a_check_does_one_step_less() -> None:
    column = {"amount": {"type": "float", "min": 0, "tolerated_share": 0.1}}
    few = enforced(column, FEW)
    assert (few.warned, few.tolerated, few.bad.height) == ({"amount.minimum": 1}, {"amount.minimum": "warn"}, 0)
    assert enforced(column, MANY).quarantined == {"amount.minimum": 3}
    column["amount"]["on_fail"] = "reject"
    few = enforced(column, FEW)
    assert (few.quarantined, few.tolerated) == ({"amount.minimum": 1}, {"amount.minimum": "quarantine"})
    with pytest.raises(RefusedError, match=r"break amount\.minimum, more than the tolerated 10\.0%"):
        enforced(column, MANY)


def test_just_the_tolerated_share_is_tolerated() -> None:
    column = {"amount": {"type": "float", "min": 0, "tolerated_share": 0.15}}
    assert enforced(column, MANY).warned == {"amount.minimum": 3}


def test_each_check_of_a_column_has_the_share_for_itself_and_rules_have_their_own() -> None:
    column = {"amount": {"type": "float", "min": 0, "max": 5, "tolerated_share": 0.1}}
    rule = {"odd": {"sql": "id > 0", "tolerated_share": 0.5}}
    found = enforced(column, {"amount": [-1.0, 9.0, 9.0, 9.0, *[1.0] * 16]}, rules=rule)
    assert found.warned == {"amount.minimum": 1, "rules.odd": 1}
    assert found.quarantined == {"amount.maximum": 3}


@pytest.mark.parametrize("spec", [ColumnSpec, RuleSpec])
def test_a_warning_has_nothing_to_soften(spec: Any) -> None:
    declared = {"sql": "TRUE"} if spec is RuleSpec else {"type": "int"}
    with pytest.raises(ValidationError, match="tolerated_share softens reject and quarantine"):
        spec.model_validate(declared | {"on_fail": "warn", "tolerated_share": 0.1})


def test_max_age_is_for_times() -> None:
    with pytest.raises(ValidationError, match="max_age_hours is for date and datetime columns"):
        ColumnSpec.model_validate({"type": "int", "max_age_hours": 1})


# ---- rules of the table ---------------------------------------------------------------------------------------------


def test_a_rule_of_the_table_sees_the_rows_that_are_kept() -> None:
    column = {"amount": {"type": "float", "min": 0}}
    rules = {"rows": {"sql": "COUNT(*) = 19"}, "mean": {"sql": "AVG(amount) BETWEEN 0.99 AND 1.01 AND MIN(amount) >= 0"}}
    assert enforced(column, FEW, table_rules=rules).quarantined == {"amount.minimum": 1}


def test_rules_of_the_table_that_do_not_hold_stop_the_run_all_at_once_or_are_told() -> None:
    rules = {"rows": {"sql": "COUNT(*) > 1000"}, "sum": {"sql": "SUM(amount) < 5"}, "old": {"sql": "MAX(at) > DATE '2025-01-01'", "on_fail": "warn"}}
    with pytest.raises(RefusedError) as caught:
        enforced({}, {}, table_rules=rules)
    assert [fault.at for fault in caught.value.faults] == ["data.table_rules.rows", "data.table_rules.sum"]
    assert "`COUNT(*) > 1000` is FALSE over the 20 rows of s.parquet that are kept" in str(caught.value)
    assert enforced({}, {}, table_rules={"old": rules["old"]}).broken_tables == ("old",)


def test_a_rule_that_is_not_known_does_not_hold() -> None:
    nullable = {"amount": {"type": "float", "nullable": True}}
    with pytest.raises(RefusedError, match="is not known over the 20 rows"):
        enforced(nullable, {"amount": pl.Series([None] * N_ROWS, dtype=pl.Float64)}, table_rules={"mean": {"sql": "AVG(amount) > 1"}})  # type: ignore[dict-item]


WRONG_RULES = [
    ("amount > 1", "gives a value a row"),
    ("COUNT(*) > 1 AND amount > 1", "gives a value a row"),
    ("AVG(amuont) > 1", "did you mean 'amount'?"),
    ("AVG(amount)", "TRUE or FALSE"),
    ("AVG(y) > 1", "is not a valid expression"),
    ("SUM(amount) OVER (PARTITION BY y) > 1", "gives a value a row"),
    ("MAX(at) > NOW()", "reads the clock"),
    ("AVG(amount) > (SELECT 1)", "statement"),
    ("AVG(amount) >", "is not a valid expression"),
]


@pytest.mark.parametrize(("sql", "said"), WRONG_RULES)
def test_a_rule_of_the_table_is_checked_before_data_is_read(sql: str, said: str) -> None:
    spec = spec_of({}, table_rules={"r": {"sql": sql}})
    source = {"s": _Columns(dict.fromkeys(COLUMNS, pl.Int64()))}
    with pytest.raises(FaultsError) as caught:
        plan(spec, Task("binary", "y", "a row"), source)  # type: ignore[arg-type]
    (fault,) = caught.value.faults
    assert fault.at == "data.table_rules.r"
    assert said in str(fault)


class _Columns:
    """A source of which only the columns are known."""

    at, shown, derive = "data.sources.s", "s.parquet", {}

    def __init__(self, schema: dict[str, pl.DataType]) -> None:
        self.schema = schema


# ---- rows to be scored ----------------------------------------------------------------------------------------------


def test_rows_to_be_scored_are_not_asked_what_only_all_rows_can_keep() -> None:
    columns = {
        "id": {"type": "int", "unique": True},
        "at": {"type": "datetime", "max_age_hours": 1},
        "amount": {"type": "float", "min": 0, "tolerated_share": 0.5},
    }
    spec = spec_of(columns, table_rules={"rows": {"sql": "COUNT(*) > 1000"}}, as_of="2024-01-01")
    contract = contract_of(spec, Task("binary", "y", "a row", labels=("a", "b")))
    rows = conform(pl.DataFrame({"id": [1, 1], "at": [datetime(1990, 1, 1)] * 2, "amount": [1.0, -1.0]}), contract, "request")
    assert breaches(rows, contract).to_list() == [[], ["amount.minimum"]]


def test_the_contract_file_says_only_what_is_declared() -> None:
    columns = {"id": {"type": "int", "unique": True, "min": 0}, "amount": {"type": "float", "tolerated_share": 0.5}}
    contract = contract_of(spec_of(columns), Task("binary", "y", "a row"))
    assert contract["columns"]["id"] == {"type": "int", "nullable": False, "unique": True, "min": 0.0, "available": "at_decision", "on_fail": "quarantine"}
    assert contract["columns"]["amount"]["tolerated_share"] == 0.5
    assert "unique" not in contract["columns"]["amount"]
    assert contract["table_rules"] == {}
    changed = contract_of(spec_of(columns, table_rules={"r": {"sql": "COUNT(*) > 1"}}), Task("binary", "y", "a row"))
    assert changed["version"] != contract["version"]
