from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.core.stage import Done, Given
from runner.problem import stage
from runner.problem.spec import ProblemSpec
from runner.problem.task import read_task

LOAN: dict[str, Any] = {
    "decision": "Approve or decline a loan",
    "row": "one application",
    "task": "binary",
    "target": "status",
    "positive": "bad",
    "payoff": {
        "unit": "EUR",
        "actions": {"approve": {"good": "0.1 * amount", "bad": "-0.5 * amount"}, "decline": {"good": "0", "bad": "0"}},
    },
    "policy": {"kind": "per_row"},
    "criterion": {"baseline": "constant"},
}
RATE: dict[str, Any] = LOAN | {
    "task": "regression",
    "target": "amount",
    "positive": None,
    "payoff": {"unit": "EUR", "sql": "-ABS(decision - actual)"},
}

Room = Callable[..., tuple[Done, dict[str, Any]]]


def loans(n_bad: int = 60, n_good: int = 240) -> pl.DataFrame:
    return pl.DataFrame({"status": ["bad"] * n_bad + ["good"] * n_good, "amount": [100] * (n_bad + n_good)})


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Runs the room on a table or on bytes, and reads problem.json."""

    def run(rows: pl.DataFrame | bytes, problem: dict[str, Any], name: str = "loans.parquet") -> tuple[Done, dict[str, Any]]:
        path = tmp_path / "data" / name
        path.parent.mkdir(exist_ok=True)
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        else:
            rows.write_parquet(path)
        out = {"problem": tmp_path / "out" / "problem.json", "task": tmp_path / "out" / "task.json"}
        done = stage.run(ProblemSpec.model_validate(problem), Given({"primary": path}, "loans", 1, tmp_path, tmp_path), out)
        return done, json.loads(out["problem"].read_text())

    return run


def statuses(done: Done) -> dict[str, str]:
    return {gate.name: gate.status for gate in done.gates}


def test_enough_rows_and_labels_pass(room: Room) -> None:
    done, written = room(loans(), LOAN)
    assert statuses(done) == {"min_rows": "passed", "min_positives": "passed"}
    assert written["feasibility_found"]["labels"] == {"bad": 60, "good": 240}
    assert written["labels"] == ["bad", "good"]
    assert written["policy"] == {"kind": "per_row", "shift": None}


@pytest.mark.parametrize(("n_bad", "n_good", "gate", "found"), [(10, 90, "min_rows", 100), (49, 251, "min_positives", 49), (0, 300, "min_positives", 0)])
def test_too_little_data_is_a_failed_gate_with_the_number(room: Room, n_bad: int, n_good: int, gate: str, found: int) -> None:
    done, _ = room(loans(n_bad, n_good), LOAN)
    failed = next(g for g in done.gates if g.name == gate)
    assert (failed.status, failed.found) == ("failed", found)


def test_labels_that_the_source_spells_otherwise_are_left_to_the_data_room(room: Room) -> None:
    done, written = room(loans().with_columns(status=pl.col("status") == "bad"), LOAN)
    assert statuses(done) == {"min_rows": "passed"}
    assert written["feasibility_found"]["labels"] is None


def test_an_outcome_made_later_is_left_to_the_data_room(room: Room) -> None:
    assert statuses(room(loans().drop("status"), LOAN)[0]) == {"min_rows": "passed"}


def test_a_regression_counts_rows_alone(room: Room) -> None:
    done, written = room(loans(), RATE)
    assert statuses(done) == {"min_rows": "passed"}
    assert (written["labels"], written["rule_act"]) == (None, None)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_is_counted_whatever_separates_it(room: Room, separator: str) -> None:
    _, written = room(loans().write_csv(separator=separator).encode(), LOAN, "loans.csv")
    assert written["feasibility_found"]["rows"] == 300
    assert written["feasibility_found"]["labels"] == {"bad": 60, "good": 240}


def test_damage_inside_a_text_is_left_to_the_data_room(room: Room) -> None:
    content = b"status,amount\n" + b"bad,1\n" * 100 + b"good,\xe9,3\n" * 200
    assert room(content, LOAN, "loans.csv")[1]["feasibility_found"]["rows"] == 300


def test_a_text_of_a_header_alone_has_too_few_rows(room: Room) -> None:
    assert statuses(room(b"status,amount\n", LOAN, "loans.csv")[0])["min_rows"] == "failed"


@pytest.mark.parametrize(("content", "name"), [(b"", "loans.parquet"), (b"", "loans.csv"), (b"PAR1 and no more", "loans.parquet")])
def test_an_empty_or_cut_file_is_a_fault_that_names_it(room: Room, content: bytes, name: str) -> None:
    with pytest.raises(FaultsError, match=f"data.primary: data/{name} (is empty|cannot be read)"):
        room(content, LOAN, name)


def test_a_missing_file_is_a_fault_that_names_it(tmp_path: Path) -> None:
    given = Given({"primary": tmp_path / "none.parquet"}, "loans", 1, tmp_path, tmp_path)
    with pytest.raises(FaultsError, match=r"data\.primary: none\.parquet is missing"):
        stage.run(ProblemSpec.model_validate(LOAN), given, {})


def test_the_task_knows_nothing_of_money(room: Room, tmp_path: Path) -> None:
    room(loans(), LOAN | {"constraints": {"protected": ["age"], "forbidden": ["name"]}, "key": ["id"]})
    first = (tmp_path / "out" / "task.json").read_bytes()
    dearer = {"unit": "EUR", "actions": {"approve": {"good": "1", "bad": "-9"}, "decline": {"good": "0", "bad": "0"}}}
    room(loans(), LOAN | {"constraints": {"protected": ["age"], "forbidden": ["name"]}, "key": ["id"], "payoff": dearer})
    assert (tmp_path / "out" / "task.json").read_bytes() == first
    task = read_task(tmp_path / "out" / "task.json")
    assert (task.labels, task.protected, task.forbidden, task.min_rows) == (("bad", "good"), ("age",), ("name",), 200)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "decline"),
        ({"policy": {"kind": "threshold", "act": "decline", "otherwise": "approve"}}, "decline"),
        ({"policy": {"kind": "top_k", "act": "approve", "otherwise": "decline", "capacity": {"rows": 1, "of_rows": 9}}}, "approve"),
        ({"payoff": {"unit": "EUR", "actions": {"a": {"good": "0", "bad": "far_away"}, "b": {"good": "0", "bad": "2 * far_away"}}}}, "b"),
    ],
)
def test_a_rules_true_stands_for_an_action(room: Room, change: dict[str, Any], expected: str) -> None:
    assert room(loans(), LOAN | change)[1]["rule_act"] == expected
