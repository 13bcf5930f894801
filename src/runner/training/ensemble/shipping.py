"""From judged rungs to bundles: fit, pack, and make smaller what the declared limits would refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from runner.training.study import Trial

Judging = Callable[[str, np.ndarray], Judged]
"""Rung and its (n_oof, k) predictions to what they decide and earn."""
Shorter = Callable[[str, int], tuple[CandidateSpec, Studied] | None]
Fitted = Mapping[Key, tuple[Model, ...]]
Fitting = Callable[[Mapping[Key, tuple[CandidateSpec, Trial]]], Fitted]
# How often a rung is cut down, and how much below the limit each cut aims.
CUTS, CLOSER = 3, 0.9


@dataclass
class Shipped:
    """By rung what ships of it. judged: of the version that ships; over: why a rung may not ship at all; versions: of the front."""

    shares: dict[str, tuple[Share, ...]] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    judged: dict[str, Judged] = field(default_factory=dict)
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
    shorter: a rung and a number of iterations to the study of its best setting with no more of them.
    """

    ground: Ground
    shipping: Shipping
    judged: Mapping[str, Judged]
    judging: Judging
    limits: Limits
    shorter: Shorter


def ship(specs: Mapping[str, CandidateSpec], made: Made, yard: Yard, folder: Path, workers: int) -> Shipped:
    """Fit and pack every rung into a folder of bundles.

    A rung that would break a limit ships smaller: an ensemble with fewer members, others with fewer iterations, studied again in the folds so
    that what is shown is what they earn. Where nothing helps it ships as it is, and may not be chosen.
    """
    done, stop = Shipped(), Event()
    with unhurried(workers, "refit", stop) as pool, folder_beside(folder) as scratch:

        def fit(wanted: Mapping[Key, tuple[CandidateSpec, Trial]]) -> Fitted:
            return final.fits(wanted, yard.ground, pool, stop)

        fitted = fit(_wanted(specs, made))
        for name in made.studied:
            _ship_rung(name, made, yard, fitted, scratch, done, fit)
    return done


def _wanted(specs: Mapping[str, CandidateSpec], made: Made) -> dict[Key, tuple[CandidateSpec, Trial]]:
    """Every trial that has a share in a rung, or in a smaller version of one, once."""
    blends = [made.shares[name] for name in made.studied] + [blend.shares for smaller in made.smaller.values() for blend in smaller]
    wanted = {}
    for share in (share for shares in blends for share in shares):
        trial = next(t for t in made.studied[share.candidate].trials if t.number == share.trial)
        wanted[share.candidate, share.trial] = (specs[share.candidate], trial)
    return wanted


def _ship_rung(name: str, made: Made, yard: Yard, fitted: Fitted, scratch: Path, done: Shipped, fit: Fitting) -> None:
    def tried_with(blend: Blend, judged: Judged, models: Fitted) -> None:
        model = final.model_of(blend.shares, models, yard.ground.everything)
        ready = packing(name, model, judged.combine, yard.ground.learner, yard.ground.everything, yard.shipping)
        tried.append(_Tried(blend, judged, model, packed_cost(ready, _place(scratch, name, len(tried)))))

    tried: list[_Tried] = []
    smaller = made.smaller.get(name, ())
    tried_with(Blend(made.shares[name], made.studied[name].predictions), yard.judged[name], fitted)
    for blend in smaller:
        tried_with(blend, yard.judging(name, blend.predictions), fitted)
    iterations = _iterations(made.studied[name].best)
    while not smaller and iterations and yard.limits.broken_by(tried[-1].cost) and len(tried) <= CUTS:
        iterations = int(iterations * CLOSER * yard.limits.part_allowed(tried[-1].cost))
        found = yard.shorter(name, iterations) if iterations else None
        if found is None:
            break
        spec, studied = found
        models = fit({(name, studied.best.number): (spec, studied.best)})
        tried_with(Blend((Share(name, studied.best.number),), studied.predictions), yard.judging(name, studied.predictions), models)
        if tried[-1].cost.size >= tried[-2].cost.size:
            break
    _keep(name, tried, bool(smaller), yard.limits, scratch, done)


def _iterations(trial: Trial) -> int:
    """Iterations that its folds kept on average; 0 where the family has none."""
    kept = [rounds for rounds in trial.rounds if rounds is not None]
    return ceil(sum(kept) / len(kept)) if kept else 0


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
