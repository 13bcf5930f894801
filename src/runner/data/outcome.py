"""The outcome column: rows without one, labels as text, and whether there is enough to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import polars as pl

from runner.bundle.contract import shown
from runner.core.gates import AT_LEAST, AT_MOST, Gate, Status
from runner.problem.task import Task

ROOM = "data"
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def as_outcome(rows: Frame, task: Task) -> Frame:
    """The rows with a class label as text; a regression's target stays as it is declared."""
    return rows if task.labels is None else rows.with_columns(pl.col(task.target).cast(pl.String))


def label_counts(rows: pl.DataFrame, task: Task) -> dict[str, int] | None:
    """Label to rows, priced labels without rows among them, sorted by label; None for regression."""
    if task.labels is None:
        return None
    found = dict(rows[task.target].drop_nulls().alias("label").value_counts(name="rows").iter_rows())
    return dict(sorted((dict.fromkeys(task.labels, 0) | found).items()))


def judge(rows: pl.DataFrame, task: Task) -> list[Gate]:
    """Gates on what is left after filter and quarantine: enough rows, enough of each label, labels that have a price.

    rows: all rows of train and test, with labels as text.
    """
    gates = [
        _gate(
            "min_rows",
            rows.height >= task.min_rows,
            task.min_rows,
            rows.height,
            f"{rows.height:,} rows are left after filter and quarantine",
        )
    ]
    counts = label_counts(rows, task)
    if counts is None:
        n_values = rows[task.target].n_unique()
        return [*gates, _gate("target_varies", n_values > 1, 2, n_values, f"{task.target} has {n_values:,} different values", "values")]
    unpriced = {label: n for label, n in counts.items() if label not in (task.labels or ())}
    told = _told(counts)
    if unpriced:
        hint = "price them under payoff.actions, or leave them out with data.filter"
        evidence = f"labels that payoff.actions does not price: {_told(unpriced)}; {hint}"
        gates.append(Gate("labels_priced", ROOM, "failed", 0, len(unpriced), evidence, "labels without a price", AT_MOST))
    n_labels = sum(n > 0 for n in counts.values())
    gates.append(_gate("target_varies", n_labels > 1, 2, n_labels, f"{task.target}: {told}", "labels"))
    rarest = min(counts[label] for label in task.labels or ())
    return [*gates, _gate("min_positives", rarest >= task.min_positives, task.min_positives, rarest, f"rows of each label: {told}")]


def _gate(name: str, passed: bool, limit: float, found: float, evidence: str, unit: str = "rows") -> Gate:
    status: Status = "passed" if passed else "failed"
    return Gate(name, ROOM, status, limit, found, evidence, unit, AT_LEAST)


def _told(counts: Mapping[str, int], limit: int = 12) -> str:
    some = [f"{shown(label)} {n:,}" for label, n in list(counts.items())[:limit]]
    return ", ".join(some) + (f" and {len(counts) - limit} more" if len(counts) > limit else "")
