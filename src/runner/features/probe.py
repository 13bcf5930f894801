"""A quick model judged out of fold, in the scoring rule and in the problem's own payoff: what findings about features are priced with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Matrices, Matrix, Prepared
from runner.problem.policies import calibration, tuning
from runner.problem.policies.tuning import Terms

MAX_ROWS = 20_000
ROUNDS, RATE, LEAVES, MIN_ROWS_IN_LEAF = 100, 0.1, 15, 20


@dataclass(frozen=True)
class Judged:
    """What a quick model gave for the rows that were validated.

    at: (n,) positions in the learner's rows; fold: (n,); p: (n, k) calibrated probabilities, or predictions (n, 1);
    loss: (n,) log loss, or squared error; payoff: (n,) in the problem's unit, each fold decided by a policy tuned on the others.
    """

    at: np.ndarray
    fold: np.ndarray
    p: np.ndarray
    loss: np.ndarray
    payoff: np.ndarray


@dataclass(frozen=True)
class Probe:
    """Fits a small LightGBM of fixed work on each fold and judges it out of fold.

    learner, folds: rows, recipe and folds as training has them, cut to at most MAX_ROWS rows a side by `probe_for`;
    terms: the problem's policy and payoff. The same call gives the same figures, whatever the threads.
    """

    learner: Learner
    folds: tuple[Fold, ...]
    terms: Terms
    _matrices: list[Matrices] = field(default_factory=list, repr=False, compare=False)

    @property
    def features(self) -> list[str]:
        """Names of all features, in the recipe's order."""
        return [feature["name"] for feature in self.learner.recipe.features]

    def judge(self, features: Sequence[str] | None = None, weights: np.ndarray | None = None) -> Judged:
        """Out-of-fold judgement of a model on these features (all of them by default).

        weights: (rows,) of the learner's rows, for the fits only, which do not see rows of no weight; probabilities are
        calibrated afterwards by the other folds.
        """
        given = [self.prepared(fold) for fold in self.folds]
        raw = np.concatenate([self._predictions(made, fold, features, weights) for made, fold in zip(given, self.folds, strict=True)])
        return self.judged(raw, weights is not None)

    def judge_by_fold(self, features: Sequence[Sequence[str]]) -> Judged:
        """Like `judge`, with the features that each fold's model sees."""
        return self.judged(np.concatenate([self._predictions(self.prepared(fold), fold, seen, None) for fold, seen in zip(self.folds, features, strict=True)]))

    def prepared(self, fold: Fold) -> Prepared:
        """The recipe fitted on a fold's training rows, and its matrices; made once."""
        if not self._matrices:
            self._matrices.append(Matrices(self.learner, self.folds))
        return self._matrices[0].fold(fold.number)

    def judged(self, raw: np.ndarray, restore: bool = False) -> Judged:
        """The judgement of (n, k) out-of-fold predictions in the order of the folds' validation rows; restore: the fits' rows did not all count the same."""
        at = np.concatenate([fold.valid for fold in self.folds])
        number = np.concatenate([np.full(len(fold.valid), fold.number) for fold in self.folds])
        outcome = self.learner.outcome[at]
        p = calibration.cross_fitted(raw, outcome, number, "sigmoid" if self.terms.labels else "none", restore)
        decided = tuning.cross_fitted(self.terms, self.learner.rows[at], p, outcome, number, None)
        return Judged(at, number, p, losses(p, outcome, self.learner.task), decided["payoff"].to_numpy())

    def _predictions(self, made: Prepared, fold: Fold, features: Sequence[str] | None, weights: np.ndarray | None) -> np.ndarray:
        if made.valid is None:
            raise ValueError(f"fold {fold.number} has no validation rows")
        names = made.inputs.names
        chosen = list(range(len(names))) if features is None else [names.index(name) for name in features if name in names]
        categorical = [place for place, column in enumerate(chosen) if column >= len(made.inputs.numeric)]
        n_classes = max(1, len(self.learner.labels))
        seed = seed_for(self.learner.seed, "features", "probe", fold.number)
        train = _columns(made.train, chosen, None if weights is None else weights[fold.train])
        return quick_predictions(train, made.valid.values[:, chosen], categorical, (self.learner.task, n_classes), seed)


def probe_for(learner: Learner, folds: Sequence[Fold], problem: Mapping[str, Any]) -> Probe:
    """A probe over rows with static features; problem: as problem.json has it.

    Large tables are cut to a seeded draw of at most MAX_ROWS training and as many validation rows a fold.
    """
    payoff = {"unit": problem["payoff"]["unit"], "actions": problem["payoff"]["actions"], "sql": problem["payoff"]["sql"]}
    terms = Terms({**problem["policy"], "time": problem["time"]}, payoff, list(learner.labels), problem["target"])
    return Probe(learner, tuple(_cut(fold, learner.seed) for fold in folds), terms)


def quick_predictions(train: Matrix, valid: np.ndarray, categorical: Sequence[int], kind: tuple[str, int], seed: int, leaves: int = LEAVES) -> np.ndarray:
    """(n, k) predictions of a small LightGBM for the rows of `valid`.

    train: whose values have the columns of valid; categorical: positions of category codes; kind: the task and the number of classes;
    leaves: of each tree; two make an additive model.
    """
    task, n_classes = kind
    if not train.values.shape[1]:
        return np.tile(_constant(train.outcome, task, n_classes), (len(valid), 1))
    return raw_predictions(quick_model(train, categorical, kind, seed, leaves=leaves), valid, kind)


def quick_model(train: Matrix, categorical: Sequence[int], kind: tuple[str, int], seed: int, rounds: int = ROUNDS, leaves: int = LEAVES) -> Any:
    """A small LightGBM booster of fixed work; arguments as of `quick_predictions`."""
    import lightgbm

    task, n_classes = kind
    params: dict[str, Any] = {
        "objective": task,
        "learning_rate": RATE,
        "num_leaves": leaves,
        "min_data_in_leaf": MIN_ROWS_IN_LEAF,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "verbosity": -1,
    }
    if task == "multiclass":
        params["num_class"] = n_classes
    data = lightgbm.Dataset(
        train.values, train.outcome, weight=train.weights, categorical_feature=list(categorical), params={"verbosity": -1, "num_threads": 1}
    )
    return lightgbm.train(params, data, num_boost_round=rounds)


def raw_predictions(booster: Any, values: np.ndarray, kind: tuple[str, int]) -> np.ndarray:
    """(n, k) probabilities, or (n, 1) predictions, of a booster."""
    task, n_classes = kind
    found = np.asarray(booster.predict(values, num_threads=1))
    return np.column_stack([1.0 - found, found]) if task == "binary" else found.reshape(len(values), n_classes)


def losses(p: np.ndarray, outcome: np.ndarray, task: str) -> np.ndarray:
    """(n,) log loss with probabilities kept 1e-15 from 0, or the squared error."""
    if task == "regression":
        return np.asarray((p[:, 0] - outcome) ** 2)
    return np.asarray(-np.log(np.clip(p[np.arange(len(outcome)), outcome.astype(int)], 1e-15, 1.0)))


def _constant(outcome: np.ndarray, task: str, n_classes: int) -> np.ndarray:
    if task == "regression":
        return np.array([outcome.mean()])
    return np.asarray(np.bincount(outcome.astype(int), minlength=n_classes) / len(outcome))


def _columns(matrix: Matrix, chosen: Sequence[int], weights: np.ndarray | None) -> Matrix:
    if weights is None:
        return Matrix(pl.DataFrame(), matrix.values[:, chosen], matrix.outcome)
    seen = weights > 0
    return Matrix(pl.DataFrame(), matrix.values[seen][:, chosen], matrix.outcome[seen], weights[seen])


def _cut(fold: Fold, seed: int) -> Fold:
    return Fold(fold.number, _drawn(fold.train, seed, "train", fold.number), _drawn(fold.valid, seed, "valid", fold.number))


def _drawn(positions: np.ndarray, seed: int, side: str, number: int) -> np.ndarray:
    if len(positions) <= MAX_ROWS:
        return positions
    draw = np.random.default_rng(seed_for(seed, "features", "probe", side, number))
    return np.sort(draw.choice(positions, MAX_ROWS, replace=False))
