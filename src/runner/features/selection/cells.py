"""What one fold's training rows say of each feature: fits on a part of them, judged on rows set aside among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.calibrate import calibrated
from runner.bundle.payoff import realised
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Matrix, Prepared, prepare
from runner.features.probe import ROUNDS, losses, quick_model, raw_predictions
from runner.features.selection.spec import SelectionSpec
from runner.problem.policies import calibration, tuning
from runner.problem.policies.tuning import Terms

FIT_SHARE, ASIDE_SHARE = 0.8, 0.25
MAX_ASIDE = 5000
MIN_ASIDE, MIN_FIT = 20, 40
NULLS, NULL_ROUNDS = 10, 30
ONE_SIDED = 1.644854  # of the normal distribution, at 95%


@dataclass(frozen=True)
class Told:
    """What a cell says of a feature.

    gain: of the first model, as a share; loss, payoff: how much worse unseen rows get when it is shuffled (payoff in its unit per row);
    significant: more than chance; examined: False where a fold looked at stronger or cheaper ones only.
    """

    gain: float
    loss: float = 0.0
    payoff: float = 0.0
    significant: bool = False
    examined: bool = False


@dataclass(frozen=True)
class Aside:
    """A fold's training rows parted in two: where features are learned and where they are judged. Positions in the learner's rows."""

    fit: np.ndarray
    judged: np.ndarray


def aside(fold: Fold, folds: Sequence[Fold], whole: Mapping[int, Fold], seed: int) -> Aside | None:
    """The rows set aside: the next fold's where they are among this fold's training rows, else a draw; None where there are too few.

    folds: those that select; whole: number to the fold as the split made it, from which large ones were cut.
    """
    order = [f.number for f in folds]
    place = order.index(fold.number)
    for number in (*order[place + 1 :], *reversed(order[:place])):
        other = whole[number]
        # Rows that skip the other fold are no training rows for what is judged there.
        made = Aside(np.intersect1d(fold.train, other.train), np.intersect1d(fold.train, other.valid))
        if len(made.fit) >= MIN_FIT and len(made.judged) >= MIN_ASIDE:
            return replace(made, judged=_at_most(made.judged, seed))
    drawn = np.random.default_rng(seed).random(len(fold.train)) < ASIDE_SHARE
    if drawn.sum() < MIN_ASIDE or (~drawn).sum() < MIN_FIT:
        return None
    return Aside(fold.train[~drawn], _at_most(fold.train[drawn], seed))


def _at_most(rows: np.ndarray, seed: int) -> np.ndarray:
    return rows if len(rows) <= MAX_ASIDE else np.sort(np.random.default_rng(seed).choice(rows, MAX_ASIDE, replace=False))


@dataclass(frozen=True)
class Examiner:
    """What all cells share.

    costs: feature to what it costs alone; copies: sets of near-equal features; groups: (n,) codes of the learner's rows that belong together.
    """

    learner: Learner
    terms: Terms
    spec: SelectionSpec
    costs: Mapping[str, float]
    copies: Sequence[Sequence[str]]
    groups: np.ndarray | None

    def examine(self, fold: Fold, parted: Aside) -> list[dict[str, Told]]:
        """A fold's verdicts, one for each repeat: feature to what was told."""
        made = prepare(self.learner, parted.fit, parted.judged, ("selection", fold.number))
        return [self._cell(made, parted, seed_for(self.learner.seed, "features", "selection", fold.number, repeat)) for repeat in range(self.spec.repeats)]

    def _cell(self, made: Prepared, parted: Aside, seed: int) -> dict[str, Told]:
        names = made.inputs.names
        drawn = np.sort(np.random.default_rng(seed).permutation(len(made.train.outcome))[: max(MIN_FIT, round(FIT_SHARE * len(made.train.outcome)))])
        taken = Matrix(pl.DataFrame(), made.train.values[drawn], made.train.outcome[drawn])
        gains = self._gains(taken, made, list(range(len(names))), seed, ROUNDS)
        told = {name: Told(float(gain)) for name, gain in zip(names, gains, strict=True)}
        kept = self._looked_at(told)
        places = [i for i, name in enumerate(names) if name in kept]
        booster = self._model(taken, made, places, seed, ROUNDS)
        shuffled = _Shuffling(self, made, parted, booster, places).told(seed)
        nulls = self._beats_nulls(taken, made, places, seed) if self.spec.kind == "null_importance" else None
        for at, i in enumerate(places):
            loss, payoff, sure = shuffled[at]
            told[names[i]] = Told(told[names[i]].gain, loss, payoff, sure if nulls is None else bool(nulls[at]), examined=True)
        return told

    def _looked_at(self, told: Mapping[str, Told]) -> set[str]:
        """The strongest by gain; of near-equal ones the cheapest, and of those the strongest, with the gain of all."""
        gain = {name: t.gain for name, t in told.items()}
        for same in self.copies:
            best = min(same, key=lambda name: (self.costs.get(name, 0.0), -told[name].gain))
            together = sum(told[name].gain for name in same)
            gain = {name: g for name, g in gain.items() if name not in same} | {best: together}
        ranked = sorted(gain, key=lambda name: (-gain[name], name))
        return set(ranked[: self.spec.screen])

    def _model(self, taken: Matrix, made: Prepared, places: Sequence[int], seed: int, rounds: int) -> Any:
        categorical = [at for at, i in enumerate(places) if i >= len(made.inputs.numeric)]
        return quick_model(replace(taken, values=taken.values[:, list(places)]), categorical, self.kind, seed, rounds)

    def _gains(self, taken: Matrix, made: Prepared, places: Sequence[int], seed: int, rounds: int) -> np.ndarray:
        """(columns,) share of a model's gain by each column."""
        gains = np.asarray(self._model(taken, made, places, seed, rounds).feature_importance("gain"), dtype=float)
        return np.asarray(gains / max(gains.sum(), 1e-300))

    def _beats_nulls(self, taken: Matrix, made: Prepared, places: Sequence[int], seed: int) -> np.ndarray:
        """(columns,) whether the gain by a column is above that of every draw of shuffled outcomes (Altmann et al. 2010)."""
        draw = np.random.default_rng(seed_for(seed, "nulls"))
        most = np.zeros(len(places))
        for _ in range(NULLS):
            shuffled = replace(taken, outcome=draw.permutation(taken.outcome))
            booster = self._model(shuffled, made, places, seed, NULL_ROUNDS)
            most = np.maximum(most, booster.feature_importance("gain"))
        real = np.asarray(self._model(taken, made, places, seed, NULL_ROUNDS).feature_importance("gain"))
        return np.asarray(real > most)

    @property
    def kind(self) -> tuple[str, int]:
        """The task and the number of classes."""
        return self.learner.task, max(1, len(self.learner.labels))


class _Shuffling:
    """A model judged on the rows set aside, with calibration and policy held as they are while one column after the other is shuffled."""

    def __init__(self, examiner: Examiner, made: Prepared, parted: Aside, booster: Any, places: Sequence[int]) -> None:
        if made.valid is None:
            raise ValueError("there are no rows to judge on")
        self._examiner, self._booster = examiner, booster
        self._values, self._outcome = made.valid.values[:, list(places)].copy(), made.valid.outcome
        self._rows = examiner.learner.rows[parted.judged]
        self._groups = None if examiner.groups is None else examiner.groups[parted.judged]
        raw = raw_predictions(booster, self._values, examiner.kind)
        self._calibration = calibration.fit(raw, self._outcome, "sigmoid" if examiner.terms.labels else "none")
        p = calibrated(raw, self._calibration)
        self._terms = tuning.tune(examiner.terms, self._rows, p, self._outcome)
        self._errors = [] if examiner.terms.labels else tuning.errors_of(p[:, 0], self._outcome)
        self._loss, self._payoff = self._judged(p)

    def told(self, seed: int) -> list[tuple[float, float, bool]]:
        """For each column how much worse the loss gets, how much payoff is lost, and whether the loss surely gets worse."""
        found = []
        for column in range(self._values.shape[1]):
            before = self._values[:, column].copy()
            self._values[:, column] = np.random.default_rng(seed_for(seed, "shuffle", column)).permutation(before)
            loss, payoff = self._judged(calibrated(raw_predictions(self._booster, self._values, self._examiner.kind), self._calibration))
            self._values[:, column] = before
            worse = loss - self._loss
            found.append((float(worse.mean()), float((self._payoff - payoff).mean()), bool(worse.mean() > ONE_SIDED * standard_error(worse, self._groups))))
        return found

    def _judged(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        decided = tuning.earn(self._terms, self._rows, p, None, self._errors)
        came = realised(self._rows, self._terms.payoff, decided["decision"], self._rows[self._terms.target])
        return losses(p, self._outcome, self._examiner.learner.task), came


def standard_error(values: np.ndarray, groups: np.ndarray | None) -> float:
    """Of the mean of (n,) values; groups: (n,) codes of rows that belong together and count as one draw."""
    off = values - values.mean()
    if groups is not None:
        off = np.bincount(np.unique(groups, return_inverse=True)[1], weights=off)
    return float(np.sqrt((off**2).sum())) / max(1, len(values))
