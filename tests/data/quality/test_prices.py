"""The money at stake: worked out from the payoff when it is read, by a formula that can be done by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.files import write_json
from runner.core.workspace import RunFolders
from runner.data.quality.prices import quality

LEND = {"unit": "EUR", "actions": {"lend": {"good": "0.1 * amount", "bad": "-1.0 * amount"}, "decline": {"good": "0", "bad": "0"}}}


def finding(rule: str, rows: int, *groups: list[int]) -> dict[str, Any]:
    return {"severity": "warned", "what": rule, "evidence": "", "rows": rows, "stake": {"rule": rule, "rows": rows, "groups": list(groups)}}


@pytest.fixture
def folders(tmp_path: Path) -> RunFolders:
    made = RunFolders(tmp_path / "data", tmp_path / "models", tmp_path / "reports")
    rows = {"row_id": range(10), "amount": [100.0] * 10, "status": ["bad", "good"] * 5, "price": [float(n) for n in range(10)]}
    (tmp_path / "data").mkdir()
    pl.DataFrame(rows, schema_overrides={"row_id": pl.UInt64}).write_parquet(tmp_path / "data" / "train.parquet")
    return made


def written(folders: RunFolders, found: list[dict[str, Any]], payoff: dict[str, Any] = LEND, target: str = "status") -> list[dict[str, Any]]:
    write_json(folders.reports / "data" / "data.json", {"findings": found, "counts": {"train": 10}})
    write_json(folders.reports / "problem" / "problem.json", {"payoff": payoff, "target": target})
    findings: list[dict[str, Any]] = quality(folders)["findings"]
    return findings


def test_twins_with_two_outcomes_lose_what_no_decision_can_save(folders: RunFolders) -> None:
    # One good (lend: +10, decline: 0) and one bad (-100, 0): right about both is worth 10, one action for both at best 0.
    (found,) = written(folders, [finding("conflict", 2, [0, 1])])
    assert found["money"] == {"value": 1.0, "low": None, "high": None, "confidence": 0.95, "unit": "EUR per row", "why": "only 1 group"}
    assert found["money_is"] == "lost"


def test_rows_with_a_wrong_value_are_worth_at_most_knowing_everything(folders: RunFolders) -> None:
    # Five good ones lost by declining all: 10 each over 10 rows.
    (found,) = written(folders, [finding("bound", 10, list(range(10)))])
    assert found["money"]["value"] == pytest.approx(5.0)
    assert found["money"]["low"] < 5.0 < found["money"]["high"]
    assert found["money_is"] == "at_most"


def test_rows_that_were_drawn_stand_for_all_that_are_affected(folders: RunFolders) -> None:
    (found,) = written(folders, [finding("conflict", 8, [0, 1])])
    assert found["money"]["value"] == pytest.approx(4.0)


def test_a_number_is_priced_against_the_best_number_for_all(folders: RunFolders) -> None:
    payoff = {"unit": "EUR", "actions": None, "sql": "-ABS(decision - actual)"}
    (found,) = written(folders, [finding("bound", 10, list(range(10)))], payoff, "price")
    # The mean distance of 0..9 from their middle.
    assert found["money"]["value"] == pytest.approx(2.5)


def test_most_money_comes_first_and_findings_without_a_price_have_none(folders: RunFolders) -> None:
    plain = {"severity": "warned", "what": "plain", "evidence": "", "rows": 3}
    found = written(folders, [plain, finding("conflict", 2, [0, 1]), finding("bound", 10, list(range(10)))])
    assert [f["what"] for f in found] == ["bound", "conflict", "plain"]
    assert found[2]["money"] is None
    assert all("stake" not in f for f in found)


def test_a_payoff_that_cannot_be_worked_out_prices_nothing(folders: RunFolders) -> None:
    elsewhere = {"unit": "EUR", "actions": {"lend": {"good": "income", "bad": "0"}, "decline": {"good": "0", "bad": "0"}}}
    assert written(folders, [finding("conflict", 2, [0, 1])], elsewhere)[0]["money"] is None
    (folders.data / "train.parquet").unlink()
    assert written(folders, [finding("conflict", 2, [0, 1])])[0]["money"] is None
