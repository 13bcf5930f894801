"""The door of the problem room: the only place here that reads or writes files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core import expressions
from runner.core.around import RoomSpec
from runner.core.files import write_json
from runner.core.gates import Gate
from runner.core.registry import part
from runner.core.stage import Done, Given
from runner.core.workspace import Workspace
from runner.problem import feasibility
from runner.problem.spec import ProblemSpec
from runner.problem.task import Task

SAMPLE_ROWS = 1000


def run(spec: ProblemSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Write problem.json (resolved payoff and policy, feasibility) and task.json (what data and features need).

    given: 'primary', the raw primary source (.parquet or text). Too little data is a failed gate with the numbers.
    Raises FaultsError (2) when the file cannot be read.
    """
    shown = Workspace(given.root).shown(given["primary"])
    rows = given.read() if given.read is not None else feasibility.scan(given["primary"], shown)
    found = feasibility.measure(rows, spec, shown)
    gates = [*feasibility.judge(found, spec), *open_questions(spec, given.adopted)]
    labels = feasibility.priced_labels(spec)
    chosen: Any = spec.policy
    policy = part("policy", chosen.kind)(chosen, spec.positive)
    resolved = spec.model_dump(mode="json", exclude=set(RoomSpec.common())) | {
        "policy": policy,
        "labels": labels,
        "rule_act": rule_act(spec, policy, rows),
        "feasibility_found": found.as_json(),
    }
    write_json(out["problem"], resolved)
    write_json(out["task"], task_of(spec, labels).as_json())
    return Done(tuple(gates))


def open_questions(spec: ProblemSpec, adopted: bool) -> list[Gate]:
    """A gate where the problem leaves questions open: what rests on a placeholder may be explored, never shipped."""
    if not spec.open_questions:
        return []
    told = " ".join(f"{key}: {question}" for key, question in spec.open_questions.items())
    hint = " Answer in the experiment's file and delete the line under problem.open_questions."
    return [Gate("open questions", "problem", "failed" if adopted else "warned", "none", len(spec.open_questions), told + hint)]


def task_of(spec: ProblemSpec, labels: list[str] | None) -> Task:
    """What the rooms data and features may know; a change of payoff or policy leaves it as it is."""
    return Task(
        task=spec.task,
        target=spec.target,
        row=spec.row,
        positive=spec.positive,
        labels=None if labels is None else tuple(labels),
        key=tuple(spec.key),
        time=spec.time,
        forbidden=tuple(spec.constraints.forbidden),
        protected=tuple(spec.constraints.protected),
        min_rows=spec.feasibility.min_rows,
        min_positives=spec.feasibility.min_positives,
    )


def rule_act(spec: ProblemSpec, policy: Mapping[str, Any], rows: pl.LazyFrame) -> str | None:
    """The action that a baseline's TRUE stands for: the policy's `act`, or for per_row in a binary task the action that
    is worth most when the positive label comes true (declining a loan that goes bad). None where neither is given.

    Priced on the first rows of the source, or on rows of ones where its columns do not have what the payoff names.
    """
    if policy.get("act") is not None:
        return str(policy["act"])
    if spec.positive is None or spec.payoff.actions is None:
        return None
    prices = {action: values[spec.positive] for action, values in spec.payoff.actions.items()}
    worth = _mean_prices(prices, rows)
    # Of equals the first declared one.
    return None if worth is None else max(worth, key=lambda action: worth[action])


def _mean_prices(prices: Mapping[str, str], rows: pl.LazyFrame) -> dict[str, float] | None:
    try:
        parsed = {action: expressions.parse(sql) for action, sql in prices.items()}
        named = sorted({root for expression in parsed.values() for root in expression.meta.root_names()})
    except PolarsError:
        return None
    ones = pl.DataFrame({name: [1.0] for name in named} or {"__runner_one": [1.0]})
    for sample in (*_sample(rows, named), ones):
        means = _means(sample, parsed)
        if means is not None:
            return means
    return None


def _sample(rows: pl.LazyFrame, named: list[str]) -> list[pl.DataFrame]:
    try:
        return [rows.select(named).head(SAMPLE_ROWS).collect()] if named else []
    except (PolarsError, PanicException):
        # A column that joins bring, or damage that the data room will name.
        return []


def _means(sample: pl.DataFrame, prices: Mapping[str, pl.Expr]) -> dict[str, float] | None:
    columns = {action: f"__runner_{n}" for n, action in enumerate(prices)}
    try:
        priced = sample.with_columns(prices[action].cast(pl.Float64).alias(name) for action, name in columns.items())
    except PolarsError:
        return None
    means = {action: priced[name].drop_nulls().drop_nans().to_numpy() for action, name in columns.items()}
    if not all(values.size for values in means.values()):
        return None
    return {action: float(values.mean()) for action, values in means.items()}
