"""Features for a table that nobody comments on: those of `init`, and what else helps models that see every column."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.core.expressions import identifier
from runner.proposal.outcome import Outcome
from runner.proposal.profile import has_word
from runner.proposal.recipe import DAYS, MANY_VALUES, MOST_CLASSES, Recipe, recipe_of, unique
from runner.proposal.roles import ID_WORDS, NUMBER_WORDS, Roles
from runner.proposal.table import Column, Table

NATIVE = 200  # values of a text up to which models see it beside what stands for it
NATIVE_OF_MANY_CLASSES = 1000
WORDS, TEXT_ROWS, MOST_TEXTS = 3, 50_000, 3


def plain_recipe(table: Table, outcome: Outcome, roles: Roles) -> Recipe:
    """The steps. Of the column that puts rows in order too: how far along a row is tells which level of the outcome it belongs to."""
    found = recipe_of(table, outcome, roles)
    most = NATIVE if len(outcome.labels) <= MOST_CLASSES else NATIVE_OF_MANY_CLASSES
    native = {name for name in found.drop if _is_many_valued(table, name) and name not in (*roles.free, *roles.entities)}
    drop = {name: why for name, why in found.drop.items() if name not in native or table.columns[name].facts.distinct > most}
    steps = dict(found.steps)
    taken = {*table.columns, *found.made_of}
    _days(steps, table, taken, {outcome.column.name, roles.key})
    _entities(steps, table, outcome, taken, roles)
    _texts(steps, table, roles)
    return replace(found, steps=steps, drop=drop)


def _is_many_valued(table: Table, name: str) -> bool:
    column = table.columns.get(name)
    return column is not None and column.type == "string" and column.facts.distinct > MANY_VALUES


def _days(steps: dict[str, Any], table: Table, taken: set[str], left_out: set[str | None]) -> None:
    """Each moment as a number of days: its order, which its calendar parts do not show."""
    made: dict[str, str] = {}
    for name, column in table.columns.items():
        if column.is_moment and name not in left_out:
            made[unique(f"{name}_days", {*taken, *made})] = f"EXTRACT(epoch FROM CAST({identifier(name)} AS TIMESTAMP)) / {DAYS}.0"
    if made:
        steps[unique("moments", steps)] = {"kind": "sql", "expressions": made}


def _entities(steps: dict[str, Any], table: Table, outcome: Outcome, taken: set[str], roles: Roles) -> None:
    """Whole numbers that name something several rows share: how the outcome was there, beside the number itself."""
    if len(outcome.labels) > MOST_CLASSES:
        return
    names = [name for name, column in table.columns.items() if name not in (roles.key, outcome.column.name) and _is_code(column)]
    free = [name for name in names if not any(made.startswith(f"{name}_target") for made in taken)]
    if free:
        steps[unique("codes", steps)] = {"kind": "target_encoding", "columns": free}


def _is_code(column: Column) -> bool:
    facts = column.facts
    said = has_word(column.name, (*ID_WORDS, *NUMBER_WORDS))
    return column.type == "int" and said and MANY_VALUES < facts.distinct < facts.known / 2


def _texts(steps: dict[str, Any], table: Table, roles: Roles) -> None:
    """What free text is about, where there are words in it."""
    if table.rows.height > TEXT_ROWS:
        return
    texts = [name for name in roles.free if table.columns[name].type == "string" and _words(table, name) >= WORDS][:MOST_TEXTS]
    if texts:
        steps[unique("texts", steps)] = {"kind": "tfidf", "columns": texts}
        steps[unique("text_counts", steps)] = {"kind": "text_counts", "columns": texts, "counts": ["length", "words"]}


def _words(table: Table, name: str) -> float:
    """Words of a usual text."""
    found = table.rows[name].drop_nulls().head(1000).str.count_matches(r"\S+").median()
    return float(found) if isinstance(found, int | float) else 0.0
