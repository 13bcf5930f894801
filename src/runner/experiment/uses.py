"""Which declared things read a column, directly or through what steps make of it: what cannot be built when it is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from runner.experiment.crosscheck import roots
from runner.experiment.model import Experiment
from runner.experiment.recipecheck import reads
from runner.features.steps.fitting import StepSpec


def broken_by(experiment: Experiment, missing: Collection[str]) -> dict[str, list[str]]:
    """What cannot be built without some columns: a word such as 'feature' to names, in declared order.

    missing: contract columns, or columns of the joined rows that contract columns have the name of.
    """
    problem, features = experiment.problem, experiment.features
    lost = set(missing)
    found: dict[str, list[str]] = {}
    hidden = {problem.target, *problem.key, *problem.constraints.protected, *problem.constraints.forbidden, *features.drop, problem.time}
    found["feature"] = [c for c in experiment.data.columns if c in lost and c not in hidden]
    for name, step in features.steps.items():
        made = _lost_of_step(name, step, lost)
        found["feature"] += [m for m in made if m not in features.drop]
        lost |= set(made)
    payoff = {f"{action} when {label}": sql for action, prices in (problem.payoff.actions or {}).items() for label, sql in prices.items()}
    found["payoff"] = _reading(payoff or {"payoff": problem.payoff.sql or ""}, lost)
    found["baseline"] = _reading({name: b.sql for name, b in problem.baselines.items()}, lost)
    found["slice"] = _reading(experiment.evaluation.slices, lost)
    found["rule"] = _reading({name: r.sql for name, r in experiment.data.rules.items()}, lost)
    found["table rule"] = _reading({name: r.sql for name, r in experiment.data.table_rules.items()}, lost)
    found["role"] = [role for role, names in _roles(experiment).items() if set(names) & lost]
    return {word: names for word, names in found.items() if names}


def in_words(broken: Mapping[str, Collection[str]]) -> str:
    """The consequence in a sentence.

    >>> in_words({"feature": ["burden", "income"], "slice": ["poor"]})
    '2 features (burden, income) and 1 slice (poor) cannot be built'
    >>> in_words({})
    'nothing declared is built on it'
    """
    if not broken:
        return "nothing declared is built on it"
    parts = [f"{len(names)} {word}{'s' if len(names) != 1 else ''} ({', '.join(names)})" for word, names in broken.items()]
    return f"{' and '.join([', '.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)} cannot be built"


def _lost_of_step(name: str, step: StepSpec, lost: set[str]) -> list[str]:
    made: list[str] = []
    for key, columns in reads(step).items():
        touched = [c for c in columns if c in lost]
        if not touched:
            continue
        kind, _, output = key.partition(".")
        if kind in ("expressions", "aggregates"):
            made.append(output)
        elif kind == "columns":
            made += [f"{name} of {c}" for c in touched]
        else:
            made += [*getattr(step, "aggregates", {})] or [name]
    past = {output: a.of for output, a in getattr(step, "aggregates", {}).items() if a.of}
    made += _reading(past, lost)
    return list(dict.fromkeys(made))


def _reading(declared: Mapping[str, str], lost: set[str]) -> list[str]:
    return [name for name, sql in declared.items() if set(roots(sql)) & lost]


def _roles(experiment: Experiment) -> dict[str, list[str]]:
    problem = experiment.problem
    cut = getattr(experiment.data.split, "column", None)
    return {
        "target": [problem.target],
        "key": list(problem.key),
        "time of the row": [problem.time] if problem.time else [],
        "split": [cut] if cut else [],
        "protected group": list(problem.constraints.protected),
    }
