"""The proposal tried before it is written: does the split serve, does a feature give the outcome away, which cut tells most?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import labels
from runner.core.expressions import literal, parse
from runner.core.gates import any_failed
from runner.data.enforce import ROW_ID
from runner.data.seal import seal
from runner.data.splits.by_time import ByTimeSpec
from runner.data.splits.grouped import GroupedSpec
from runner.data.splits.stratified import StratifiedSpec
from runner.data.structure.look import look
from runner.features import recipe as planned
from runner.features.leakage.case import FOLDS, Case
from runner.features.leakage.look import look as suspicions
from runner.features.leakage.power import single_power
from runner.features.leakage.spec import LeakageSpec
from runner.features.spec import FeaturesSpec
from runner.problem.task import Task
from runner.proposal.numbers import rounded_between, written
from runner.proposal.outcome import Outcome
from runner.proposal.recipe import Recipe, slug, unique
from runner.proposal.roles import Roles
from runner.proposal.table import Column, Table

SEED = 20130
TEST_SHARE = 0.2
ENOUGH = 50_000  # rows that show what a feature can do alone
SLICE_SHARES = (0.05, 0.6)
MOST_SLICES = 4
MOST_CUT = 200  # columns, the most telling ones, in which the best single cut is looked for
LEVELS = 12
CUTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Split:
    """kind; folds; serves: whether test and folds can be used; train: the rows that are not the test, labels as text, without missing outcomes;
    group: the column whose equal values stay together, '' where none does."""

    kind: str
    folds: int
    serves: bool
    train: pl.DataFrame
    group: str = ""


def split_of(table: Table, outcome: Outcome, roles: Roles) -> Split:
    """The first split that serves: by time where there is a time, by group where rows of one are alike, with as many folds as the rarest label allows."""
    task = Task(outcome.task, outcome.column.name, "", outcome.positive, tuple(outcome.labels) or None)
    rows = table.rows.with_row_index(ROW_ID)
    rows = rows if outcome.task == "regression" else rows.with_columns(labels(rows[outcome.column.name]))
    if roles.time is not None:
        rows = rows.filter(pl.col(roles.time).is_not_null())
    group = _group(rows, table, roles, task) if roles.time is None else ""
    tried = [_sealed(rows, kind, folds, roles.time, task, group) for kind, folds in _splits(roles.time, group)]
    return next((split for split in tried if split.serves), tried[-1])


def _group(rows: pl.DataFrame, table: Table, roles: Roles, task: Task) -> str:
    """The column of a group whose rows are surely alike, and that every row has; '' where there is none."""
    whole = {name: column for name, column in table.columns.items() if name != roles.key}
    contract = {"columns": {name: {"type": column.type} for name, column in whole.items()}}
    found = look(rows.lazy(), contract, task, StratifiedSpec(kind="stratified"), SEED)
    return next((s.column for s in found if s.kind == "group" and s.severity == "serious" and not whole[s.column].facts.missing), "")


def _splits(time: str | None, group: str) -> Iterator[tuple[str, int]]:
    if time is not None:
        yield from (("by_time", folds) for folds in (4, 3, 2))
    if group:
        yield from (("grouped", folds) for folds in (5, 3, 2))
    yield from (("stratified", folds) for folds in (5, 3, 2))


def fewest_rows(folds: int) -> int:
    """The fewest rows of which a test and so many folds can be made.

    >>> fewest_rows(5), fewest_rows(2)
    (7, 3)
    """
    return next(n for n in range(1, 3 * folds) if int(n * (1 - TEST_SHARE)) >= folds)


def learnable(rows: pl.DataFrame, outcome: Outcome) -> pl.Series:
    """Which rows have an outcome that is learned."""
    target = rows[outcome.column.name]
    return target.is_not_null() if outcome.task == "regression" else labels(target).is_in(list(outcome.labels)).fill_null(value=False)


def _sealed(rows: pl.DataFrame, kind: str, folds: int, time: str | None, task: Task, group: str) -> Split:
    spec: Any = StratifiedSpec(kind="stratified", test_share=TEST_SHARE, folds=folds)
    if kind == "by_time" and time is not None:
        spec = ByTimeSpec(kind="by_time", column=time, test_share=TEST_SHARE, folds=folds)
    if kind == "grouped":
        spec = GroupedSpec(kind="grouped", group=group, test_share=TEST_SHARE, folds=folds)
    found = seal(rows, spec, task, SEED)
    return Split(kind, folds, not any_failed(found.gates), found.train, group if kind == "grouped" else "")


def case_of(split: Split, outcome: Outcome, roles: Roles, recipe: Recipe) -> Case:
    """The training rows as the leakage gate of the features room will see them."""
    rows = split.train if split.train.height <= ENOUGH else split.train.sample(ENOUGH, seed=SEED)
    hidden = [ROW_ID, outcome.column.name, *roles.protected, *roles.after, *(name for name in (roles.key, roles.time) if name)]
    spec = FeaturesSpec.model_validate({"steps": recipe.steps, "drop": list(recipe.drop)})
    known, classes = planned.outcome_columns(rows[outcome.column.name], outcome.task, list(outcome.labels), outcome.positive)
    plan, enriched = planned.plan(spec, rows, known, classes, hidden)
    own = planned.fit(plan, enriched, known, classes, SEED).own.drop(ROW_ID, outcome.column.name, *roles.after, strict=False)
    identities = [name for name in (roles.key, split.group) if name and name in own.columns]
    read = frozenset(column for step in spec.steps.values() for column in step.columns_read)
    time = roles.time if roles.time in own.columns else None
    return Case(own, plan.features, known, outcome.task, outcome.column.name, SEED, time, identities, read)


def powers(case: Case) -> dict[str, float]:
    """Feature to what it can do alone on the training rows, as the features room will measure it; 0 where too few rows are left."""
    if case.rows.height < FOLDS or len(np.unique(case.outcome, axis=0)) < 2:
        return dict.fromkeys(case.names, 0.0)
    return single_power(case.rows, case.features, case.outcome, case.task, case.fold)


def leaks(case: Case, recipe: Recipe) -> dict[str, str]:
    """Columns that would be stopped by the leakage gate, or of which a feature is made that would be, and why."""
    if len(np.unique(case.outcome, axis=0)) < 2:
        return {}
    found: dict[str, str] = {}
    for suspicion in suspicions(case, LeakageSpec().max_single_power):
        if suspicion.severity == "stops":
            column = recipe.made_of.get(suspicion.column, suspicion.column)
            found.setdefault(column, f"it tells the outcome ({suspicion.evidence})")
    return found


def ranked(power: Mapping[str, float], table: Table) -> list[Column]:
    """Contract columns that are features themselves, the most telling first."""
    order = sorted((name for name in power if name in table.columns), key=lambda name: (-power[name], name))
    return [table.columns[name] for name in order]


def rule_of(split: Split, outcome: Outcome, columns: list[Column], prices: tuple[float, float]) -> str | None:
    """The one cut in one column that would have earned most on the training rows, as SQL; None where none earns anything.

    prices: what acting earns on a positive row, and (negative) on any other.
    """
    is_positive = (split.train[outcome.column.name] == outcome.positive).to_numpy()
    worth = np.where(is_positive, prices[0], prices[1])
    best: tuple[float, str | None] = (0.0, None)
    for column in columns[:MOST_CUT]:
        rows = split.train.select(column.name)
        cuts = list(_cuts(rows[column.name], column))
        for sql, acted in zip(cuts, _all_true(rows, cuts), strict=True):
            # The tie goes to the cut that was found first, in the more telling column.
            best = max(best, (float(worth[acted].sum()), sql), key=lambda found: found[0])
    return best[1]


def _cuts(values: pl.Series, column: Column) -> Iterator[str]:
    if column.is_number:
        for cut in _quantiles(values):
            yield from (f"{column.sql} <= {written(cut)}", f"{column.sql} > {written(cut)}")
    elif column.type == "bool":
        yield from (column.sql, f"NOT {column.sql}")
    elif column.type == "string" and column.facts.distinct <= LEVELS:
        yield from (f"{column.sql} = {literal(text)}" for text, _ in column.facts.top)


def _quantiles(values: pl.Series) -> list[float]:
    """Places to cut a number, in few digits, and never so that all rows are on one side."""
    known = values.drop_nulls().cast(pl.Float64)
    if known.n_unique() < 2:
        return []
    steps = known.unique().sort()
    found: list[float] = []
    for share in CUTS:
        at = int(steps.search_sorted(float(known.quantile(share, "nearest") or 0.0)))
        low, high = float(steps[min(at, steps.len() - 2)]), float(steps[min(at, steps.len() - 2) + 1])
        cut = low if low.is_integer() else rounded_between((low + high) / 2, low, high)
        if float(written(cut)) < high:
            found.append(cut)
    return list(dict.fromkeys(found))


def _all_true(rows: pl.DataFrame, conditions: list[str]) -> list[np.ndarray]:
    """Which rows each condition is TRUE for. rows: with the columns that are named, and best no others: every one more costs time."""
    found = rows.select(parse(sql).fill_null(value=False).alias(f"__runner_true{i}") for i, sql in enumerate(conditions))
    return [values.to_numpy() for values in found]


def slices_of(split: Split, columns: list[Column]) -> dict[str, str]:
    """Groups of rows worth a look of their own: the ends of telling numbers and the common values of telling texts, one of each column."""
    found: dict[str, str] = {}
    for column in columns:
        if len(found) == MOST_SLICES:
            break
        rows = split.train.select(column.name)
        for name, sql in _ends(rows[column.name], column):
            share = float(_all_true(rows, [sql])[0].mean()) if rows.height else 0.0
            if SLICE_SHARES[0] <= share <= SLICE_SHARES[1]:
                found[unique(name, found)] = sql
                break
    return found


def _ends(values: pl.Series, column: Column) -> Iterator[tuple[str, str]]:
    if column.is_number:
        cuts = _quantiles(values)
        if len(cuts) > 1:
            yield f"low_{slug(column.name)}", f"{column.sql} <= {written(cuts[min(1, len(cuts) - 1)])}"
            yield f"high_{slug(column.name)}", f"{column.sql} > {written(cuts[-2])}"
        elif cuts:
            yield slug(column.name), f"{column.sql} > {written(cuts[0])}"
    elif column.type == "bool":
        yield slug(column.name), column.sql
        yield f"not_{slug(column.name)}", f"NOT {column.sql}"
    elif column.type == "string" and column.facts.distinct <= LEVELS:
        for text, _ in column.facts.top:
            yield f"{slug(column.name)}_{slug(text).removeprefix('column_')}", f"{column.sql} = {literal(text)}"
