"""Results that are there: those of this machine, and where it has none those that the last page was written from.

Predictions stay on the machine that made them. What a later comparison needs of them, the losses by block, goes into the page's JSON.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.arena.cases import Case
from benchmarks.arena.measure import blocks, losses
from benchmarks.arena.run import constant, data_of, place, truth
from benchmarks.arena.systems import System

Row = dict[str, Any]
DIGITS = 7


def results(budget: float, systems: Sequence[System], cases: Sequence[Case], page: Path) -> list[Row]:
    """Each with `blocks`, the sums of its losses, or None where it failed or was made before they were kept. page: quality.json as it was."""
    earlier = {(row["system"], row["table"]): row for row in _earlier(budget, page)}
    found = []
    for case in cases:
        for system in systems:
            row = _here(budget, system, case) or earlier.get((system.name, case.name))
            found += [row] if row is not None else []
    return found


def _here(budget: float, system: System, case: Case) -> Row | None:
    path = place(system.name, case.name, budget)
    if not path.is_file():
        return None
    row: Row = json.loads(path.read_text())
    if row["status"] != "ok":
        return row | {"blocks": None}
    folder, about = data_of(case)
    told = blocks(losses(pl.read_parquet(path.with_suffix(".parquet")).to_numpy(), truth(folder, about), about["task"]))
    return row | {"blocks": [float(f"{value:.{DIGITS}g}") for value in told]}


def _earlier(budget: float, page: Path) -> list[Row]:
    if not page.is_file():
        return []
    parts = json.loads(page.read_text())["budgets"].get(f"{budget:g}", {})
    return [{"blocks": None, **row} for row in parts.get("all", {}).get("results", [])]


def constants(cases: Sequence[Case]) -> dict[str, np.ndarray]:
    """Each table's losses of the constant on its test rows."""
    found = {}
    for case in cases:
        folder, about = data_of(case)
        found[case.name] = losses(constant(folder, about), truth(folder, about), about["task"])
    return found
