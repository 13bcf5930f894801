"""Tables without a fault, of several shapes, and the faults that are planted in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from runner.data.quality.finding import Finding
from runner.data.quality.judge import judge
from runner.data.quality.look import EVERY, Look, look
from runner.data.quality.spec import QualitySpec
from runner.problem.task import Task

TYPES: Mapping[Any, str] = {pl.Int64: "int", pl.Float64: "float", pl.String: "string", pl.Boolean: "bool", pl.Date: "date"}


@dataclass(frozen=True)
class Table:
    """Training rows with row_id, what they are for, and the rows set apart."""

    rows: pl.DataFrame
    task: Task
    test: pl.DataFrame | None = None
    production: pl.DataFrame | None = None

    def contract(self) -> dict[str, Any]:
        names = [name for name in self.rows.columns if name != "row_id"]
        columns: dict[str, Any] = {name: {"type": TYPES[self.rows[name].dtype.base_type()], "nullable": True, "available": "at_decision"} for name in names}
        columns[self.task.target]["available"] = "after_event"
        return {"columns": columns, "order": names, "target": self.task.target}

    def look(self, spec: QualitySpec = EVERY, seed: int = 1) -> Look:
        test = None if self.test is None else self.test.lazy()
        return look(self.rows.lazy(), self.contract(), self.task, seed, spec, None, test, self.production)

    def findings(self, spec: QualitySpec = EVERY) -> list[Finding]:
        return judge(self.look(spec))

    def put(self, **columns: Any) -> Table:
        """With changed or more columns; the test is left out where it does not have them."""
        test = self.test if set(columns) <= set(self.rows.columns) else None
        return replace(self, rows=self.rows.with_columns(**columns), test=test)


def clean(seed: int, n: int = 2000) -> Table:
    """A table without a fault; its shape follows from the seed."""
    return SHAPES[seed % len(SHAPES)](np.random.default_rng(seed), n)


def _finished(draw: np.random.Generator, columns: dict[str, Any], score: np.ndarray, rate: float = 0.3, time: str | None = None, **task: Any) -> Table:
    score = (score - score.mean()) / max(score.std(), 1e-9)
    cut = np.quantile(score + draw.logistic(size=len(score)), 1 - rate)
    labels = np.where(score + draw.logistic(size=len(score)) > cut, "bad", "good")
    rows = pl.DataFrame({"row_id": np.arange(len(score), dtype=np.uint64), **columns, "status": labels.tolist()})
    if time is not None:
        rows = rows.sort(time).with_columns(row_id=pl.int_range(rows.height, dtype=pl.UInt64))
    told = {"task": "binary", "target": "status", "row": "a case", "positive": "bad", "labels": ("bad", "good"), "time": time}
    in_test = pl.Series(draw.random(rows.height) < 0.25)
    return Table(rows.filter(~in_test), Task(**(told | task)), rows.filter(in_test))


def _gaps(draw: np.random.Generator, values: np.ndarray, share: float) -> pl.Series:
    return pl.Series(values.tolist(), dtype=pl.Float64).set(pl.Series(draw.random(len(values)) < share), None)


def _loans(draw: np.random.Generator, n: int) -> Table:
    """Amounts, ages, categories, and gaps at random."""
    income = draw.gamma(4.0, 500.0, n).round(2)
    columns = {
        "income": _gaps(draw, income, 0.08),
        "amount": draw.uniform(500, 20_000, n).round(2),
        "age": draw.integers(18, 80, n),
        "children": draw.poisson(1.1, n),
        "home": draw.choice(["rent", "own", "other"], n, p=[0.5, 0.4, 0.1]).tolist(),
        "sex": draw.choice(["f", "m"], n).tolist(),
    }
    return _finished(draw, columns, -income, protected=("sex", "age"))


def _calls(draw: np.random.Generator, n: int) -> Table:
    """Two years of calls with a season and a slow trend."""
    day = draw.integers(0, 730, n)
    season = np.sin(day * 2 * np.pi / 365.25)
    columns = {
        "called_on": [date(2021, 3, 1) + timedelta(days=int(d)) for d in day],
        "minutes": draw.lognormal(1.5 + 0.1 * season, 0.8, n).round(1),
        "balance": (draw.normal(1000, 400, n) + 0.1 * day).round(2),
        "temperature": (12 + 9 * season + draw.normal(0, 3, n)).round(1),
        "region": draw.choice(["north", "south", "east", "west"], n).tolist(),
        "score": _gaps(draw, draw.normal(0, 1, n), 0.1),
    }
    return _finished(draw, columns, draw.normal(0, 1, n) + 0.2 * season, time="called_on")


def _texts(draw: np.random.Generator, n: int) -> Table:
    """Free text, a town with many values, and a code."""
    words = ["late", "broken", "refund", "thanks", "order", "parcel", "missing", "box", "again", "please", "never", "quick", "slow", "price"]
    remark = [" ".join(draw.choice(words, draw.integers(4, 12))) for _ in range(n)]
    town = [f"town {int(k)}" for k in draw.zipf(1.6, n) % 400]
    columns = {
        "remark": remark,
        "town": town,
        "code": draw.choice(["A1", "B2", "C3", "D4", "unknown"], n, p=[0.3, 0.3, 0.2, 0.18, 0.02]).tolist(),
        "price": draw.lognormal(3, 0.7, n).round(2),
        "stars": draw.integers(1, 6, n),
    }
    return _finished(draw, columns, np.array([t.count("broken") for t in remark], dtype=float))


def _tails(draw: np.random.Generator, n: int) -> Table:
    """Heavy tails, many zeros, counts, and one column computed from another."""
    claims = np.where(draw.random(n) < 0.7, 0.0, draw.pareto(1.3, n) * 500).round(2)
    turnover = draw.lognormal(8, 2.0, n).round(2)
    columns = {
        "claims": claims,
        "turnover": turnover,
        "tax": (turnover * 0.19).round(2),
        "shock": draw.standard_t(2, n),
        "events": draw.negative_binomial(1, 0.1, n),
        "is_open": (draw.random(n) < 0.8).tolist(),
    }
    return _finished(draw, columns, np.log1p(claims))


def _rare(draw: np.random.Generator, n: int) -> Table:
    """One outcome in fifty, and flags that are nearly always off."""
    speed = draw.normal(100, 15, n)
    columns = {
        "speed": speed,
        "pressure": draw.normal(3, 0.4, n).round(3),
        "alarm": draw.choice([0, 1], n, p=[0.98, 0.02]),
        "machine": draw.choice([f"m{k}" for k in range(12)], n).tolist(),
        "hours": _gaps(draw, draw.exponential(200, n), 0.3),
    }
    return _finished(draw, columns, speed, rate=0.02)


def _survey(draw: np.random.Generator, n: int) -> Table:
    """Few values everywhere: rows agree by chance all the time."""
    columns: dict[str, Any] = {f"q{k}": draw.integers(1, 4, n) for k in range(5)}
    columns["group"] = draw.choice(["a", "b", "c"], n).tolist()
    return _finished(draw, columns, columns["q0"] + draw.normal(0, 1, n), protected=("group",))


def _prices(draw: np.random.Generator, n: int) -> Table:
    """A number as the outcome, and many columns that hang together."""
    size = draw.lognormal(4.3, 0.4, n)
    rooms = np.maximum(1, (size / 25 + draw.normal(0, 0.6, n)).round()).astype(int)
    built = draw.integers(1920, 2023, n)
    price = size * 3000 * np.exp(draw.normal(0, 0.2, n))
    columns = {
        "size": size.round(1),
        "rooms": rooms,
        "baths": np.maximum(1, rooms // 2 + draw.integers(-1, 2, n)),
        "built": built,
        "energy": (200 - (built - 1920) + draw.normal(0, 25, n)).round(1),
        "height": draw.normal(2.5, 0.15, n).round(2),
        "district": draw.choice([f"d{k}" for k in range(30)], n).tolist(),
        "price": price.round(0),
    }
    rows = pl.DataFrame({"row_id": np.arange(n, dtype=np.uint64), **columns})
    in_test = pl.Series(draw.random(n) < 0.25)
    return Table(rows.filter(~in_test), Task("regression", "price", "a flat"), rows.filter(in_test))


SHAPES: tuple[Callable[[np.random.Generator, int], Table], ...] = (_loans, _calls, _texts, _tails, _rare, _survey, _prices)
