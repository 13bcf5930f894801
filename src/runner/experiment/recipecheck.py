"""Whether the declared recipe can be planned: the features room's own plan, tried on rows without values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from runner.core import expressions
from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.experiment.model import Experiment
from runner.features.recipe import plan
from runner.features.steps.fitting import StepSpec

MOMENT = datetime(2000, 1, 1)
Schema = Mapping[str, pl.DataType]


def feature_faults(experiment: Experiment, schema: Schema, unknown: Mapping[str, str]) -> list[Fault]:
    """Faults of steps, drop, monotone and accepted features.

    schema: contract columns; unknown: columns that no feature may be made of, and why.
    """
    found = [*_forbidden_reads(experiment, unknown), *_order_faults(experiment)]
    hidden = _hidden(experiment, unknown)
    try:
        features = _planned(experiment, schema, hidden)
    except FaultsError as error:
        return [*found, *error.faults]
    except PolarsError:
        # What fails on rows without values may well hold on real ones; the room plans again on those.
        return found
    return [*found, *_named_features(experiment, features, hidden, schema)]


def _hidden(experiment: Experiment, unknown: Mapping[str, str]) -> dict[str, str]:
    """Columns that are never features, and why."""
    problem = experiment.problem
    roles = {"a key": problem.key, "the time": [problem.time] if problem.time else [], "protected": problem.constraints.protected}
    roles |= {"forbidden": problem.constraints.forbidden, "dropped": experiment.features.drop}
    group = getattr(experiment.data.split, "group", None)
    roles["the group that the split keeps together"] = [group] if group else []
    return {**{name: f"is {role}" for role, names in roles.items() for name in names}, **unknown}


def _planned(experiment: Experiment, schema: Schema, hidden: Mapping[str, str]) -> dict[str, str]:
    """Feature to numeric or categorical. Raises FaultsError with the faults of the plan."""
    problem = experiment.problem
    labels = sorted(next(iter((problem.payoff.actions or {}).values()), {}))
    classes = labels if problem.task == "multiclass" else [""]
    # Histories compare times, so that moments have a value; everything else has none.
    values = {name: [MOMENT, MOMENT] if dtype.is_temporal() else [None, None] for name, dtype in schema.items()}
    rows = pl.DataFrame(values, schema=dict(schema))
    recipe, _ = plan(experiment.features, rows, np.zeros((rows.height, len(classes))), classes, list(hidden))
    if not recipe.features:
        raise FaultsError([Fault("features", "no column is left for the models", "at least one feature", "see features.drop and problem.constraints")])
    return {feature["name"]: feature["kind"] for feature in recipe.features}


def _named_features(experiment: Experiment, features: Mapping[str, str], hidden: Mapping[str, str], schema: Schema) -> Iterator[Fault]:
    if experiment.problem.task == "multiclass" and experiment.problem.constraints.monotone:
        yield Fault("problem.constraints.monotone", "moves the positive label, and a multiclass task has none", "a binary task or regression")
    for name in experiment.problem.constraints.monotone:
        at = f"problem.constraints.monotone.{name}"
        if name not in features:
            why = hidden.get(name, "is neither a column nor made by a step")
            yield Fault(at, f"is no feature: it {why}", "a feature that the models see", nearest(name, features))
        elif features[name] != "numeric":
            yield Fault(at, "is a category: it has no direction", "a numeric feature")
    for name in experiment.features.leakage.accept:
        # A moment that a step reads may be suspected, too.
        if name not in features and name not in schema:
            yield Fault(f"features.leakage.accept.{name}", "is no feature", f"one of {listed(features, 30)}", nearest(name, features))


def _forbidden_reads(experiment: Experiment, unknown: Mapping[str, str]) -> Iterator[Fault]:
    """A step must not make a feature of what is unknown at the decision, or of what the contract keeps from the models."""
    constraints = experiment.problem.constraints
    kept = dict.fromkeys(constraints.protected, "is protected") | dict.fromkeys(constraints.forbidden, "is forbidden") | dict(unknown)
    for step_name, step in experiment.features.steps.items():
        for at, columns in reads(step).items():
            for column in sorted(set(columns) & set(kept)):
                wrong = f"reads {column!r}, which {kept[column]}"
                yield Fault(f"features.steps.{step_name}.{at}", wrong, "columns that may be features", "a history step may look at past outcomes")


def reads(step: StepSpec) -> dict[str, list[str]]:
    """Key below the step to the columns that it reads of the row itself; the past events of a history are another matter."""
    found = step.reads()
    for name, sql in getattr(step, "expressions", {}).items():
        try:
            found[f"expressions.{name}"] = expressions.parse(sql).meta.root_names()
        except PolarsError:
            continue  # the plan tells what is wrong with it
    return found


def _order_faults(experiment: Experiment) -> Iterator[Fault]:
    kind = getattr(experiment.data.split, "kind", "")
    for name, step in experiment.features.steps.items():
        if step.in_time_order and not getattr(experiment.data.split, "walks_forward", False):
            yield Fault(f"features.steps.{name}", f"a {step.kind} step needs folds in time order, the split is {kind}", "data/split=by_time")
