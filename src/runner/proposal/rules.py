"""Rules that all rows of the table keep, and may well be meant: texts of one form, dates in order, how many rows there are, how often the outcome is."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import polars as pl

from runner.core.expressions import literal
from runner.proposal.numbers import round_down, round_up, written
from runner.proposal.outcome import Outcome
from runner.proposal.roles import Roles
from runner.proposal.table import Column, Table

FEWEST_ROWS = 50
LONGEST_FORM = 40
ROOM = 2.0
HOURS = 3_600_000_000
# What a run of signs is replaced by, letters and digits first, so that the others are what is left.
CLASSES = (("A", "[A-Z]"), ("a", "[a-z]"), ("0", "[0-9]"))


def pattern_of(column: Column, values: pl.Series) -> str | None:
    """The regular expression of a text column whose values are all of one form, such as `[0-9]{4}-[A-Z]{5}`; None where they are not.

    values: as the contract holds them. A form without a digit is no code: words are not held to their length.
    """
    known = values.drop_nulls()
    if column.type != "string" or known.len() < FEWEST_ROWS or column.facts.longest > LONGEST_FORM:
        return None
    form = known
    for sign, kind in CLASSES:
        form = form.str.replace_all(kind, sign)
    # Letters and digits are signs of the form now, and a form of other signs is none.
    forms = form.unique()
    if forms.len() != 1 or "0" not in forms[0] or not re.fullmatch(r"[Aa0 ._/#:-]+", forms[0]):
        return None
    runs = re.findall(r"A+|a+|0+|[^Aa0]", forms[0])
    return "".join(_counted(dict(CLASSES)[run[0]], len(run)) if run[0] in "Aa0" else re.escape(run) for run in runs)


def _counted(kind: str, n: int) -> str:
    return kind if n == 1 else f"{kind}{{{n}}}"


def row_rules(table: Table, roles: Roles) -> dict[str, dict[str, Any]]:
    """Name to rule: of two dates the one that never lies after the other, and not always on the same day."""
    moments = [name for name in (*roles.times, *roles.moments) if table.columns[name].is_moment]
    found: dict[str, dict[str, Any]] = {}
    for first, second in permutations(moments, 2):
        one, other = table.columns[first], table.columns[second]
        if one.type != other.type:
            continue
        gaps = (table.rows[second] - table.rows[first]).drop_nulls()
        if gaps.len() >= FEWEST_ROWS and not (gaps < timedelta(0)).any() and gaps.n_unique() > 1:
            found[f"{first}_before_{second}"] = {"sql": f"{one.sql} <= {other.sql}", "on_fail": "warn"}
    return found


def table_rules(table: Table, outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Name to rule: at least half as many rows as now, and the outcome neither half nor twice as frequent (a number: its mean)."""
    rules = {"enough_rows": f"COUNT(*) >= {round_down(table.rows.height / 2)}"}
    target = outcome.column
    if outcome.positive is not None:
        share = outcome.labels[outcome.positive] / sum(outcome.labels.values())
        label = literal(outcome.positive) if target.type == "string" else outcome.positive
        rules["usual_outcome"] = (
            f"AVG(CASE WHEN {target.sql} = {label} THEN 1.0 ELSE 0.0 END) BETWEEN {_short(share / ROOM)} AND {_short(min(1.0, share * ROOM))}"
        )
    elif outcome.task == "regression" and float(target.facts.low or 0) >= 0:  # type: ignore[arg-type]
        mean = float(table.rows[target.name].mean() or 0.0)  # type: ignore[arg-type]
        if mean > 0:
            rules["usual_outcome"] = f"AVG({target.sql}) BETWEEN {_short(mean / ROOM)} AND {_short(mean * ROOM)}"
    return {name: {"sql": sql, "on_fail": "warn"} for name, sql in rules.items()}


def _short(value: float) -> str:
    return written(float(f"{value:.2g}"))


def max_age_hours(column: Column) -> float | None:
    """Twice the hours that the column's moments span, to a round number; None where they span none."""
    low, high = column.facts.low, column.facts.high
    if not isinstance(low, date) or not isinstance(high, date):
        return None
    span = (high - low).total_seconds() / 3600.0
    return round_up(ROOM * span) if span > 0 else None
