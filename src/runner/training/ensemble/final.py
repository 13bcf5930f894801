"""The fits that ship: each trial that has a share, on all training rows, once or several times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from math import ceil
from threading import Event
from typing import Any

import numpy as np

from runner.bundle.models import Model
from runner.bundle.models.ensemble import EnsembleModel
from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.features.matrices import Learner, Prepared
from runner.training.balancing import balance_for, balanced
from runner.training.budget.memory import Memory, held
from runner.training.engine import StudyStoppedError, predicted, settle
from runner.training.ensemble.blend import Share
from runner.training.ensemble.spec import FinalSpec
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec
from runner.training.study import Trial

SAME_ON = 500
Key = tuple[str, int]


@dataclass(frozen=True)
class Ground:
    """What all final fits share. everything: all training rows; monotone, threads: of a fit; final: as declared; trained: rows that
    each fold learned from; memory: what holds a fit back while there is too little of it."""

    learner: Learner
    everything: Prepared
    monotone: Mapping[str, int]
    threads: int
    final: FinalSpec
    trained: Sequence[int]
    memory: Memory | None = None


def fits(wanted: Mapping[Key, tuple[CandidateSpec, Trial]], ground: Ground, pool: Executor, stop: Event) -> dict[Key, tuple[Model, ...]]:
    """The fitted models of each wanted trial: as many as there are refits, or one where chance plays no part."""

    def fitted(key: Key, spec: CandidateSpec, trial: Trial, number: int) -> Model:
        if stop.is_set():
            raise StudyStoppedError
        with held(ground.memory):
            return _fitted(key[0], spec, trial, number, ground).model

    waiting = {key: [pool.submit(fitted, key, *found, number) for number in range(ground.final.times(key[0]))] for key, found in wanted.items()}
    settle([fit for fits in waiting.values() for fit in fits])
    return {key: _different([fit.result() for fit in fits], ground.everything) for key, fits in waiting.items()}


def _fitted(name: str, spec: CandidateSpec, trial: Trial, number: int, ground: Ground) -> Fitted:
    learner, everything, iterations = ground.learner, ground.everything, kept(trial, ground.trained)
    given = Fit(
        task=learner.task,
        n_classes=max(1, len(learner.labels)),
        inputs=everything.inputs,
        train=everything.train,
        valid=None,
        params=trial.params,
        rounds=None if iterations is None else _rounds(spec.laid(trial.params), iterations, ground.final.rounds_factor),
        monotone=ground.monotone,
        seed=seed_for(learner.seed, "training", name, "final", *([number] if number else [])),
        threads=ground.threads,
    )
    found: Fitted = part("candidate", spec.kind)(spec, balanced(given, balance_for(spec, learner.balance)))
    return found


def kept(trial: Trial, trained: Sequence[int]) -> float | None:
    """Iterations that the folds kept on average, each fold by the rows that it learned from: in time order the first ones learn from few.

    None where the family has none. trained: rows that each fold learned from.
    """
    known = [(rounds, rows) for rounds, rows in zip(trial.rounds, trained, strict=False) if rounds is not None]
    return sum(rounds * rows for rounds, rows in known) / sum(rows for _, rows in known) if known else None


def _rounds(spec: CandidateSpec, kept: float, factor: float) -> int:
    """Rounds of a fit on all rows; a factor does not reach beyond what is declared as the most."""
    most = getattr(spec, "max_iterations", None)
    wanted = max(1, ceil(kept * factor))
    return wanted if most is None else max(1, min(wanted, max(most, ceil(kept))))


def _different(models: Sequence[Model], everything: Prepared) -> tuple[Model, ...]:
    """All models, or the first where all predict the same: then chance has no part in the fit."""
    if len(models) == 1:
        return tuple(models)
    some = type(everything.train)(everything.train.rows[:SAME_ON], everything.train.values[:SAME_ON], everything.train.outcome[:SAME_ON])
    first = predicted(models[0], some)
    return tuple(models) if any(not np.array_equal(first, predicted(model, some)) for model in models[1:]) else (models[0],)


def model_of(shares: Sequence[Share], fitted: Mapping[Key, tuple[Model, ...]], everything: Prepared) -> Model:
    """The model that ships: the one fit of a single share, else the weighted mean of all fits."""
    members: list[Any] = []
    weights: list[float] = []
    for share in shares:
        models = fitted[share.candidate, share.trial]
        members += models
        weights += [share.weight / len(models)] * len(models)
    if len(members) == 1:
        only: Model = members[0]
        return only
    return EnsembleModel(everything.inputs, tuple(members), tuple(weight / sum(weights) for weight in weights))
