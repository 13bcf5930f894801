"""Settings that contradict each other, or that nothing could ever meet; each is right alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import ceil
from pathlib import PurePosixPath
from typing import Any

from runner.core.faults import Fault, listed
from runner.data.joins.spec import HistorySpec
from runner.deployment.names import alias_faults, name_faults
from runner.experiment.model import Experiment
from runner.problem.spec import ConstraintsSpec

# No fit of any candidate takes less; a budget that is too large even so can never be worked off.
SHORTEST_FIT_S = 0.001
WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)")
MONTHS = 12
# Only what can be nothing else: a CSV file may have any ending.
ENDINGS = {
    "csv": (".csv", ".tsv"),
    "parquet": (".parquet", ".pq"),
    "ndjson": (".ndjson", ".jsonl"),
    "ipc": (".arrow", ".feather", ".ipc"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
}


def contradictions(experiment: Experiment) -> Iterator[Fault]:
    """Every fault of settings that do not go together."""
    yield from _repeated(experiment)
    yield from _outcome(experiment)
    yield from _joins(experiment)
    yield from _endings(experiment)
    yield from _budget(experiment)
    yield from _draws(experiment)
    yield from _balance(experiment)
    yield from _rows(experiment)
    yield from _monitoring(experiment)
    yield from _deployment(experiment)


def _repeated(experiment: Experiment) -> Iterator[Fault]:
    """A name that stands twice in a list that names each once."""
    problem, data, features = experiment.problem, experiment.data, experiment.features
    constraints = problem.constraints
    lists: dict[str, Any] = {
        "problem.key": problem.key,
        "problem.approvers": problem.approvers,
        "problem.constraints.protected": constraints.protected,
        "problem.constraints.forbidden": constraints.forbidden,
        "data.unique": data.unique,
        "features.drop": features.drop,
    }
    lists |= {f"data.columns.{name}.allowed": column.allowed or [] for name, column in data.columns.items()}
    for name, step in features.steps.items():
        lists |= {f"features.steps.{name}.{field}": getattr(step, field, []) for field in ("columns", "entity", "parts")}
    for at, names in lists.items():
        for name, count in Counter(names).items():
            if count > 1:
                yield Fault(at, f"names {name!r} {'twice' if count == 2 else f'{count} times'}", "each name once")


def _outcome(experiment: Experiment) -> Iterator[Fault]:
    problem, data = experiment.problem, experiment.data
    for role in ("protected", "forbidden"):
        if problem.target in getattr(problem.constraints, role):
            yield Fault(f"problem.constraints.{role}", f"names the target {problem.target!r}", "columns that could be features")
    made = dict.fromkeys(data.derive, "data.derive") | {name: f"data.joins.{n}.columns" for n, join in data.joins.items() for name in join.makes()}
    if data.label is not None and data.label.makes and problem.target in made:
        yield Fault("data.label", f"makes {problem.target!r}, which {made[problem.target]} makes too", "one way to make the outcome")
    column = data.columns.get(problem.target)
    labels = sorted({label for prices in (problem.payoff.actions or {}).values() for label in prices})
    if column is None or not labels:
        return
    at = "problem.payoff.actions"
    if column.type == "float":
        yield Fault(f"data.columns.{problem.target}.type", "the labels of a classification are declared as float", "int, string or bool")
    wrong = [label for label in labels if column.type == "int" and not WHOLE_NUMBER.fullmatch(label)]
    if wrong:
        yield Fault(at, f"prices the labels {listed(wrong)}, and {problem.target!r} is declared as int", "whole numbers as labels")
    if column.type == "bool" and labels != ["false", "true"]:
        yield Fault(at, f"prices the labels {listed(labels)}, and {problem.target!r} is declared as bool", "the labels true and false")
    outside = [label for label in labels if WHOLE_NUMBER.fullmatch(label) and column.type == "int" and not _within(int(label), column)]
    if outside:
        yield Fault(at, f"prices the labels {listed(outside)}, which data.columns.{problem.target} does not allow", "labels from min to max")


def _within(value: float, column: Any) -> bool:
    return (column.min is None or value >= column.min) and (column.max is None or value <= column.max)


def _joins(experiment: Experiment) -> Iterator[Fault]:
    """Joins are made in order: each may read what earlier ones made, and makes columns of its own."""
    joins = experiment.data.joins
    made: dict[str, str] = {}
    for name, join in joins.items():
        order = list(joins)
        later = {column: n for n in order[order.index(name) :] for column in joins[n].makes()}
        for field, columns in join.reads().items():
            for column in columns:
                if column in later and column not in made:
                    at = f"data.joins.{name}.{field}" + (f".{column}" if field != "time" else "")
                    when = "itself" if later[column] == name else f"the join {later[column]!r}, which comes later"
                    yield Fault(at, f"reads {column!r}, which is made by {when}", "a column that is there before", f"put {later[column]!r} above {name!r}")
        key = "aggregates" if isinstance(join, HistorySpec) else "columns"
        for column in join.makes():
            if column in made:
                yield Fault(f"data.joins.{name}.{key}.{column}", f"a column {column!r} is made by the join {made[column]!r} already", "a new name")
            made.setdefault(column, name)


def _endings(experiment: Experiment) -> Iterator[Fault]:
    """A file whose name says that it is of another kind than the source."""
    for name, source in experiment.data.sources.items():
        ending = PurePosixPath(str(getattr(source, "path", ""))).suffix.lower()
        kind = next((kind for kind, endings in ENDINGS.items() if ending in endings), source.kind)
        if source.kind in ENDINGS and kind != source.kind:
            yield Fault(f"data.sources.{name}.path", f"ends in {ending}, and the source is of the kind {source.kind}", f"a {source.kind} file", f"kind: {kind}")


def _balance(experiment: Experiment) -> Iterator[Fault]:
    if experiment.problem.task == "regression" and experiment.features.balance.kind != "none":
        wrong = f"is {experiment.features.balance.kind}, and a regression has no classes to balance"
        yield Fault("features.balance.kind", wrong, "none")


def _budget(experiment: Experiment) -> Iterator[Fault]:
    training, folds = experiment.training, int(getattr(experiment.data.split, "folds", 1))
    if not training.candidates:
        yield Fault("training.candidates", "is empty: there is nothing to train", "at least one candidate", "training/model=ladder")
    if training.safety_stop_minutes is not None and training.budget is None:
        n_fits = training.tuning.trials * folds * len(training.candidates)
        least = n_fits * SHORTEST_FIT_S / 60
        if least > training.safety_stop_minutes:
            wrong = f"{training.tuning.trials:,} trials of {len(training.candidates)} candidates in {folds} folds are {n_fits:,} fits"
            hint = f"the safety stop of {training.safety_stop_minutes:g} minutes fires first whatever the machine"
            yield Fault("training.tuning.trials", wrong, "a budget that can be worked off", hint)
    tuning = training.tuning
    if tuning.lag > max(tuning.trials, type(tuning).model_fields["lag"].default):
        wrong = f"is {tuning.lag} with {tuning.trials} trials: each trial would be drawn at random, none proposed from another's result"
        yield Fault("training.tuning.lag", wrong, f"at most {tuning.trials}, training.tuning.trials")
    for name, candidate in training.candidates.items():
        patience, most = getattr(candidate, "patience", None), getattr(candidate, "max_iterations", None)
        if patience is not None and most is not None and patience > most:
            # The one that a person changed is the one to mend.
            default = type(candidate).model_fields["patience"].default
            at, expected = ("max_iterations", f"at least {patience}, the patience") if patience == default else ("patience", f"at most {most}, max_iterations")
            wrong = f"max_iterations is {most} and patience is {patience}: no fit could stop early"
            yield Fault(f"training.candidates.{name}.{at}", wrong, expected)


def _draws(experiment: Experiment) -> Iterator[Fault]:
    """An interval's bounds are quantiles of the draws: at least one draw must lie beyond each."""
    evaluation, training = experiment.evaluation, experiment.training
    shared = (1 - experiment.problem.criterion.confidence) / evaluation.test_uses
    for at, draws, alpha, why in (
        ("evaluation.bootstrap_draws", evaluation.bootstrap_draws, shared, f"problem.criterion.confidence over evaluation.test_uses = {evaluation.test_uses}"),
        ("training.bootstrap_draws", training.bootstrap_draws, 1 - training.confidence, "training.confidence"),
    ):
        # Rounded first, since 1 - 0.95 is not quite 0.05.
        least = ceil(round(2 / alpha, 6))
        if draws < least:
            yield Fault(at, f"{draws:,} draws cannot show a tail of {alpha / 2:.3g}", f"at least {least:,}", f"or a lower confidence: it follows from {why}")


def _rows(experiment: Experiment) -> Iterator[Fault]:
    feasibility, split, evaluation = experiment.problem.feasibility, experiment.data.split, experiment.evaluation
    if experiment.problem.task != "regression" and feasibility.min_positives > feasibility.min_rows:
        wrong = f"{feasibility.min_positives:,} rows of the rarest label cannot be among {feasibility.min_rows:,} rows"
        yield Fault("problem.feasibility.min_positives", wrong, "at most problem.feasibility.min_rows")
    folds, share = getattr(split, "folds", 1), getattr(split, "test_share", None) or 0.0
    trained = int(feasibility.min_rows * (1 - share))
    if folds > trained:
        test = f", and the test takes {share:.0%} of them" if share else ""
        wrong = f"{folds} folds cannot be made of {trained} training rows: problem.feasibility.min_rows lets {feasibility.min_rows:,} rows be enough{test}"
        yield Fault("data.split.folds", wrong, "at least one training row a fold", "fewer folds, or a larger problem.feasibility.min_rows")
    if evaluation.max_slice_loss_per_row is not None and not evaluation.slices:
        yield Fault("evaluation.max_slice_loss_per_row", "limits the loss of slices, and none is declared", "evaluation.slices")
    constraints: ConstraintsSpec = experiment.problem.constraints
    if constraints.fairness is not None and constraints.fairness.min_group_rows > feasibility.min_rows:
        wrong = f"no group can have {constraints.fairness.min_group_rows:,} rows of the {feasibility.min_rows:,} that problem.feasibility.min_rows asks for"
        yield Fault("problem.constraints.fairness.min_group_rows", wrong, "groups that can be judged")


def _monitoring(experiment: Experiment) -> Iterator[Fault]:
    monitoring, monthly = experiment.monitoring, experiment.problem.payoff.rows_per_month
    if monitoring.false_alarms_per_year > monitoring.windows_per_year:
        wrong = f"{monitoring.false_alarms_per_year:g} false alarms a year cannot come from {monitoring.windows_per_year} windows"
        yield Fault("monitoring.false_alarms_per_year", wrong, "fewer than monitoring.windows_per_year")
    if monthly is not None and monitoring.window_rows > MONTHS * monthly:
        wrong = f"a window of {monitoring.window_rows:,} rows is more than a year brings, with problem.payoff.rows_per_month = {monthly:,}"
        yield Fault("monitoring.window_rows", wrong, f"at most {MONTHS * monthly:,}")


def _deployment(experiment: Experiment) -> Iterator[Fault]:
    deployment = experiment.deployment
    if deployment.register_as is not None:
        yield from name_faults(deployment.register_as, "deployment.register_as")
    yield from alias_faults(deployment.alias, "deployment.alias")
