"""Refits: whether a candidate feature helps the model itself, out of fold, on repeated folds; each fit is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from runner.bundle.inputs import Inputs
from runner.core.seeds import seed_for
from runner.features.auto.ground import Ground
from runner.features.matrices import Fold, Learner, Matrix, prepare
from runner.features.probe import LEAVES, losses, quick_predictions
from runner.features.recipe import Recipe, outcome_columns, plan
from runner.features.spec import FeaturesSpec
from runner.problem.policies import calibration
from runner.stats.bootstrap import Resampled

CONFIDENCE, DRAWS = 0.95, 1000


@dataclass(frozen=True)
class Columns:
    """Columns of a model's matrix on one fold. train, valid: (rows, k) Float32; categorical: positions of category codes."""

    train: np.ndarray
    valid: np.ndarray
    categorical: tuple[int, ...]


@dataclass(frozen=True)
class Part:
    """Some features with the recipe that makes them, and their columns where they are kept. whole: (rows, k) where no step learns."""

    name: str
    learner: Learner
    whole: np.ndarray | None
    categorical: tuple[int, ...]
    kept: dict[tuple[int, int], Columns] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, name: str, learner: Learner) -> Part:
        """learner: whose rows have the static columns already."""
        if learner.recipe.learning:
            return cls(name, learner, None, ())
        inputs = Inputs.learn(learner.rows, learner.recipe.features)
        return cls(name, learner, inputs.matrix(learner.rows).astype(np.float32), _codes_of(inputs))

    def columns(self, fold: Fold, repeat: int) -> Columns:
        """The part's columns on a fold; learned columns are fitted on the fold's training rows."""
        if self.whole is not None:
            return Columns(self.whole[fold.train], self.whole[fold.valid], self.categorical)
        if (repeat, fold.number) not in self.kept:
            made = prepare(self.learner, fold.train, fold.valid, ("auto", self.name, repeat, fold.number))
            if made.valid is None:
                raise ValueError(f"fold {fold.number} has no validation rows")
            self.kept[repeat, fold.number] = Columns(made.train.values.astype(np.float32), made.valid.values.astype(np.float32), _codes_of(made.inputs))
        return self.kept[repeat, fold.number]


def _codes_of(inputs: Inputs) -> tuple[int, ...]:
    return tuple(range(len(inputs.numeric), len(inputs.numeric) + len(inputs.categorical)))


def parts_of(learner: Learner) -> list[Part]:
    """The features there are: those whose values are the same in every fold, and those that are learned in each."""
    known = set(learner.rows.columns)
    static = tuple(f for f in learner.recipe.features if f["name"] in known)
    learned = tuple(f for f in learner.recipe.features if f["name"] not in known)
    found = [Part.of("static", replace(learner, recipe=Recipe((), (), static)))] if static else []
    return [*found, *([Part.of("learned", replace(learner, recipe=Recipe((), learner.recipe.learning, learned)))] if learned else [])]


def planned(ground: Ground, name: str, steps: Mapping[str, Mapping[str, Any]]) -> Part:
    """The features of some steps over the contract's columns, by the recipe's own plan."""
    learner = ground.learner
    positive = learner.labels[1] if learner.task == "binary" else None
    outcome, classes = outcome_columns(learner.rows[learner.target], learner.task, list(learner.labels), positive)
    recipe, rows = plan(FeaturesSpec.model_validate({"steps": dict(steps)}), learner.rows, outcome, classes, learner.rows.columns)
    return Part.of(name, replace(learner, rows=rows, recipe=Recipe((), recipe.learning, recipe.features)))


@dataclass(frozen=True)
class Gain:
    """How far the loss falls. share: of the loss before; low, high: of its interval; p: how often resampled rows show no fall;
    better, fits: folds in which it fell, of all; repeats: the fall in each repeat, as a share."""

    share: float
    low: float
    high: float
    p: float
    better: int
    fits: int
    repeats: tuple[float, ...]


@dataclass
class Refits:
    """Fits of the quick model, counted against a budget."""

    ground: Ground
    budget: int
    tick: Callable[[str], None] = lambda doing: None
    fits: int = 0

    @property
    def folds(self) -> int:
        return len(self.ground.folds)

    @property
    def left(self) -> int:
        return self.budget - self.fits

    def predictions(self, parts: Sequence[Part], repeat: int, leaves: int = LEAVES) -> Out:
        """Out-of-fold predictions of a model on these parts; costs a fit per fold. leaves: of each tree."""
        learner, folds = self.ground.learner, self.ground.repeat(repeat)
        outcome, raw = learner.outcome, []
        for fold in folds:
            given = [part.columns(fold, repeat) for part in parts]
            starts = np.cumsum([0, *(one.train.shape[1] for one in given)])
            categorical = [int(start) + c for start, one in zip(starts, given, strict=False) for c in one.categorical]
            nothing = np.empty((len(fold.train), 0), np.float32), np.empty((len(fold.valid), 0), np.float32)
            train = Matrix(learner.rows.clear(), np.hstack([nothing[0], *(one.train for one in given)]), outcome[fold.train])
            seed = seed_for(learner.seed, "features", "auto", "fit", repeat, fold.number)
            kind = (learner.task, max(1, len(learner.labels)))
            raw.append(quick_predictions(train, np.hstack([nothing[1], *(one.valid for one in given)]), categorical, kind, seed, leaves=leaves))
            self.fits += 1
            self.tick(parts[-1].name if parts else "no feature")
        at = np.concatenate([fold.valid for fold in folds])
        number = np.concatenate([np.full(len(fold.valid), k) for k, fold in enumerate(folds)])
        p = calibration.cross_fitted(np.concatenate(raw), outcome[at], number, "none" if learner.task == "regression" else "sigmoid")
        return Out(at, number, p, losses(p, outcome[at], learner.task))


@dataclass(frozen=True)
class Out:
    """Out-of-fold predictions of one repeat. at: (n,) positions of rows; fold: (n,) 0..folds-1; p: (n, k); loss: (n,)."""

    at: np.ndarray
    fold: np.ndarray
    p: np.ndarray
    loss: np.ndarray


def gain_of(before: Sequence[Out], after: Sequence[Out], ground: Ground, seed: int) -> Gain:
    """The paired fall of the loss from before to after, over the same repeats."""
    falls = [b.loss - a.loss for b, a in zip(before, after, strict=True)]
    level = float(np.mean([b.loss.mean() for b in before]))
    per_fold = [fall[b.fold == k].mean() for fall, b in zip(falls, before, strict=True) for k in range(int(b.fold.max()) + 1)]
    # Every repeat judges the same rows: averaged by row, they are resampled once.
    order = [np.argsort(b.at, kind="stable") for b in before]
    rows = before[0].at[order[0]]
    mean = np.mean([fall[o] for fall, o in zip(falls, order, strict=True)], axis=0)
    groups = None if ground.groups is None else ground.groups[rows]
    drawn = Resampled.of({"fall": mean, "none": np.zeros(len(mean))}, DRAWS, seed, groups)
    found = drawn.gain("fall", "none", CONFIDENCE, "")
    low, high, p = (found[name] if found[name] is not None else float("nan") for name in ("low", "high", "p"))
    share = max(level, 1e-12)
    return Gain(
        float(mean.mean()) / share,
        low / share,
        high / share,
        p,
        int(sum(fall > 0 for fall in per_fold)),
        len(per_fold),
        tuple(float(fall.mean()) / share for fall in falls),
    )
