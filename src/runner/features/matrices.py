"""Rows prepared for fitting: the recipe fitted inside each fold, once for all candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from runner.bundle import recipe as fitted_recipe
from runner.bundle.inputs import Inputs
from runner.core.seeds import seed_for
from runner.features.balance.balance import NONE, Balance
from runner.features.recipe import Recipe, fit, outcome_columns


@dataclass(frozen=True)
class Learner:
    """What all fits share.

    rows: the training rows with static features; recipe: what is still to be fitted per fold;
    task, target: of the problem; labels: class names in the order of the probabilities, [] for regression; seed: the experiment's;
    balance: what fits do where a class is rare.
    """

    rows: pl.DataFrame
    recipe: Recipe
    task: str
    target: str
    labels: tuple[str, ...]
    seed: int
    balance: Balance = NONE

    @property
    def outcome(self) -> np.ndarray:
        """(n,) Float64: class positions, or the target."""
        if self.task == "regression":
            return self.rows[self.target].cast(pl.Float64).to_numpy()
        return self.rows[self.target].cast(pl.Enum(list(self.labels))).to_physical().to_numpy().astype(float)


def class_order(task: Mapping[str, Any]) -> tuple[str, ...]:
    """The class names in the order of the probabilities: the positive label stands second, as every binary model here gives it; () for regression.

    task: with task, labels and positive, as task.json and problem.json have them.
    """
    labels = tuple(task["labels"] or ())
    return (*(label for label in labels if label != task["positive"]), task["positive"]) if task["task"] == "binary" else labels


@dataclass(frozen=True)
class Matrix:
    """Rows ready for a model.

    rows: contract columns and features; values: (n, columns) Float64 as `inputs` orders them;
    outcome: (n,) Float64, class positions 0..k-1 or the regression target;
    weights: (n,) Float64 what each row counts, None where all count the same.
    """

    rows: pl.DataFrame
    values: np.ndarray
    outcome: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class Prepared:
    """A fold ready for any candidate; valid is None for the fit on all rows."""

    inputs: Inputs
    operations: tuple[fitted_recipe.Operation, ...]
    train: Matrix
    valid: Matrix | None


@dataclass(frozen=True)
class Fold:
    """Positions (Int64) of a fold's rows in the learner's rows."""

    number: int
    train: np.ndarray
    valid: np.ndarray


def folds_of(row_ids: pl.Series, folds: pl.DataFrame, walks_forward: bool) -> list[Fold]:
    """The folds of the split, in order. Train on all other folds, or walking forward on all earlier ones, without the rows that skip the fold.

    folds: row_id, fold and perhaps skips, as the data room wrote them.
    """
    placed = pl.DataFrame({"row_id": row_ids}).join(folds, on="row_id", how="left", maintain_order="left")
    number = placed["fold"].to_numpy()
    skips = placed["skips"] if "skips" in placed.columns else None

    def taught(k: int) -> np.ndarray:
        others = number < k if walks_forward else number != k
        return np.flatnonzero(others if skips is None else others & ~skips.list.contains(k).to_numpy())

    return [Fold(k, taught(k), np.flatnonzero(number == k)) for k in sorted(set(number.tolist())) if k >= 0]


class Matrices:
    """Prepared folds by number, made when first asked for; safe to ask from several threads."""

    def __init__(self, learner: Learner, folds: Sequence[Fold]) -> None:
        self._learner = learner
        self._folds = {fold.number: fold for fold in folds}
        self._locks = {number: Lock() for number in self._folds}
        self._made: dict[int, Prepared] = {}

    def fold(self, number: int) -> Prepared:
        """The matrices of one fold."""
        with self._locks[number]:
            if number not in self._made:
                fold = self._folds[number]
                self._made[number] = prepare(self._learner, fold.train, fold.valid, ("fold", number))
            return self._made[number]

    def forget(self) -> None:
        """Give the folds' memory back."""
        self._made.clear()


def prepare(learner: Learner, train: np.ndarray, valid: np.ndarray | None, name: tuple[str | int, ...]) -> Prepared:
    """Fit the recipe on the train positions and make the matrices.

    name: where the fit stands, for its seed.
    """
    outcome = learner.outcome
    rows = learner.rows[train]
    positive = learner.labels[1] if learner.task == "binary" else None
    indicators, classes = outcome_columns(rows[learner.target], learner.task, list(learner.labels), positive)
    made = fit(learner.recipe, rows, indicators, classes, seed_for(learner.seed, "features", *name))
    inputs = Inputs.learn(made.own, made.features)
    trained = Matrix(made.own, inputs.matrix(made.own), outcome[train])
    if valid is None:
        return Prepared(inputs, made.operations, trained, None)
    # The static columns are there already; only what was fitted in this fold is still to be applied.
    later = fitted_recipe.apply(made.operations[len(learner.recipe.static) :], learner.rows[valid])
    return Prepared(inputs, made.operations, trained, Matrix(later, inputs.matrix(later), outcome[valid]))
