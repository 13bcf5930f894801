"""Rungs that are made of the rungs below them: one function that training calls between its studies and their judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.features.matrices import Learner
from runner.training.balancing import UNTRAINED, balance_for
from runner.training.course import Studied
from runner.training.engine import loss_of
from runner.training.ensemble.blend import Blend, Member, Pool, Share
from runner.training.ensemble.selection import parts
from runner.training.fold_store import FoldStore
from runner.training.models.segments import SegmentsSpec, made_of
from runner.training.models.space import CandidateSpec
from runner.training.rungs import OutOfFold
from runner.training.study import Trial

Specs = Mapping[str, CandidateSpec]


@dataclass(frozen=True)
class Made:
    """studied: by rung, as studies give it, the made ones too; shares: by rung, what is fitted for shipping; smaller: by rung, blends of fewer members."""

    studied: dict[str, Studied]
    shares: dict[str, tuple[Share, ...]]
    smaller: dict[str, tuple[Blend, ...]]


class Found(Protocol):
    """What studies found: by candidate what they were fitted by, and the study."""

    @property
    def specs(self) -> Specs: ...

    @property
    def studied(self) -> Mapping[str, Studied]: ...


def fitting(specs: Specs) -> dict[str, CandidateSpec]:
    """The rungs that are studied first, in their order: those that need no other rung."""
    return {name: spec for name, spec in specs.items() if not spec.composes and not spec.derives}


def derived(specs: Specs, first: Found) -> dict[str, CandidateSpec]:
    """The rungs that are studied second, with the settings that the first studies found for what they are made of.

    specs: the ladder as declared.
    """
    return {
        name: made_of(spec, first.specs[spec.of], first.studied[spec.of].best.params)
        for name, spec in specs.items()
        if isinstance(spec, SegmentsSpec) and spec.of in first.studied
    }


def composed(specs: Specs, studied: Mapping[str, Studied], learner: Learner, oof: OutOfFold) -> Made:
    """Every rung, those that are made of finished trials beside those that were studied.

    specs: the ladder from the bottom; studied: the rungs that fit.
    """
    made = Made({}, {}, {})
    for name, spec in specs.items():
        if not spec.composes and name not in studied:
            continue  # The safety stop came before its first trial was through, or that failed.
        if not spec.composes:
            made.studied[name] = replace(studied[name], predictions=_cross_chosen(studied[name], oof))
            made.shares[name] = (Share(name, studied[name].best.number),)
            continue
        below = {n: s for n, s in list(specs.items())[: list(specs).index(name)] if not s.composes and s.kind not in UNTRAINED}
        pool = _pool(name, below, studied, learner, oof)
        if not pool.members:
            continue
        blend: Blend = part("candidate", spec.kind)(spec, pool)
        made.studied[name] = _as_studied(blend, spec, learner, oof)
        made.shares[name], made.smaller[name] = blend.shares, blend.smaller
    return made


def _cross_chosen(studied: Studied, oof: OutOfFold) -> np.ndarray:
    """(n_oof, k) predictions of a study, each fold by the trial that is best on the other folds.

    The best of many trials looks better on the folds that chose it than it is; a blend is judged by weights that other folds chose, and a
    single candidate has to be judged alike.
    """
    folds = list(dict.fromkeys(oof.fold.tolist()))
    trials = _complete(studied, len(folds))
    if len(trials) < 2 or len(folds) < 2:
        return studied.predictions
    sizes = np.array([(oof.fold == fold).sum() for fold in folds], dtype=float)
    sums = np.array([trial.fold_losses for trial in trials]) * sizes
    # Ties go to the earlier trial, as they do in the study itself.
    chosen = [trials[int(np.argmin(sums.sum(axis=1) - sums[:, at]))] for at in range(len(folds))]
    found = [studied.store.read(trial.params, fold) for trial, fold in zip(chosen, folds, strict=True)]
    known = [result.predictions for result in found if result is not None]
    return np.concatenate(known) if len(known) == len(folds) else studied.predictions


def _complete(studied: Studied, folds: int) -> list[Trial]:
    """The trials that were fitted in every fold, by number."""
    return [trial for trial in studied.trials if len(trial.fold_losses) == folds and not trial.pruned]


def _pool(name: str, below: Specs, studied: Mapping[str, Studied], learner: Learner, oof: OutOfFold) -> Pool:
    folds = list(dict.fromkeys(oof.fold.tolist()))
    members = [
        Member(other, trial.number, trial.loss, partial(_predictions, studied[other].store, trial, folds), balance_for(spec, learner.balance).undone)
        for other, spec in below.items()
        if other in studied
        for trial in _complete(studied[other], len(folds))
    ]
    seed = seed_for(learner.seed, "training", name, "weights")
    return Pool(tuple(members), oof.outcome, parts(oof.fold, oof.groups), learner.task == "regression", seed)


def _predictions(store: FoldStore, trial: Trial, folds: Sequence[int]) -> np.ndarray:
    found = store.out_of_fold(trial.params, folds)
    if found is None:
        raise OSError(f"{store.folder}: the folds of trial {trial.number} are gone while they are needed; run again, and they are fitted again")
    return found


def _as_studied(blend: Blend, spec: CandidateSpec, learner: Learner, oof: OutOfFold) -> Studied:
    """A blend as the one trial of a study."""
    undone = balance_for(spec, learner.balance).undone(blend.predictions)
    folds = list(dict.fromkeys(oof.fold.tolist()))
    each = [loss_of(undone[oof.fold == fold], oof.outcome[oof.fold == fold], learner.task) for fold in folds]
    mean = float(np.average(each, weights=[(oof.fold == fold).sum() for fold in folds]))
    trial = Trial(0, {}, float(np.sqrt(mean)) if learner.task == "regression" else mean, tuple(each), tuple(None for _ in folds))
    return Studied((trial,), trial, blend.predictions, 0.0, FoldStore(Path()))
