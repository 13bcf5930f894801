"""The chapter of the data room as a product owner reads it: what is urgent first, with its money, everything else on demand."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from tests.data.quality.planted import PLANTED, planted
from tests.data.quality.tables import Table as Table_

from runner.data.quality.judge import judge
from runner.data.quality.look import look
from runner.data.quality.shown import findings
from runner.problem.task import Task
from runner.report.parts import Figures, Folded, Table, Text

MONEY = {"value": 0.5, "low": 0.2, "high": 0.9, "confidence": 0.95, "unit": "EUR per row"}
PICTURE = {"measure": "share of missing income", "periods": ["2020-01-01", "2020-02-01", "2020-03-01"], "values": [0.1, None, 0.4], "odd": [2]}


def finding(severity: str, what: str, **more: Any) -> dict[str, Any]:
    return {"severity": severity, "what": what, "evidence": "numbers", "rows": 7, "next": "look", "yaml": "", "row_ids": [], "money": None} | more


def test_serious_findings_stand_first_and_remarks_are_folded() -> None:
    report = {"findings": [finding("serious", "a"), finding("warned", "b"), finding("info", "c"), finding("info", "d")]}
    serious, warned, remarks = findings(report, None)
    assert isinstance(serious, Table)
    assert isinstance(warned, Table)
    assert (serious.title, warned.title) == ("✗ 1 serious finding", "! 1 warning")
    assert isinstance(remarks, Folded)
    assert remarks.title == "2 remarks to know of"


def test_money_is_told_a_month_or_per_thousand_rows() -> None:
    priced = {"findings": [finding("warned", "a", money=MONEY, money_is="at_most"), finding("warned", "b")]}
    (table, *_) = findings(priced, 400)
    assert isinstance(table, Table)
    assert table.head == ("Finding", "Money at stake a month", "Rows", "Evidence", "What to do")
    assert [row[1].text for row in table.rows] == ["at most 200 (80 to 360) EUR", ""]
    (table, *_) = findings(priced, None)
    assert isinstance(table, Table)
    assert table.head[1] == "Money at stake per 1,000 rows"


def test_what_changes_over_time_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_PICTURES", "on")
    parts = findings({"findings": [finding("warned", "the share of gaps jumps", picture=PICTURE)]}, None)
    (figures,) = [part for part in parts if isinstance(part, Figures)]
    assert "share of missing income" in figures.items[0].plot.slim


def test_config_and_row_ids_can_be_unfolded() -> None:
    parts = findings({"findings": [finding("info", "a", yaml="data: {unique: [id]}", row_ids=[3, 1400])]}, None)
    folded = {part.title: part.parts for part in parts if isinstance(part, Folded)}
    assert folded["What to do about it, as config"][0].text == "data: {unique: [id]}"  # type: ignore[union-attr]
    assert folded["A few of the affected rows"][0].rows[0][1].text == "3, 1,400"  # type: ignore[union-attr]


def test_names_of_columns_stay_as_they_are() -> None:
    report = {"findings": [finding("warned", "country is unlike the rest", evidence="country 1.3%, agent 13.7%", next="agent may be kept")]}
    (table,) = findings(report, None, ["country", "agent"])
    assert isinstance(table, Table)
    assert [cell.text for cell in table.rows[0]] == ["country is unlike the rest.", "7", "country 1.3%, agent 13.7%.", "agent may be kept."]


def test_config_further_down_is_pointed_at_where_nothing_else_says_what_to_do() -> None:
    (table, _) = findings({"findings": [finding("warned", "a", next="", yaml="x: 1")]}, None)
    assert isinstance(table, Table)
    assert table.rows[0][-1].text == "See the config below, under What to do about it."


def test_a_limit_for_whole_numbers_is_a_whole_number() -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame({"row_id": np.arange(400, dtype=np.uint64), "y": ["01"[i % 2] for i in range(400)], "n": [*draw.integers(0, 60, 398), 60, 50_000]})
    (found,) = [f for f in Table_(rows, Task("binary", "y", "a row", "1", ("0", "1"))).findings() if f.kind == "outliers"]
    assert yaml.safe_load(found.yaml) == {"data": {"columns": {"n": {"type": "int", "max": 60}}}}
    assert "60.0" not in found.yaml


def test_rows_of_few_values_that_look_the_same_are_no_alarm() -> None:
    draw = np.random.default_rng(0)
    columns = {name: draw.integers(0, 3, 1000) for name in "abc"}
    rows = pl.DataFrame({"row_id": np.arange(1000, dtype=np.uint64), "y": ["01"[i % 2] for i in range(1000)], **columns})
    (found,) = [f for f in Table_(rows, Task("binary", "y", "a row", "1", ("0", "1"))).findings() if f.kind == "duplicates"]
    assert found.severity == "info"
    assert "no alarm: the columns have so few values that different cases often look the same" in found.evidence
    assert found.next.startswith("nothing, if each row is a case of its own")


@pytest.mark.parametrize("cut_by_time", [True, False])
def test_a_split_by_time_is_not_advised_where_it_is_there(cut_by_time: bool) -> None:
    draw = np.random.default_rng(0)
    days = [date(2023, 1, 1) + timedelta(days=i // 4) for i in range(2000)]
    y = np.where(draw.random(2000) < np.where(np.arange(2000) < 1000, 0.2, 0.7), "1", "0")
    rows = pl.DataFrame({"row_id": np.arange(2000, dtype=np.uint64), "y": y, "day": days, "a": draw.normal(0, 1, 2000)})
    table = Table_(rows, Task("binary", "y", "a row", "1", ("0", "1"), time="day"))
    seen = look(rows.lazy(), table.contract(), table.task, 1, clock="day" if cut_by_time else None)
    hints = {f.next for f in judge(seen) if f.kind == "outcome_over_time"}
    assert hints == {
        "ask which part of the past still holds" if cut_by_time else "judge by time (data/split=by_time), and ask which part of the past still holds"
    }


def test_nothing_found_is_said() -> None:
    (said,) = findings({"findings": []}, None)
    assert isinstance(said, Text)


def test_a_run_leaves_the_priced_findings_for_programs(tiny_run: Path) -> None:
    report, data = (json.loads((tiny_run / f"reports/tiny/data/{name}.json").read_text()) for name in ("quality", "data"))
    assert (report["unit"], report["rows"]) == ("EUR", data["counts"]["train"])
    assert sorted(f["what"] for f in report["findings"]) == sorted(f["what"] for f in data["findings"])
    assert all({"money", "money_is", "severity", "evidence", "rows", "row_ids", "next", "yaml"} <= set(f) for f in report["findings"])


def test_what_to_do_is_config_that_can_be_read() -> None:
    for name in PLANTED:
        if "production" in name or "shift" in name:
            continue
        for found in planted(name).findings():
            if found.yaml:
                assert set(yaml.safe_load(found.yaml)) <= {"data", "features", "problem"}, found.yaml
