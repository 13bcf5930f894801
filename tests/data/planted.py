"""Clean random tables, and tables with structure planted into them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from runner.problem.task import Task

START = datetime(2023, 1, 1)
BINARY = Task(task="binary", target="y", row="a row", positive="yes", labels=("no", "yes"))
REGRESSION = Task(task="regression", target="y", row="a row", positive=None, labels=None)
TYPES = {
    "y": "string",
    "amount": "int",
    "age": "int",
    "income": "float",
    "city": "string",
    "customer_id": "int",
    "plan": "string",
    "at": "datetime",
    "ticket": "string",
}


def contract(rows: pl.DataFrame) -> dict[str, Any]:
    types = TYPES | ({} if rows["y"].dtype == pl.String else {"y": "float"})
    return {"columns": {name: {"type": types[name], "available": "at_decision"} for name in rows.columns if name != "row_id"}}


def clean(n: int, seed: int, task: Task = BINARY) -> pl.DataFrame:
    """Independent rows whose outcome depends on an amount, an age and a city; ids that come again and a time, both without meaning."""
    draw = np.random.default_rng(seed)
    amount, age, city = draw.integers(1, n // 2, n), draw.integers(18, 90, n), draw.integers(0, 8, n)
    income = draw.lognormal(3, 0.5, n).round(2)
    score = 2.0 * amount / n * 2 - (age > 50) + 0.3 * city - 1.5
    return outcome(
        pl.DataFrame(
            {
                "row_id": np.arange(n, dtype=np.uint64),
                "amount": amount,
                "age": age,
                "income": income,
                "city": [f"city {c}" for c in city],
                "customer_id": draw.integers(10**6, 10**6 + n // 4, n),
                "plan": draw.choice(["basic", "plus"], n),
                "at": [START + timedelta(minutes=int(m)) for m in draw.integers(0, 500_000, n)],
                "ticket": [f"t{t}" for t in draw.integers(0, n // 3, n)],
            }
        ),
        score,
        draw,
        task,
    )


def outcome(rows: pl.DataFrame, score: np.ndarray, draw: np.random.Generator, task: Task) -> pl.DataFrame:
    if task.task == "regression":
        return rows.with_columns(y=pl.Series(score + draw.normal(0, 1, rows.height)))
    return rows.with_columns(y=pl.Series(np.where(draw.random(rows.height) < 1 / (1 + np.exp(-score)), "yes", "no")))


def grouped(n: int, seed: int, task: Task = BINARY, strength: float = 2.0) -> pl.DataFrame:
    """Some four rows a customer, who keeps an age and a leaning of their own."""
    draw = np.random.default_rng([seed, 1])
    who = draw.integers(0, n // 4, n)
    rows = clean(n, seed, task).with_columns(customer_id=pl.Series(who * 7919 % 1_000_003), age=pl.Series(draw.integers(18, 90, n)[who]))
    return outcome(rows, strength * draw.normal(0, 1, n)[who], draw, task)


def in_time(n: int, seed: int, task: Task = BINARY, strength: float = 1.5) -> pl.DataFrame:
    """The outcome becomes more common from the first day to the last; rows do not stand in the order of time."""
    draw = np.random.default_rng([seed, 1])
    rows = clean(n, seed, task)
    when = rows["at"].rank("ordinal").to_numpy() / n
    return outcome(rows, strength * (when - 0.5) * 2, draw, task)


def in_order(n: int, seed: int, task: Task = BINARY, strength: float = 1.5) -> pl.DataFrame:
    """The same along the rows of the file, and no column tells the time."""
    draw = np.random.default_rng([seed, 1])
    return outcome(clean(n, seed, task).drop("at"), strength * (np.arange(n) / n - 0.5) * 2, draw, task)
