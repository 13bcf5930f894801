"""The contract of a column: what was seen, with room to breathe."""

from __future__ import annotations

from typing import Any

import polars as pl

from runner.proposal.numbers import round_up
from runner.proposal.outcome import Outcome
from runner.proposal.profile import has_word
from runner.proposal.roles import Roles
from runner.proposal.rules import max_age_hours, pattern_of
from runner.proposal.table import Column, Table

MOST_ALLOWED, ROWS_PER_ALLOWED = 12, 30
AGE_LIMIT, YEARS = 120, (1900, 2100)
ROOM = 2.0
LARGEST = 1e15


def contract_of(table: Table, outcome: Outcome, roles: Roles) -> dict[str, dict[str, Any]]:
    """Column to its contract, the outcome first, then as in the file."""
    first = outcome.column.name
    order = [first, *(name for name in table.columns if name != first)]
    return {name: _target(outcome) if name == first else _column(table.columns[name], table.rows[name], roles) for name in order}


def _target(outcome: Outcome) -> dict[str, Any]:
    column = outcome.column
    declared: dict[str, Any] = {"type": column.type}
    if outcome.task == "regression":
        return declared | _range(column)
    if column.type == "string":
        declared["allowed"] = list(outcome.labels)
    return declared | ({"on_fail": "reject"} if not outcome.n_rare else {})


def _column(column: Column, values: pl.Series, roles: Roles) -> dict[str, Any]:
    declared: dict[str, Any] = {"type": column.type}
    if column.facts.missing:
        declared["nullable"] = True
    if column.is_number and column.name != roles.key and column.name not in roles.entities:
        declared |= _range(column, roles.sentinels.get(column.name, ()))
    if column.type == "string" and _is_closed(column):
        declared["allowed"] = sorted(text for text, _ in column.facts.top)
    elif (pattern := pattern_of(column, values)) is not None:
        declared["pattern"] = pattern
    if column.name == roles.key and not roles.n_repeated_keys:
        declared["unique"] = True
    if column.name == roles.time and (age := max_age_hours(column)) is not None:
        declared["max_age_hours"] = age
    if column.name in roles.after:
        declared["available"] = "after_event"
    return declared


def _is_closed(column: Column) -> bool:
    """Whether the texts seen are few and common enough to be taken for all there are."""
    facts = column.facts
    writable = all("${" not in text and text != "???" for text, _ in facts.top)
    return writable and facts.distinct <= min(MOST_ALLOWED, facts.known / ROWS_PER_ALLOWED)


def _range(column: Column, sentinels: tuple[int, ...] = ()) -> dict[str, float | int]:
    """Least and greatest allowed value. sentinels: numbers that stand for 'unknown', allowed and no measure of the others."""
    facts = column.facts
    if facts.low in sentinels:
        return {"min": min(sentinels), **{end: value for end, value in _range(column).items() if end == "max"}}
    low, high = float(facts.low or 0), float(facts.high or 0)  # type: ignore[arg-type]
    if max(abs(low), abs(high)) > LARGEST:
        return {}
    if column.type == "int" and low >= 0 and high <= 1:
        return {"min": 0, "max": 1}
    if column.type == "int" and low >= YEARS[0] and high <= YEARS[1]:
        return {"min": YEARS[0], "max": YEARS[1]}
    if has_word(column.name, ("age",)) and low >= 0 and high <= AGE_LIMIT:
        return {"min": 0, "max": AGE_LIMIT}
    # Twice what was seen, to a round number: an honest new value passes, a wrong unit or a slipped comma does not.
    ends = {"min": 0.0 if low >= 0 else -round_up(ROOM * -low), "max": round_up(ROOM * high) if high > 0 else 0.0}
    return {end: int(value) if value.is_integer() else value for end, value in ends.items()}
