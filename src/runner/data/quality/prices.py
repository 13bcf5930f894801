"""The money at stake in a finding, worked out when it is read: a new payoff re-prices what was found, and no row is read again for it.

What is priced is regret: what the affected rows would earn if each got the action that is best for what came true, less what they
earn under the one action that is best for all rows that nothing tells apart. For rows with the same features and different outcomes
that is lost for sure. For rows whose value is wrong or missing it is the most that the value can be worth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from runner.bundle.payoff import action_values, decision_values
from runner.core.workspace import RunFolders
from runner.data.enforce import ROW_ID
from runner.report.reading import Record, amount, load, record, records
from runner.report.words import some
from runner.stats.intervals import Interval, interval, unknown

CONFIDENCE, DRAWS, SEED, FEWEST = 0.95, 1_000, 20_240_601, 5
# A number as the one decision for all: tried at so many quantiles of what came true.
TRIED = 21


@dataclass(frozen=True)
class _Row:
    """worth: (k,) what the row earns under each action, given what came true; best: the most that any decision earns."""

    worth: np.ndarray
    best: float


def quality(folders: RunFolders) -> dict[str, Any]:
    """The quality report: the findings of data.json, most money first in each severity.

    Each has `money`, an interval per training row or null, and `money_is`: `at_most`, the most that mending can bring, or `lost`.
    """
    found = load(folders.reports / "data" / "data.json")
    problem = load(folders.reports / "problem" / "problem.json")
    priced = _priced(records(found, "findings"), problem, folders.data / "train.parquet", amount(found, "counts", "train") or 0.0)
    order = {severity: place for place, severity in enumerate(("serious", "warned", "info"))}
    ranked = sorted(priced, key=lambda f: (order.get(str(f.get("severity")), 3), -_value(f)))
    return {"findings": ranked, "unit": record(problem, "payoff").get("unit"), "rows": record(found, "counts").get("train")}


def _value(finding: Mapping[str, Any]) -> float:
    money = finding["money"]
    return 0.0 if money is None else float(money["value"])


def _priced(findings: list[Record], problem: Record, train: Path, n_rows: float) -> list[dict[str, Any]]:
    wanted = sorted({int(n) for f in findings for group in record(f, "stake").get("groups", []) for n in group})
    rows = _rows(wanted, problem, train) if wanted and n_rows else {}
    unit = f"{record(problem, 'payoff').get('unit', '')} per row"
    return [
        {key: value for key, value in finding.items() if key != "stake"}
        | {"money": _money(record(finding, "stake"), rows, n_rows, unit) if rows and record(finding, "stake") else None}
        | {"money_is": {"bound": "at_most", "conflict": "lost"}.get(str(record(finding, "stake").get("rule")))}
        for finding in findings
    ]


def _rows(wanted: list[int], problem: Record, train: Path) -> dict[int, _Row]:
    """Row id to what it is worth; none where the rows are not there or the payoff cannot be worked out on them."""
    if not train.is_file() or not record(problem, "payoff"):
        return {}
    ids = pl.Series(wanted, dtype=pl.UInt64)
    try:
        found = pl.scan_parquet(train).filter(pl.col(ROW_ID).is_in(ids.implode())).collect()
        return dict(_worths(found, problem))
    except PolarsError:
        # A payoff that reads what this table lacks prices nothing here; training says what is wrong with it.
        return {}


def _worths(rows: pl.DataFrame, problem: Record) -> Iterator[tuple[int, _Row]]:
    payoff, target = record(problem, "payoff"), str(problem["target"])
    if payoff.get("actions") is not None:
        labels = list(next(iter(record(payoff, "actions").values())))
        actual = rows[target].cast(pl.Enum(labels)).to_physical().to_numpy()
        worth = action_values(rows, payoff, labels)[np.arange(rows.height), :, actual]
        best = worth.max(axis=1)
    else:
        actual = rows[target].cast(pl.Float64).to_numpy()
        tried = np.quantile(actual, np.linspace(0.0, 1.0, TRIED))
        worth = np.column_stack([decision_values(rows, payoff, np.full(rows.height, d), actual) for d in tried])
        best = np.maximum(decision_values(rows, payoff, actual, actual), worth.max(axis=1))
    for row_id, values, most in zip(rows[ROW_ID].to_list(), worth, best, strict=True):
        yield row_id, _Row(values, float(most))


def _money(stake: Record, rows: Mapping[int, _Row], n_rows: float, unit: str) -> Interval | None:
    """The regret of all affected rows, spread over all training rows; the interval is of the rows drawn (percentile bootstrap)."""
    groups = [[rows[n] for n in group if n in rows] for group in stake.get("groups", [])]
    parts = [part for group in groups if group for part in (_regrets(group) if stake["rule"] == "bound" else [_together(group)])]
    scale = float(stake["rows"]) / n_rows
    if not parts:
        return None
    regret, size = np.array([p[0] for p in parts]), np.array([p[1] for p in parts], dtype=float)
    value = float(regret.sum() / size.sum()) * scale
    if len(parts) < FEWEST:
        return unknown(value, CONFIDENCE, unit, f"only {some(len(parts), 'row' if stake['rule'] == 'bound' else 'group')}")
    drawn = np.random.default_rng(SEED).integers(0, len(parts), (DRAWS, len(parts)))
    means = regret[drawn].sum(axis=1) / size[drawn].sum(axis=1) * scale
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return interval(value, float(low), float(high), CONFIDENCE, unit)


def _together(group: list[_Row]) -> tuple[float, int]:
    """Regret of one decision for all rows of a group, and how many rows it is of."""
    worth = np.stack([row.worth for row in group])
    return max(0.0, sum(row.best for row in group) - float(worth.sum(axis=0).max())), len(group)


def _regrets(group: list[_Row]) -> list[tuple[float, int]]:
    """Regret of each row under the one decision that is best for all of them."""
    worth = np.stack([row.worth for row in group])
    chosen = int(worth.sum(axis=0).argmax())
    return [(max(0.0, row.best - float(row.worth[chosen])), 1) for row in group]
