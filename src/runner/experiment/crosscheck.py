"""What must hold between rooms, checked before any data is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from runner.bundle.casts import DTYPES
from runner.core import expressions
from runner.core.faults import Fault, listed, nearest
from runner.experiment.contradictions import contradictions
from runner.experiment.model import Experiment
from runner.experiment.recipecheck import feature_faults
from runner.training.calibrating import is_kind_for
from runner.training.models.segments import SegmentsSpec

MOMENTS = ("date", "datetime")
SCORE_COLUMNS = ("prediction", "decision", "expected_payoff", "flags")
INTERVAL_COLUMNS = ("low", "high", "set")


@dataclass(frozen=True)
class Columns:
    """The contract's columns as expressions see them.

    everything: name to dtype, a classification target as text; unknown: name to the reason why it is not known at the decision.
    """

    everything: Mapping[str, pl.DataType]
    unknown: Mapping[str, str]

    @classmethod
    def of(cls, experiment: Experiment) -> Columns:
        problem, columns = experiment.problem, experiment.data.columns
        everything = {name: DTYPES[column.type] for name, column in columns.items()}
        if problem.target in everything and problem.task != "regression":
            everything[problem.target] = pl.String()
        unknown = {name: "is known only after the event" for name, column in columns.items() if column.available == "after_event"}
        return cls(everything, {**unknown, problem.target: "is the outcome itself"})

    @property
    def known(self) -> dict[str, pl.DataType]:
        return {name: dtype for name, dtype in self.everything.items() if name not in self.unknown}


def faults(experiment: Experiment) -> list[Fault]:
    """Every fault between rooms: columns that no contract has, expressions that do not type, settings that contradict."""
    columns = Columns.of(experiment)
    checks = (_roles(experiment), _moments(experiment), _labels(experiment), _policy(experiment), _expressions(experiment, columns))
    found = [fault for check in checks for fault in check]
    found += [
        *contradictions(experiment),
        *feature_faults(experiment, columns.everything, columns.unknown),
        *_training(experiment),
        *_made_rungs(experiment, columns),
        *_intervals(experiment, columns),
    ]
    return list(dict.fromkeys(found))


def _roles(experiment: Experiment) -> Iterator[Fault]:
    """Columns that a section names must be in the contract."""
    problem, data = experiment.problem, experiment.data
    named: dict[str, list[str]] = {
        "problem.target": [problem.target],
        "problem.key": problem.key,
        "problem.time": [problem.time] if problem.time else [],
        "problem.constraints.forbidden": problem.constraints.forbidden,
        "problem.constraints.protected": problem.constraints.protected,
        "data.unique": data.unique,
        **{f"data.split.{key}": [name] for key in ("column", "group") if (name := getattr(data.split, key, None))},
    }
    for at, names in named.items():
        for name in names:
            if name not in data.columns:
                hint = nearest(name, data.columns) or f"columns: {listed(data.columns, 30)}"
                yield Fault(at, f"{name!r} is not a column of the contract", "a name under data.columns", hint)
    given = (*SCORE_COLUMNS, *(INTERVAL_COLUMNS if experiment.training.intervals is not None else ()))
    for name in sorted(set(problem.key) & set(given)):
        yield Fault("problem.key", f"{name!r} is the name of a column of the score output", "another name")
    if problem.target in [*problem.key, problem.time]:
        yield Fault("problem.target", f"{problem.target!r} is also a key or the time", "an outcome that is neither")
    if problem.constraints.fairness is not None and not problem.constraints.protected:
        yield Fault("problem.constraints.fairness", "compares the groups of protected columns, and none is declared", "problem.constraints.protected")


def _moments(experiment: Experiment) -> Iterator[Fault]:
    columns = experiment.data.columns
    cut = getattr(experiment.data.split, "column", None)
    for at, name in (("problem.time", experiment.problem.time), ("data.split.column", cut)):
        if name in columns and columns[name].type not in MOMENTS:
            yield Fault(at, f"{name!r} is declared as {columns[name].type}", "a date or datetime column", f"see data.columns.{name}.type")
    for key, name in (("column", cut), ("group", getattr(experiment.data.split, "group", None))):
        if name in columns and columns[name].nullable:
            hint = f"see data.columns.{name}.nullable" + ("; data.derive can give such a row a group of its own" if key == "group" else "")
            yield Fault(f"data.split.{key}", f"{name!r} may be missing", "a column that is never null", hint)
    if experiment.problem.target in (cut, getattr(experiment.data.split, "group", None)):
        yield Fault("data.split", f"{experiment.problem.target!r} is the outcome", "a time or a group that is known before it")


def _labels(experiment: Experiment) -> Iterator[Fault]:
    """The outcomes that the payoff prices are those that the contract allows."""
    problem = experiment.problem
    target = experiment.data.columns.get(problem.target)
    if target is None:
        return
    if problem.task == "regression":
        if target.type not in ("int", "float"):
            yield Fault(f"data.columns.{problem.target}.type", f"the target of a regression is declared as {target.type}", "int or float")
        return
    priced = next(iter((problem.payoff.actions or {}).values()), {})
    if target.allowed is not None and set(target.allowed) != set(priced):
        wrong = f"prices the labels {listed(priced)}; data.columns.{problem.target} allows {listed(target.allowed)}"
        yield Fault("problem.payoff.actions", wrong, "the same labels in both")


def _policy(experiment: Experiment) -> Iterator[Fault]:
    problem = experiment.problem
    policy: Any = problem.policy
    act, otherwise = getattr(policy, "act", None), getattr(policy, "otherwise", None)
    if act is not None and act == otherwise:
        yield Fault("problem.policy.otherwise", f"is {otherwise!r}, as act is", "another action")
    if policy.kind != "threshold" or problem.task == "regression":
        return
    labels = list(next(iter((problem.payoff.actions or {}).values()), {}))
    label = policy.label or problem.positive
    if label is None:
        yield Fault("problem.policy.label", "is missing: there is no positive label to compare", f"one of {listed(labels)}")
    elif label not in labels:
        yield Fault("problem.policy.label", f"{label!r} is not a label that payoff.actions prices", f"one of {listed(labels)}", nearest(label, labels))


def _expressions(experiment: Experiment, columns: Columns) -> Iterator[Fault]:
    problem, data = experiment.problem, experiment.data
    actions = problem.payoff.actions or {}
    prices = {f"problem.payoff.actions.{action}.{label}": sql for action, values in actions.items() for label, sql in values.items()}
    yield from _typed(prices, columns.known, columns.unknown, "number")
    if problem.payoff.sql is not None:
        yield from _clashes(columns)
        seen = {**columns.known, "decision": pl.Float64(), "actual": pl.Float64()}
        yield from _typed({"problem.payoff.sql": problem.payoff.sql}, seen, columns.unknown, "number")
    # A TRUE must stand for an action: the policy's, or the one that the positive label calls for.
    can_act = problem.task != "regression" and (getattr(problem.policy, "act", None) or problem.positive) is not None
    baselines = {f"problem.baselines.{name}.sql": baseline.sql for name, baseline in problem.baselines.items()}
    yield from _typed(baselines, columns.known, columns.unknown, "either" if can_act else "number")
    slices = {f"evaluation.slices.{name}": sql for name, sql in experiment.evaluation.slices.items()}
    yield from _typed(slices, columns.everything, {}, "truth")
    stored = {name: DTYPES[column.type] for name, column in data.columns.items()}
    yield from _typed({f"data.rules.{name}.sql": rule.sql for name, rule in data.rules.items()}, stored, {}, "truth")
    yield from _table_rules(experiment, stored)
    for name, join in data.joins.items():
        of = {f"data.joins.{name}.aggregates.{made}.of": a.of for made, a in getattr(join, "aggregates", {}).items() if a.of is not None}
        yield from _parsed(of)
    yield from _parsed({f"data.derive.{name}": sql for name, sql in data.derive.items()})
    yield from _parsed({"data.label.sql": data.label.sql} if data.label and data.label.sql else {})
    yield from _parsed({"data.filter": data.filter} if data.filter is not None else {})
    for name, source in data.sources.items():
        yield from _parsed({f"data.sources.{name}.derive.{made}": sql for made, sql in getattr(source, "derive", {}).items()})


def _table_rules(experiment: Experiment, stored: Mapping[str, pl.DataType]) -> Iterator[Fault]:
    declared = {f"data.table_rules.{name}.sql": rule.sql for name, rule in experiment.data.table_rules.items()}
    wrong, types = expressions.check_table(declared, stored, "")
    yield from wrong
    yield from (Fault(at, f"`{declared[at].strip()}` gives {dtype}", WANTED["truth"]) for at, dtype in types.items() if not _fits(dtype, "truth"))


def _clashes(columns: Columns) -> Iterator[Fault]:
    for name in ("decision", "actual"):
        if name in columns.everything:
            yield Fault(f"data.columns.{name}", "payoff.sql means the decided and the actual number by this name", "another name for the column")


def _typed(declared: Mapping[str, str], schema: Mapping[str, pl.DataType], unknown: Mapping[str, str], wanted: str) -> Iterator[Fault]:
    """Faults of expressions that must give a number, a truth value or either of them.

    declared: key path to SQL; unknown: columns they must not read, and why.
    """
    hidden = {at: [column for column in roots(sql) if column in unknown and column not in schema] for at, sql in declared.items()}
    for at, columns in hidden.items():
        yield from (Fault(at, f"`{declared[at].strip()}` reads {c!r}, which {unknown[c]}", "columns known at the moment of decision") for c in columns)
    wrong, types = expressions.check({at: sql for at, sql in declared.items() if not hidden[at]}, schema, "", total=True)
    yield from wrong
    yield from (Fault(at, f"`{declared[at].strip()}` gives {dtype}", WANTED[wanted]) for at, dtype in types.items() if not _fits(dtype, wanted))


WANTED = {"number": "a number", "truth": "TRUE or FALSE", "either": "TRUE or FALSE, or a number that ranks rows"}


def _fits(dtype: pl.DataType, wanted: str) -> bool:
    return (wanted != "truth" and dtype.is_numeric()) or (wanted != "number" and dtype == pl.Boolean())


def _parsed(declared: Mapping[str, str]) -> Iterator[Fault]:
    """Expressions over raw rows, whose columns only the sources know: judged as language here, typed by the data room."""
    yield from (wrong for at, sql in declared.items() if (wrong := expressions.syntax_fault(sql, at)) is not None)


def roots(sql: str) -> list[str]:
    """Columns that an expression reads; none where it does not parse, which `check` tells."""
    try:
        return expressions.parse(sql).meta.root_names()
    except PolarsError:
        return []


def _training(experiment: Experiment) -> Iterable[Fault]:
    candidates = experiment.training.candidates
    if experiment.problem.constraints.interpretable_only and not any(c.interpretable for c in candidates.values()):
        wrong = f"none of the candidates {listed(candidates)} can be read"
        yield Fault("problem.constraints.interpretable_only", wrong, "at least one readable candidate", "training/model=linear")
    for name in sorted(set(candidates) & {"constant", *experiment.problem.baselines}):
        yield Fault(f"training.candidates.{name}", "a baseline has this name", "a name of its own")
    for name in candidates:
        if not name.isprintable() or "/" in name or "\\" in name or name in ("", ".", ".."):
            yield Fault(f"training.candidates.{name}", "cannot be the name of a folder", "a name without slashes")


def _made_rungs(experiment: Experiment, columns: Columns) -> Iterator[Fault]:
    """Rungs that are made of other rungs have some, and segments are told by what is known when a row is scored."""
    candidates = experiment.training.candidates
    for at, (name, candidate) in enumerate(candidates.items()):
        below = [other for other in list(candidates.values())[:at] if not other.composes]
        if candidate.composes and not below:
            yield Fault(f"training.candidates.{name}", "stands above no candidate that it could be made of", "a candidate before it")
        if isinstance(candidate, SegmentsSpec):
            yield from _segments(f"training.candidates.{name}", candidate, experiment, columns)


def _segments(at: str, spec: SegmentsSpec, experiment: Experiment, columns: Columns) -> Iterator[Fault]:
    plain = {name: c for name, c in experiment.training.candidates.items() if not c.composes and not c.derives}
    if spec.of not in plain:
        yield Fault(f"{at}.of", f"{spec.of!r} is no candidate that segments can be made of", f"one of {listed(plain)}", nearest(spec.of, plain))
    read = roots(spec.by)
    hidden = [column for column in read if column in columns.unknown]
    yield from (Fault(f"{at}.by", f"`{spec.by}` reads {c!r}, which {columns.unknown[c]}", "columns known at the moment of decision") for c in hidden)
    for column in sorted(set(read) & set(experiment.problem.constraints.monotone)):
        wrong = f"reads {column!r}, which has a declared direction: from one model to the next the prediction could turn against it"
        yield Fault(f"{at}.by", wrong, "a column without a direction", "see problem.constraints.monotone")
    if not hidden:
        yield from expressions.check({f"{at}.by": spec.by}, columns.known, "", total=True)[0]


def _intervals(experiment: Experiment, columns: Columns) -> Iterator[Fault]:
    """Intervals are of a kind for the task, and grouped by a column of few values that is known when a row is scored."""
    declared, problem = experiment.training.intervals, experiment.problem
    if declared is None:
        return
    if not is_kind_for(declared.kind, problem.task):
        wanted = "auto, absolute, signed or local" if problem.task == "regression" else "auto, lac or aps"
        yield Fault("training.intervals.kind", f"is {declared.kind}, which has no meaning for a {problem.task} task", wanted)
    by = declared.by
    if by is None or (by == problem.target and problem.task != "regression"):
        return
    if by not in columns.everything:
        yield Fault("training.intervals.by", f"{by!r} is not a column of the contract", "a name under data.columns", nearest(by, columns.everything))
    elif by in columns.unknown:
        yield Fault("training.intervals.by", f"{by!r} {columns.unknown[by]}", "a column known at the moment of decision")
    elif columns.everything[by].is_float() or columns.everything[by].is_temporal():
        hint = "data.derive can cut it into classes"
        yield Fault("training.intervals.by", f"{by!r} is declared as {experiment.data.columns[by].type}", "a column of few values: text, int or bool", hint)
