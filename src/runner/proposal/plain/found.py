"""What is worked out of a table that is to be fitted, before a line is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import floor, log10
from typing import Any

import numpy as np
import polars as pl

from runner.core.faults import Fault, FaultsError, RefusedError, fault, listed, nearest
from runner.proposal.asked import NO_TIME, Asked
from runner.proposal.outcome import Labels, Outcome, outcome_of
from runner.proposal.plain.folds import Folds, folds_of
from runner.proposal.plain.read import Read, read_by_steps
from runner.proposal.plain.recipe import plain_recipe
from runner.proposal.plain.wanted import Wanted
from runner.proposal.protected import is_protected
from runner.proposal.recipe import Recipe
from runner.proposal.roles import Roles, lifeless, roles_of
from runner.proposal.table import Column, Table
from runner.proposal.trials import learnable

LEARNED = Labels(most=1000, fewest_rows=2, whole=True)
FEWEST_ROWS, FEW_ROWS = 10, 200
# A number that rows are ordered by becomes microseconds: with so many digits more at most, and no later than the year 2286, where doubles still
# tell one from the next.
MOST_DIGITS, LATEST_US = 6, 1e16


@dataclass(frozen=True)
class PlainFound:
    """table: the rows that are learned from, under the names that models see; read: how raw columns become those; time: the column that rows are
    put in order by, and how it is made of the raw one where it is no moment; notes: what a person should hear."""

    table: Table
    wanted: Wanted
    outcome: Outcome
    read: Read
    roles: Roles
    recipe: Recipe
    folds: Folds
    time: str | None
    group: str | None
    order: Mapping[str, str]
    notes: tuple[str, ...]


def work_out(table: Table, wanted: Wanted, raw_columns: list[str]) -> PlainFound:
    """Every column is used that can be. Raises FaultsError where target or columns do not fit, RefusedError where there is too little to learn from."""
    _check_named(wanted, table, raw_columns)
    if table.size[0] < FEWEST_ROWS:
        raise _too_few(table, f"{table.size[0]} rows")
    ignored = {column.name: "ignored, as told" for raw in wanted.ignored if raw != wanted.target and (column := table.of_raw(raw)) is not None}
    table = table.without(ignored)
    asked = Asked(wanted.name, wanted.target, wanted.task, time=NO_TIME)
    outcome = outcome_of(table, asked, raw_columns, LEARNED)
    if outcome.respelled:
        new = f"{outcome.column.name}_outcome"
        table = table.renamed(outcome.column.name, new if new not in table.columns else f"{new}_")
        outcome = outcome_of(table, asked, raw_columns, LEARNED)
    rows = learnable(table.rows, outcome)
    time, group = _named(table, wanted.time, "--time-column"), _named(table, wanted.group, "--group-column")
    for name in _names(time, group):
        rows = rows & table.rows[name].is_not_null()
    known = table.only(rows)
    if known.rows.height < FEWEST_ROWS or (outcome.labels and outcome.rarest < 2):
        raise _too_few(table, _counted(known, outcome))
    dead = {name: why for name, why in lifeless(known, outcome.column.name).items() if name not in _names(time, group)}
    repeats = [name for name, why in dead.items() if why.startswith("repeats the outcome")]
    apart = {outcome.column.name, *_names(time, group)}
    read = read_by_steps(known.without(dead), apart)
    roles = _roles(read.table, outcome, asked, apart)
    if not set(read.table.columns) - {*apart, roles.key} - ({time.name} if time is not None and not time.is_moment else set()):
        left = "; ".join(f"{name}: {why}" for name, why in {**read.table.left_out}.items())
        raise fault(f"--data {table.source.shown}", "no column is left that could tell the outcome", "at least one column beside the target", left)
    recipe = plain_recipe(read.table, outcome, roles)
    folds = folds_of(known.rows, outcome, time, group, wanted.test_share)
    order = {f"{time.name}_order": _as_moment(time.sql, known.rows[time.name])} if time is not None and not time.is_moment else {}
    notes = tuple(_notes(table, known, outcome, roles, wanted, repeats))
    return PlainFound(read.table, wanted, outcome, read, roles, recipe, folds, time.name if time else None, group.name if group else None, order, notes)


def _check_named(wanted: Wanted, table: Table, raw_columns: list[str]) -> None:
    """Every column that is named, at once."""
    named = [("--target", wanted.target), ("--time-column", wanted.time), ("--group-column", wanted.group), *(("--ignore", name) for name in wanted.ignored)]
    faults = [
        Fault(flag, f"there is no column {name!r} in {table.source.shown}", "a column of the data", nearest(name, raw_columns) or _columns(raw_columns))
        for flag, name in named
        if name is not None and name not in raw_columns
    ]
    same = [flag for flag, name in named[1:] if name == wanted.target]
    faults += [Fault(flag, f"{wanted.target!r} is the target", "another column") for flag in same]
    if faults:
        raise FaultsError(faults)


def _columns(raw_columns: list[str]) -> str:
    return f"columns: {listed(raw_columns, 40)}"


def _named(table: Table, raw: str | None, flag: str) -> Column | None:
    """The column of a role. Raises FaultsError where it cannot have it."""
    if raw is None:
        return None
    column = table.of_raw(raw)
    if column is None:
        raise fault(flag, f"{raw!r} cannot be used: {table.left_out.get(raw, 'it is left out')}", "a column of the data with values")
    if flag == "--time-column" and not (column.is_moment or column.is_number):
        raise fault(flag, f"{raw!r} is read as {column.type}, such as {column.facts.top[0][0]!r}", "dates, moments or numbers that rise with time")
    return column


def _names(*columns: Column | None) -> list[str]:
    return [column.name for column in columns if column is not None]


def _as_moment(sql: str, values: pl.Series) -> str:
    """A number as a moment: only the order counts. Spread out as far as years allow, so that fractions of a unit differ too.

    Counted in DOUBLE, since small integers would wrap around.
    """
    sizes = np.abs(values.cast(pl.Float64).to_numpy())
    largest = float(sizes[np.isfinite(sizes)].max(initial=1.0))
    digits = min(MOST_DIGITS, floor(log10(LATEST_US / largest)))
    return f"CAST(CAST(CAST({sql} AS DOUBLE) * {10.0**digits!r} AS BIGINT) AS TIMESTAMP)"


def _roles(table: Table, outcome: Outcome, asked: Asked, apart: set[str]) -> Roles:
    """As `init` guesses them, with nothing kept from the models for its name or its power: whoever names a table means all of it."""
    found = roles_of(table, outcome, asked, {})
    key = found.key if found.key not in apart else None
    entities = tuple(name for name in found.entities if name not in apart and table.columns[name].facts.distinct == table.columns[name].facts.known)
    free = tuple(name for name in found.free if name not in apart)
    moments = tuple(name for name, column in table.columns.items() if column.is_moment)
    return replace(found, key=key, n_repeated_keys=0 if key is None else found.n_repeated_keys, entities=entities, free=free, moments=moments, **NOTHING)


NOTHING: dict[str, Any] = {"time": None, "times": (), "protected": (), "doubtful": {}, "after": {}}


def _too_few(table: Table, counted: str) -> RefusedError:
    expected = f"at least {FEWEST_ROWS} rows with an outcome, and two of every label; better hundreds"
    return RefusedError([Fault(f"--data {table.source.shown}", f"{counted}: too few to learn from and to judge on", expected, "bring more rows")])


def _counted(table: Table, outcome: Outcome) -> str:
    of = f", {outcome.rarest} of the rarest label" if outcome.labels else ""
    return f"{table.rows.height} rows with an outcome{of}"


def _notes(table: Table, known: Table, outcome: Outcome, roles: Roles, wanted: Wanted, repeats: list[str]) -> Iterator[str]:
    """What a person should hear at once."""
    if table.source.note:
        yield table.source.note
    without = int(table.rows[outcome.column.name].is_null().sum())
    if without:
        yield f"{without:,} rows without a value of {wanted.target} are left out"
    rest = table.rows.height - known.rows.height - without
    if rest:
        yield f"{rest:,} rows of labels with a single row, or without a time or a group, are left out"
    if repeats:
        yield f"left out because they repeat the target in every row: {listed(repeats)}"
    used = [name for name in known.columns if name != outcome.column.name and is_protected(name)]
    if used:
        yield f"used like any other column, though law or policy may forbid it: {listed(used)}; --ignore COLUMN leaves one out"
    if wanted.time is None:
        dates = [name for name in known.columns if known.columns[name].is_moment]
        if dates:
            yield f"folds are drawn at random; if later rows are to be predicted from earlier ones: --time-column {dates[0]}"
    if roles.key:
        yield f"{roles.key} names a row: copied to the scores, never a feature"
    if known.rows.height < FEW_ROWS:
        yield f"{known.rows.height} rows with an outcome are very few: expect wide intervals"
