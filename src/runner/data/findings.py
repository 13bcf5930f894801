"""What is worth knowing of the training rows: per column and over all, for the report and for later rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

import polars as pl

from runner.bundle.contract import shown
from runner.data.seal import moment_text
from runner.problem.task import Task

SENTINELS = (date(1, 1, 1), date(1900, 1, 1), date(1970, 1, 1), date(9999, 12, 31))
MOSTLY_MISSING = 0.5
MANY_WITHOUT_OUTCOME = 0.2
TOP_VALUES = 5
SEVERITIES = ("serious", "warned", "info")


@dataclass(frozen=True)
class Finding:
    """severity; what: one sentence; evidence: the numbers; rows: how many rows it touches."""

    severity: Literal["info", "warned", "serious"]
    what: str
    evidence: str
    rows: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def summary(rows: pl.DataFrame, contract: Mapping[str, Any], private: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Column to type, missing share, number of distinct values, and range or most common values.

    private: columns whose values must not stand in a report (keys).
    """
    return {name: _column(rows[name], str(contract["columns"][name]["type"]), name in private) for name in contract["order"]}


def _column(values: pl.Series, kind: str, private: bool) -> dict[str, Any]:
    known = values.drop_nulls()
    found: dict[str, Any] = {
        "type": kind,
        "missing_share": values.null_count() / values.len() if values.len() else None,
        "distinct": known.n_unique(),
    }
    if private or not known.len():
        return found
    if known.dtype in (pl.String, pl.Boolean):
        most = known.cast(pl.String).alias("value").value_counts(name="rows").sort(["rows", "value"], descending=[True, False]).head(TOP_VALUES)
        return found | {"top": [{"value": shown(value)[1:-1] if value else value, "rows": n} for value, n in most.iter_rows()]}
    low, high = known.min(), known.max()
    as_time = known.dtype.is_temporal()
    return found | {"min": moment_text(low) if as_time else low, "max": moment_text(high) if as_time else high}


def lifeless(rows: pl.DataFrame, contract: Mapping[str, Any], task: Task) -> tuple[list[str], list[Finding]]:
    """Columns that can teach nothing (empty, constant, or a copy of an earlier one), and why."""
    if rows.height == 0:
        return [], []
    kept = {task.target, *task.key, task.time}
    dropped: list[str] = []
    findings: list[Finding] = []
    seen: dict[tuple[str, int, int], list[str]] = {}
    for name in contract["order"]:
        values = rows[name]
        n_values, n_missing = values.n_unique(), values.null_count()
        mark = (str(values.dtype), n_values, n_missing)
        twin = next((other for other in seen.get(mark, []) if rows[other].equals(values, null_equal=True)), None)
        seen.setdefault(mark, []).append(name)
        if name in kept:
            continue
        found = _why(name, n_values, n_missing == rows.height, twin, task.target, rows.height)
        if found is not None:
            findings.append(found)
            dropped.append(name)
    return dropped, findings


def _why(name: str, n_values: int, is_empty: bool, twin: str | None, target: str, n_rows: int) -> Finding | None:
    if is_empty:
        return Finding("warned", f"column {name} is empty", "every value is missing; it is left out of the features", n_rows)
    if n_values <= 1:
        return Finding("warned", f"column {name} is constant", "one value in every row; it is left out of the features", n_rows)
    if twin == target:
        return Finding("serious", f"column {name} repeats the outcome", f"equal to {target} in every row; it is left out of the features", n_rows)
    if twin is not None:
        return Finding("info", f"column {name} repeats {twin}", "equal in every row; it is left out of the features", n_rows)
    return None


def quality(rows: pl.DataFrame, contract: Mapping[str, Any]) -> list[Finding]:
    """Columns that are mostly missing, and dates that usually stand for 'unknown'."""
    findings: list[Finding] = []
    for name in contract["order"]:
        values = rows[name]
        n_missing = values.null_count()
        if rows.height and MOSTLY_MISSING < n_missing / rows.height < 1:
            findings.append(Finding("info", f"column {name} is mostly missing", f"{n_missing / rows.height:.1%} of the training rows", n_missing))
        if values.dtype.is_temporal():
            findings += _sentinels(name, values)
    return findings


def _sentinels(name: str, values: pl.Series) -> list[Finding]:
    days = values.cast(pl.Date)
    counts = {day: int((days == day).sum()) for day in SENTINELS}
    return [
        Finding(
            "warned",
            f"column {name} may use {day.isoformat()} for 'unknown'",
            f"{n:,} rows have this date; declare it missing with derive",
            n,
        )
        for day, n in counts.items()
        if n
    ]


def repeated_keys(train: pl.DataFrame, test: pl.DataFrame, task: Task) -> list[Finding]:
    """Rows whose declared key another row has too; serious where training and test share a key. Keys are counted, never shown."""
    key = list(task.key)
    if not key:
        return []
    both = pl.concat([train.select(key), test.select(key)])
    n_rows = int(both.is_duplicated().sum())
    if not n_rows:
        return []
    n_shared = test.join(train.select(key).unique(), on=key, how="semi", nulls_equal=True).height
    told = f"{n_rows:,} rows share their {', '.join(key)} with another row; {n_shared:,} rows of the test with one in training"
    hint = "; name the same columns under data.unique to set later ones aside"
    return [Finding("serious" if n_shared else "warned", "rows with the same key", told + hint, n_rows)]


def outcome(n_read: int, n_without: int, test: pl.DataFrame, train: pl.DataFrame, task: Task) -> list[Finding]:
    """Rows whose outcome is not known, and labels that only the test has."""
    findings: list[Finding] = []
    if n_without:
        severity: Literal["warned", "serious"] = "serious" if n_without / n_read > MANY_WITHOUT_OUTCOME else "warned"
        told = f"{n_without:,} of {n_read:,} rows have no {task.target}; they are left out of training and test"
        findings.append(Finding(severity, "rows without an outcome", told, n_without))
    if task.labels is not None:
        late = sorted(set(test[task.target].unique()) - set(train[task.target].unique()))
        n_late = test.filter(pl.col(task.target).is_in(late)).height
        findings += [Finding("serious", "labels that only the test has", ", ".join(map(shown, late)), n_late)] if late else []
    return findings
