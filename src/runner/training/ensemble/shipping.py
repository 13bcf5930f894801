"""From judged rungs to bundles: fit, pack, and make smaller what the declared limits would refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from shutil import rmtree
from threading import Event
from typing import Any

import numpy as np

from runner.bundle.importance import SaysImportance, said
from runner.bundle.models import Model
from runner.core.files import folder_beside
from runner.core.seeds import seed_for
from runner.features.matrices import Prepared
from runner.training.balancing import UNTRAINED
from runner.training.course import Studied
from runner.training.engine import unhurried
from runner.training.ensemble import final, front
from runner.training.ensemble.blend import Blend, Share, described
from runner.training.ensemble.final import Ground, Key
from runner.training.ensemble.front import Cost, Limits, Version, packed_cost
from runner.training.ensemble.rungs import Made
from runner.training.models.space import CandidateSpec
from runner.training.rungs import Judged, Shipping, packing
from runner.training.spec import TrainingSpec
from runner.training.study import Named, Trial

Judging = Callable[[str, np.ndarray], Judged]
"""Rung and its (n_oof, k) predictions to what they decide and earn."""
Shorter = Callable[[str, int], tuple[CandidateSpec, Studied] | None]
Fitted = Mapping[Key, tuple[Model, ...]]
Refitting = Callable[[Mapping[Key, tuple[CandidateSpec, Trial]]], Fitted]
Choosing = Callable[["Shipped"], str]
"""The rung that would ship, with what is known of those that were made."""
# How often a rung is cut down, and how much below the limit each cut aims.
CUTS, CLOSER = 3, 0.9


@dataclass
class Shipped:
    """By rung what ships of it. judged, predictions: (n_oof, k), of the version that ships; over: why a rung may not ship at all; versions: of the front."""

    shares: dict[str, tuple[Share, ...]] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
    predictions: dict[str, np.ndarray] = field(default_factory=dict)
    over: dict[str, str] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)

    def importance(self, everything: Prepared) -> dict[str, Any]:
        """What the models that ship say of their features, for those that say it."""
        return {name: said(model, everything.train.values) for name, model in self.models.items() if isinstance(model, SaysImportance)}

    def members(self) -> dict[str, Any]:
        """By rung that is a mean of several trials, or of one of another rung: candidate, trial and weight of each."""
        return {name: described(shares) for name, shares in self.shares.items() if {share.candidate for share in shares} != {name}}

    def notes(self) -> dict[str, str]:
        """By rung what a person should know of it."""
        single = {name: shares[0] for name, shares in self.shares.items() if len(shares) == 1 and shares[0].candidate != name}
        return {name: f"all its weight is on trial {share.trial} of {share.candidate}" for name, share in single.items()}

    def front(self, spec: TrainingSpec, seed: int, groups: np.ndarray | None, unit: str) -> list[dict[str, Any]]:
        """The versions for ladder.json, on the same draws of rows as the ladder."""
        return front.as_json(self.versions, spec.bootstrap_draws, seed_for(seed, "ladder"), groups, spec.confidence, unit)


@dataclass(frozen=True)
class Yard:
    """What bundles are made with. judged: by rung, as studied; judging: for versions of a rung; limits: as declared;
    shorter: a rung and a number of iterations to the study of its best setting with no more of them; members: the most of an ensemble.
    """

    ground: Ground
    shipping: Shipping
    judged: Mapping[str, Judged]
    judging: Judging
    limits: Limits
    shorter: Shorter
    members: int | None = None


def ship(specs: Mapping[str, CandidateSpec], made: Made, yard: Yard, folder: Path, workers: int, choosing: Choosing | None = None) -> Shipped:
    """Fit and pack every rung into a folder of bundles; with `choosing`, the baselines and what is chosen alone.

    A rung that would break a limit ships smaller: an ensemble with fewer members, others with fewer iterations, studied again in the folds so
    that what is shown is what they earn. Where nothing helps it ships as it is, and may not be chosen.
    """
    done, stop = Shipped(), Event()
    with unhurried(workers, "refit", stop) as pool, folder_beside(folder) as scratch:
        quay = _Quay(specs, made, yard, scratch, done, lambda wanted: final.fits(wanted, yard.ground, pool, stop), choosing is None, yard.members)
        if choosing is None:
            quay.fit_ahead(blend.shares for name in made.studied for blend in quay.versions(name))
        for name in made.studied:
            if choosing is None or specs[name].kind in UNTRAINED:
                quay.ship(name)
        # A smaller version of what was chosen may be worth less than another rung.
        while choosing is not None and (name := choosing(done)) not in done.models:
            quay.ship(name)
    return done


def wanted(made: Made, rung: str | None = None) -> list[list[Named]]:
    """The trials that are fitted for shipping all rungs, or one; for one that may have fewer members also those of its smaller versions."""
    if rung is None:
        return [_trials(made, [share for name in made.studied for share in made.shares[name]])]
    return [_trials(made, shares) for shares in (made.shares[rung], *(blend.shares for blend in made.smaller.get(rung, ())))]


def _trials(made: Made, shares: Sequence[Share]) -> list[Named]:
    return [(key[0], _trial(made, *key)) for key in dict.fromkeys((share.candidate, share.trial) for share in shares)]


def _trial(made: Made, candidate: str, number: int) -> Trial:
    return next(trial for trial in made.studied[candidate].trials if trial.number == number)


@dataclass
class _Quay:
    """Where rungs are fitted and packed one after the other. every: whether all versions of a rung are made, or only down to the first that is allowed;
    members: the most of a blend."""

    specs: Mapping[str, CandidateSpec]
    made: Made
    yard: Yard
    scratch: Path
    done: Shipped
    fit: Refitting
    every: bool
    members: int | None = None
    fitted: dict[Key, tuple[Model, ...]] = field(default_factory=dict)

    def versions(self, name: str) -> list[Blend]:
        """The rung as it was studied, and the smaller blends that may stand for it, down from the most members that there is time for."""
        found = [Blend(self.made.shares[name], self.made.studied[name].predictions), *self.made.smaller.get(name, ())]
        allowed = [blend for blend in found if self.members is None or len(blend.shares) <= self.members]
        return allowed or found[-1:]

    def fit_ahead(self, wanted: Iterable[Sequence[Share]]) -> None:
        """Fit every trial that has a share and was not fitted yet, once and side by side."""
        found = {}
        for share in (share for shares in wanted for share in shares):
            if (share.candidate, share.trial) not in self.fitted:
                found[share.candidate, share.trial] = (self.specs[share.candidate], _trial(self.made, share.candidate, share.trial))
        self.fitted.update(self.fit(found))

    def ship(self, name: str) -> None:
        """Pack one rung, smaller where a limit asks for it."""
        tried: list[_Tried] = []
        own, *smaller = self.versions(name)
        whole = len(own.shares) == len(self.made.shares[name])
        self._try(name, tried, own, self.yard.judged[name] if whole else self.yard.judging(name, own.predictions))
        for blend in smaller:
            if self.every or self.yard.limits.broken_by(tried[-1].cost):
                self._try(name, tried, blend, self.yard.judging(name, blend.predictions))
        if not smaller:
            self._cut(name, tried)
        _keep(name, tried, bool(smaller), self.yard.limits, self.scratch, self.done)

    def _cut(self, name: str, tried: list[_Tried]) -> None:
        """Fewer and fewer iterations, until the limits allow it."""
        iterations = ceil(final.kept(self.made.studied[name].best, self.yard.ground.trained) or 0)
        while iterations and self.yard.limits.broken_by(tried[-1].cost) and len(tried) <= CUTS:
            iterations = int(iterations * CLOSER * self.yard.limits.part_allowed(tried[-1].cost))
            found = self.yard.shorter(name, iterations) if iterations else None
            if found is None:
                return
            spec, studied = found
            shares = (Share(name, studied.best.number),)
            models = self.fit({(name, studied.best.number): (spec, studied.best)})
            self._try(name, tried, Blend(shares, studied.predictions), self.yard.judging(name, studied.predictions), models)
            if tried[-1].cost.size >= tried[-2].cost.size:
                return

    def _try(self, name: str, tried: list[_Tried], blend: Blend, judged: Judged, models: Fitted | None = None) -> None:
        if models is None:
            self.fit_ahead([blend.shares])
        model = final.model_of(blend.shares, models or self.fitted, self.yard.ground.everything)
        ready = packing(name, model, judged.combine, self.yard.ground.learner, self.yard.ground.everything, self.yard.shipping)
        tried.append(_Tried(blend, judged, model, packed_cost(ready, _place(self.scratch, name, len(tried)))))


def _keep(name: str, tried: list[_Tried], is_blend: bool, limits: Limits, scratch: Path, done: Shipped) -> None:
    """Keep the largest version that breaks no limit, and what all of them cost."""
    allowed = [number for number, one in enumerate(tried) if not limits.broken_by(one.cost)]
    kept = allowed[0] if allowed else 0
    for number, one in enumerate(tried):
        place = _place(scratch, name, number)
        if number == kept:
            place.rename(scratch / name)
        else:
            rmtree(place)
        title = name if number == kept else f"{name} of {len(one.blend.shares)}" if is_blend else f"{name} cut {number}" if number else f"{name} uncut"
        payoff = one.judged.decided["payoff"].to_numpy()
        done.versions.append(Version(title, name, len(one.blend.shares), payoff, one.cost, number == kept))
    done.shares[name], done.models[name], done.judged[name] = tried[kept].blend.shares, tried[kept].model, tried[kept].judged
    done.predictions[name] = tried[kept].blend.predictions
    if not allowed:
        done.over[name] = limits.broken_by(tried[kept].cost)


@dataclass(frozen=True)
class _Tried:
    blend: Blend
    judged: Judged
    model: Model
    cost: Cost


def _place(scratch: Path, name: str, number: int) -> Path:
    return scratch / f".version-{number}-{name}"
