"""What must hold between rooms, checked before any data is read."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from runner.bundle.casts import DTYPES
from runner.core import expressions
from runner.core.faults import Fault, nearest
from runner.experiment.model import Experiment

def faults(experiment: Experiment) -> list[Fault]:
    """Every fault between rooms: columns that no contract has, expressions that do not type, settings that contradict."""
    found = [*_columns(experiment), *_expressions(experiment), *_training(experiment)]
    return list(dict.fromkeys(found))


def _columns(experiment: Experiment) -> Iterable[Fault]:
    problem, columns = experiment.problem, experiment.data.columns
    named = {"problem.target": [problem.target], "problem.key": problem.key, "problem.time": [problem.time] if problem.time else []}
    named |= {f"problem.constraints.{name}": getattr(problem.constraints, name) for name in ("forbidden", "protected")}
    named |= {"data.unique": experiment.data.unique}
    split = experiment.data.split
    named |= {"data.split.column": [c for c in [getattr(split, "column", None)] if c]}
    for at, names in named.items():
        yield from (Fault(at, f"{n!r} is not a contract column", "a column declared under data.columns", nearest(n, columns)) for n in names if n not in columns)
    for at in ("problem.time", "data.split.column"):
        for name in named[at]:
            if name in columns and columns[name].type not in ("date", "datetime"):
                yield Fault(at, f"{name!r} is declared as {columns[name].type}", "a date or datetime column", f"data.columns.{name}.type: datetime")
    known = {*columns, *(c for step in experiment.features.steps.values() for c in getattr(step, "adds", lambda: [])())}
    if not experiment.features.steps:
        yield from (Fault(f"features.drop.{n}", "not a contract column", hint=nearest(n, known)) for n in experiment.features.drop if n not in known)
    if problem.target in columns and columns[problem.target].available == "after_event" and problem.target in experiment.features.drop:
        return


def _expressions(experiment: Experiment) -> Iterable[Fault]:
    problem = experiment.problem
    everything = {name: DTYPES[c.type] for name, c in experiment.data.columns.items()}
    known = {name: dtype for name, dtype in everything.items() if experiment.data.columns[name].available == "at_decision" and name != problem.target}
    for action, values in (problem.payoff.actions or {}).items():
        yield from expressions.check(values, known, f"problem.payoff.actions.{action}")[0]
    if problem.payoff.sql is not None:
        yield from expressions.check({"": problem.payoff.sql}, {**known, "decision": pl.Float64(), "actual": pl.Float64()}, "problem.payoff.sql")[0]
    yield from expressions.check({f"{n}.sql": b.sql for n, b in problem.baselines.items()}, known, "problem.baselines")[0]
    slices, types = expressions.check(experiment.evaluation.slices, everything, "evaluation.slices")
    yield from slices
    yield from (Fault(f"evaluation.slices.{n}", f"gives {t}", "an expression that is TRUE or FALSE") for n, t in types.items() if t != pl.Boolean)


def _training(experiment: Experiment) -> Iterable[Fault]:
    constraints, candidates = experiment.problem.constraints, experiment.training.candidates
    if constraints.interpretable_only and not any(c.interpretable for c in candidates.values()):
        yield Fault(
            "problem.constraints.interpretable_only", f"no candidate can be read: {', '.join(candidates)}", "at least one readable candidate", "training/model=linear"
        )
    taken = sorted(set(candidates) & {"constant", *experiment.problem.baselines})
    yield from (Fault(f"training.candidates.{name}", "a baseline has this name", "a name of its own") for name in taken)
    hidden = {*constraints.forbidden, *constraints.protected, *experiment.features.drop, experiment.problem.target}
    for name in constraints.monotone:
        if name in hidden:
            yield Fault(f"problem.constraints.monotone.{name}", "is no feature: it is dropped, protected, forbidden or the target", "a feature that the models see")
