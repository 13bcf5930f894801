"""The search: screen all candidate features at once, refit the best, keep what helps again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from runner.core.faults import fault
from runner.core.seeds import seed_for
from runner.features.auto import BUDGET
from runner.features.auto import candidates as made_of
from runner.features.auto.candidates import CandidateFeature
from runner.features.auto.ground import Ground
from runner.features.auto.refits import Gain, Out, Part, Refits, gain_of, parts_of, planned
from runner.features.auto.screen import Around, Errors, Screened, bins, coded, errors_of_none, gains, screen
from runner.features.recipe import outcome_columns

CANDIDATES_A_FIT = 10
REPEATS = 4
CHANCE, SURE, STEADY, HOPE = 0.05, 0.025, 0.8, 0.2
ADDITIVE = 2  # leaves of a tree that looks at one column
SHORTLIST, PATIENCE = 60, 10


@dataclass(frozen=True)
class Tried:
    """A candidate that was refitted. screened: what the screen promised, as a multiple of the most that chance gave to any candidate; chance: how
    often chance gives as much to any; gain: by the refits; kept: whether it is in the proposal."""

    feature: CandidateFeature
    screened: float
    chance: float
    gain: Gain
    kept: bool


@dataclass(frozen=True)
class Evidence:
    """screened: candidates that were screened; by_family: how many of each family; promising: those that chance did not explain;
    tried: those that were refitted, in order; gain: of all kept features together, on folds that no choice was made on, None where nothing was kept;
    loss: before; measure: its name; rows: that were judged; fits: that were spent, of the budget."""

    screened: int
    by_family: Mapping[str, int]
    promising: int
    tried: tuple[Tried, ...]
    gain: Gain | None
    loss: float
    measure: str
    rows: int
    fits: int
    budget: int


@dataclass(frozen=True)
class Proposal:
    """steps: name to step, as config declares them, {} where nothing helps; evidence: how they were found."""

    steps: Mapping[str, Mapping[str, Any]]
    evidence: Evidence

    @property
    def kept(self) -> list[Tried]:
        """What is proposed, in order."""
        return [one for one in self.evidence.tried if one.kept]


def propose(ground: Ground, budget: int = BUDGET, tick: Callable[[str, int, int], None] | None = None) -> Proposal:
    """Steps that make the model better than the ground's recipe, out of fold, with the evidence.

    budget: most fits of the quick model; CANDIDATES_A_FIT times as many candidates are screened at most. tick: told what is fitted, fits done and
    the budget. The same ground and budget give the same proposal, whatever the threads. Raises FaultsError for a budget that cannot try one candidate.
    """
    ground = ground.cut()
    k = len(ground.folds)
    # The two models there are, one candidate in every repeat, the additive model with it, and both sides of the last look.
    least = k * (REPEATS + 1 + REPEATS + 1 + 2)
    if budget < least:
        raise fault("--budget", f"{budget} fits are too few to try one candidate on {k} folds", f"at least {least}")
    refits = Refits(ground, budget)
    if tick is not None:
        refits.tick = lambda doing: tick(doing, refits.fits, budget)
    search = _Search(ground, refits)
    search.begin()
    search.look_around(CANDIDATES_A_FIT * budget)
    search.go()
    return search.end()


@dataclass
class _Search:
    ground: Ground
    refits: Refits
    parts: list[Part] = field(default_factory=list)
    now: list[Out] = field(default_factory=list)
    before: list[Out] = field(default_factory=list)
    found: list[CandidateFeature] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    promising: int = 0

    around: Around = field(init=False)
    alone: Errors = field(init=False)
    screens: list[Screened] = field(default_factory=list)
    additive: Out = field(init=False)
    shortlist: list[int] = field(default_factory=list)
    codes: dict[int, list[np.ndarray]] = field(default_factory=dict)

    def seed(self, *name: str | int) -> int:
        return seed_for(self.ground.learner.seed, "features", "auto", *name)

    def begin(self) -> None:
        """The models on the features there are."""
        self.parts = parts_of(self.ground.learner)
        self.now = [self.refits.predictions(self.parts, repeat) for repeat in range(REPEATS)]
        self.additive = self.refits.predictions(self.parts, 0, ADDITIVE)
        self.before = list(self.now)

    def look_around(self, most: int) -> None:
        """Screen the candidates; those that chance does not explain are the shortlist."""
        learner, at = self.ground.learner, self.now[0].at
        self.alone = errors_of_none(learner.outcome[at], self.now[0].fold, learner.task, max(1, len(learner.labels)))
        dealt = self.alone.dealt_anew(0, 0)
        columns = made_of.look(self.ground, lambda column: float(gains(bins(column)[at], dealt, self.alone)[0]))
        positive = learner.labels[1] if learner.task == "binary" else None
        outcome, classes = outcome_columns(learner.rows[learner.target], learner.task, list(learner.labels), positive)
        self.around = Around(columns, outcome, tuple(classes), at)
        self.found = made_of.candidates(columns, self.ground, most)
        self.screens = [screen(self.found, self.around, errors, errors is self.alone, self.seed("deal", side)) for side, errors in enumerate(self.errors())]
        good = [place for place in range(len(self.found)) if self.chance(place) <= CHANCE]
        self.promising = len(good)
        self.shortlist = sorted(good, key=lambda place: -max(self.over_chance(place)))[:SHORTLIST]
        self.codes = dict(zip(self.shortlist, coded([self.found[i] for i in self.shortlist], self.around), strict=True))

    def chance(self, place: int) -> float:
        """How often chance promises as much in one of the screens."""
        return min(screened.p(place) for screened in self.screens)

    def over_chance(self, place: int) -> list[float]:
        """A candidate's gain in each screen, as a multiple of the most that chance gave to any."""
        return [float(screened.gain[place] / screened.limit) for screened in self.screens]

    def errors(self) -> list[Errors]:
        """What the present model gets wrong, its repeats averaged; what an additive one does, in which interactions show; and what a constant does,
        in which a feature shows that tells at once what the model pieces together from many splits."""
        first, learner = self.now[0], self.ground.learner
        place = np.argsort(first.at, kind="stable")
        p = np.zeros_like(first.p)
        for out in self.now:
            p[place] += out.p[np.argsort(out.at, kind="stable")] / len(self.now)
        return [*(Errors.of(wrong, learner.outcome[first.at], first.fold, learner.task) for wrong in (p, self.additive.p)), self.alone]

    def go(self) -> None:
        """Forward: refit the most promising, of the screens in turn, keep it or not, and look again."""
        k, failed, side = self.refits.folds, 0, 0
        promise = self.promises()
        while self.shortlist and failed < PATIENCE and self.refits.left >= k * (REPEATS + 1 + 2):
            best = [self.best(promise, by) for by in range(len(self.screens))]
            sides = [by for by, place in enumerate(best) if promise[place][by] > 1]
            if not sides:
                return
            side = next((by for by in sides if by >= side), sides[0])
            self.shortlist.remove(best[side])
            one = self.try_out(best[side])
            self.tried.append(one)
            side, failed = side + 1, 0 if one.kept else failed + 1
            if one.kept:
                self.additive = self.refits.predictions(self.parts, 0, ADDITIVE)
                self.kept.append(best[side - 1])
                promise = self.promises()

    def best(self, promise: Mapping[int, Sequence[float]], by: int) -> int:
        """The most promising of one screen; what was tried of a family in vain halves what is hoped of the rest."""
        vain = Counter(one.feature.family for one in self.tried if not one.kept)
        return max(self.shortlist, key=lambda place: ((promise[place][by] > 1) * promise[place][by] * 0.5 ** vain[self.found[place].family], -place))

    def promises(self) -> dict[int, list[float]]:
        """The gain of each on the shortlist in each screen, given what the present models get wrong, as a multiple of what chance gave to any."""
        at, rows = self.around.at, self.around.columns.rows
        gain: dict[int, list[float]] = {place: [] for place in self.shortlist}
        for errors, screened in zip(self.errors(), self.screens, strict=True):
            dealt = errors.dealt_anew(0, 0)

            def best_of(codes: list[np.ndarray], dealt: np.ndarray = dealt, errors: Errors = errors) -> float:
                return max(float(gains(one[at], dealt, errors)[0]) for one in codes)

            # Beside what it is made of, a feature has to tell more than those kept of the same columns.
            known = {name: best_of([bins(rows[name])]) for place in self.shortlist for name in self.found[place].of} if errors is self.alone else {}
            kept = {place: best_of(self.codes[place]) for place in self.kept} if errors is self.alone else {}
            for place in self.shortlist:
                of = set(self.found[place].of)
                less = [known[name] for name in of if name in known] + [told for other, told in kept.items() if of & set(self.found[other].of)]
                gain[place].append((best_of(self.codes[place]) - max(0.0, *less, 0.0)) / screened.limit)
        return gain

    def try_out(self, place: int) -> Tried:
        feature = self.found[place]
        part = planned(self.ground, feature.name, feature.steps)
        outs: list[Out] = []
        hopeful = True
        while hopeful and len(outs) < REPEATS:
            outs.append(self.refits.predictions([*self.parts, part], len(outs)))
            gain = gain_of(self.now[: len(outs)], outs, self.ground, self.seed("gain", feature.name))
            # One repeat alone says little; two that leave it open are enough to spend the work on another candidate.
            hopeful = gain.share > 0 and (len(outs) == 1 or gain.p <= HOPE)
        kept = hopeful and is_repeatable(gain)
        if kept:
            self.parts.append(part)
            self.now = outs
        return Tried(feature, max(self.over_chance(place)), self.chance(place), gain, kept)

    def end(self) -> Proposal:
        """What was kept has to help once more, on folds that no choice was made on."""
        gain, kept = None, [one for one in self.tried if one.kept]
        if kept:
            fresh = [self.refits.predictions(parts, REPEATS) for parts in (self.parts[: -len(kept)], self.parts)]
            gain = gain_of(fresh[:1], fresh[1:], self.ground, self.seed("gain"))
            if not (gain.p <= SURE and 2 * gain.better > gain.fits):
                kept, self.tried = [], [replace(one, kept=False) for one in self.tried]
        steps = {name: step for one in kept for name, step in one.feature.steps.items()}
        by_family: dict[str, int] = {}
        for found in self.found:
            by_family[found.family] = by_family.get(found.family, 0) + 1
        loss = float(np.mean([out.loss.mean() for out in self.before]))
        measure = "squared error" if self.ground.learner.task == "regression" else "log loss"
        rows, spent = len(self.now[0].at), self.refits
        return Proposal(steps, Evidence(len(self.found), by_family, self.promising, tuple(self.tried), gain, loss, measure, rows, spent.fits, spent.budget))


def is_repeatable(gain: Gain) -> bool:
    """Surely above zero over resampled rows, above zero in every repeat, and in most of the folds."""
    return gain.p <= SURE and min(gain.repeats) > 0 and gain.better >= STEADY * gain.fits


__all__: Sequence[str] = ("Evidence", "Proposal", "Tried", "is_repeatable", "propose")
