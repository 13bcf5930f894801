from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from runner.data.quality.judge import judge
from runner.data.quality.look import look
from runner.problem.task import Task

TASK = Task("regression", "price", "a sale", None, (), time="day", protected=())
COLUMNS = {"day": "date", "rate": "float", "noise": "float", "price": "float"}
CONTRACT = {
    "columns": {name: {"type": kind, "nullable": False, "available": "after_event" if name == "price" else "at_decision"} for name, kind in COLUMNS.items()},
    "order": list(COLUMNS),
    "target": "price",
}


def sales(n: int = 2_000, rise: float = 0.0) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    days = [date(2025, 1, 1) + timedelta(days=k // 4) for k in range(n)]
    rate = draw.normal(0, 1, n) + rise * np.arange(n) / n
    return pl.DataFrame({"row_id": np.arange(n, dtype=np.uint64), "day": days, "rate": rate, "noise": draw.normal(0, 1, n), "price": rate})


def found(rows: pl.DataFrame, clock: str | None = "day") -> list[str]:
    cut = rows.height * 3 // 4
    seen = look(rows[:cut].lazy(), CONTRACT, TASK, 1, clock=clock, test=rows[cut:].lazy())
    return [f.evidence for f in judge(seen) if f.what == "the test's rows are not like the training rows"]


def test_a_column_that_climbs_tells_the_test_from_training() -> None:
    (evidence,) = found(sales(rise=4.0))
    assert evidence.endswith("most by rate, noise") or evidence.endswith("most by rate")


def test_the_time_itself_is_not_counted_and_rows_that_stay_alike_are_no_finding() -> None:
    assert found(sales()) == []


def test_a_test_drawn_at_random_is_not_compared() -> None:
    assert found(sales(rise=4.0), clock=None) == []


def test_outcomes_of_the_sealed_rows_play_no_part() -> None:
    rows = sales(rise=4.0)
    other = rows.with_columns(price=pl.when(pl.col("row_id") >= 1_500).then(-1.0).otherwise("price"))
    assert found(rows) == found(other)
