"""Logistic and ridge regression."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.linear import Design, LinearModel
from runner.core.registry import register
from runner.training.models.blocks import Blocks
from runner.training.models.elastic_net import Fitting, Penalty, log_loss, minimised, softmax_loss, squares
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

RIDGE_ITERATIONS = 1000
# The score of a class that a fold lacks.
MISSING_CLASS = -20.0
FEW_CLASSES, FEWEST_STEPS, BINARY = 30, 20, 2
# How often a solver looks at all rows, about: with a score, and with one for each class.
LOOKS, LOOKS_OF_CLASSES = 35.0, 45.0
# Columns from which on, where they are more than the rows, ridge is solved in the rows' space; and the most that it is solved for at once.
WIDE, DIRECT = 1000, 1000
# A log loss bends no more with its score.
LOG_LOSS_BENDS = 0.25
# Levels times classes; beyond it only the levels that most rows have get a weight.
MOST_WEIGHTS = 1_000_000


class LinearSpec(CandidateSpec):
    """Logistic regression, or ridge for a number, on standardised columns and one-hot levels, with an L2 or elastic-net penalty.

    A declared direction (`constraints.monotone`) bounds the sign of the column's weight.
    """

    weighs: ClassVar[bool] = True
    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {"penalty": Range(1e-4, 1e2, log=True)}
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"penalty": 1.0, "l1_share": 0.0},
        {"penalty": 0.1, "l1_share": 0.5},
        {"penalty": 1.0, "l1_share": 1.0},
        {"penalty": 1e-4, "l1_share": 0.0},
    )
    kind: Literal["linear"]
    penalty: float = Field(default=1e-2, gt=0)
    """Penalty on the weights, per row of the training data; the first trial's value."""
    l1_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the penalty that is on the weights' absolute values, which makes some of them exactly 0: 0 is ridge (L2), 1 the lasso (L1)."""
    max_iterations: int = Field(default=200, ge=10)
    """The most steps of the solver; a fit that needs more is used as it stands. Ridge needs none up to 1,000 columns or rows, and may take 1,000
    beyond; above 30 classes fewer are made."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        # Fitted to clocked fits of 2,000 to 100,000 rows, 10 to 1,000 columns, 1 to 100 classes: see decision 93. Levels are no columns here.
        spec = self.laid(params)
        if classes == 1 and not spec.l1_share:
            return 5e-3 + 1e-9 * rows * columns * (50.0 + min(columns, 50) + 0.05 * min(columns, rows))
        most = RIDGE_ITERATIONS if classes == 1 else _steps(spec.max_iterations, classes)
        each = 20.0 + 2.2 * columns + (150.0 + classes * (8.0 + 0.45 * columns) if classes > BINARY else 0.0)
        return 5e-3 + 1e-9 * rows * (25.0 * columns + min(most, _looks(spec, rows, columns, classes)) * each)


@register("candidate", LinearSpec)
def fit(spec: LinearSpec, given: Fit) -> Fitted:
    """Fits by L-BFGS or in closed form; deterministic."""
    spec = spec.laid(given.params)
    check = given.check or _never
    design = Design.learn(given.inputs, given.train.values, MOST_WEIGHTS // given.n_classes)
    own = np.unique(given.train.outcome.astype(int)) if given.task != "regression" else np.zeros(0, int)
    if not design.names or len(own) == 1:
        return Fitted(_without_weights(design, given))
    columns = Blocks.of(design, given.train.values, max(1, len(own)), check)
    counts = np.ones(columns.rows) if given.train.weights is None else given.train.weights
    # `penalty` is declared per row, so that it means the same in every fold.
    penalty = Penalty(float(spec.penalty) * float(counts.sum()) / 100.0, spec.l1_share)
    bend = 1.0 if given.task == "regression" else LOG_LOSS_BENDS
    fitting = Fitting(counts, _signs(given, columns.width), _steps(spec.max_iterations, given.n_classes), bend, check)
    if given.task == "regression":
        return Fitted(_of_number(design, columns, given, penalty, fitting))
    return Fitted(_of_classes(design, columns, given, penalty, fitting, own))


def _never() -> None:
    """Ends no fit."""


def _steps(declared: int, classes: int) -> int:
    """The most steps of the solver: each one's cost grows with the classes."""
    return declared if classes <= FEW_CLASSES else max(FEWEST_STEPS, declared * FEW_CLASSES // classes)


def _looks(spec: LinearSpec, rows: int, columns: int, classes: int) -> float:
    """How often the solver looks at all rows, about: for weights that are 0 more often, most of all where columns are more than rows."""
    if classes > BINARY:
        return LOOKS_OF_CLASSES * (2.0 if spec.l1_share else 1.0)
    return LOOKS * (1.3 + 2.6 * columns / max(1, rows) if spec.l1_share else 1.0)


def _signs(given: Fit, width: int) -> np.ndarray:
    """(width,) the only sign that each weight may have, 0 for any. Numbers come first in the design; flags of missing values and levels have no direction."""
    signs = np.zeros(width, int)
    if given.n_classes <= 2:
        signs[: len(given.inputs.numeric)] = [given.monotone.get(name, 0) for name in given.inputs.numeric]
    return signs


def _without_weights(design: Design, given: Fit) -> LinearModel:
    """Where there is nothing to weigh, or one class alone came true: the mean, or the shares, with one more row spread evenly."""
    outcome, k = given.train.outcome, given.n_classes
    if given.task == "regression":
        return LinearModel(design, np.zeros((len(design.names), 1)), np.array([np.average(outcome, weights=given.train.weights)]), "identity")
    counts = np.bincount(outcome.astype(int), minlength=k) + 1.0 / k
    return LinearModel(design, np.zeros((len(design.names), k)), np.log(counts / counts.sum()), "softmax")


def _of_classes(design: Design, columns: Blocks, given: Fit, penalty: Penalty, fitting: Fitting, own: np.ndarray) -> LinearModel:
    """own: the classes that the rows have, two at least; one that a fold lacks keeps a very low score."""
    place = np.searchsorted(own, given.train.outcome.astype(int))
    if len(own) == 2:
        weights, offsets = minimised(columns, log_loss(place.astype(float)), penalty, fitting, 1)
        if given.n_classes == 2:
            return LinearModel(design, weights, offsets, "logistic")
        weights, offsets = np.hstack([np.zeros_like(weights), weights]), np.append(0.0, offsets)
    else:
        weights, offsets = minimised(columns, softmax_loss(place), penalty, fitting, len(own))
    spread, floor = np.zeros((columns.width, given.n_classes)), np.full(given.n_classes, MISSING_CLASS)
    spread[:, own], floor[own] = weights, offsets
    return LinearModel(design, spread, floor, "softmax")


def _of_number(design: Design, columns: Blocks, given: Fit, penalty: Penalty, fitting: Fitting) -> LinearModel:
    """Ridge without bounds in closed form, as long as it is small enough; all else step by step.

    Step by step a number is fitted in its standard deviations, so that the penalty means the same on every scale.
    """
    outcome = given.train.outcome
    used = columns.squares(fitting.counts) > 0
    if not penalty.l1_share and not fitting.signs.any() and min(columns.rows, int(used.sum())) <= DIRECT:
        mean = float(np.average(outcome, weights=given.train.weights))
        solved = _ridge_of_rows if used.sum() > max(columns.rows, WIDE) else _ridge
        weights, centre = solved(columns, outcome - mean, penalty.size, fitting)
        return LinearModel(design, weights[:, None], np.array([mean - centre @ weights]), "identity")
    mean, scale = float(outcome.mean()), float(outcome.std()) or 1.0
    more = replace(fitting, steps=max(fitting.steps, RIDGE_ITERATIONS))
    found, offsets = minimised(columns, squares((outcome - mean) / scale), penalty, more, 1)
    return LinearModel(design, found * scale, offsets * scale + mean, "identity")


def _ridge(columns: Blocks, outcome: np.ndarray, penalty: float, fitting: Fitting) -> tuple[np.ndarray, np.ndarray]:
    """(width,) weights of an outcome whose weighted mean is 0, and the columns' means."""
    counts = fitting.counts
    sums = columns.gathered(counts[:, None])[:, 0]
    centre = sums / counts.sum()
    weights = np.zeros(columns.width)
    # A column that no row has, as the flag of a number that is never missing, has no weight.
    used = np.flatnonzero(columns.squares(counts))
    gram = columns.products(counts, used, fitting.check) - np.outer(sums[used], centre[used])
    gram[np.diag_indices_from(gram)] += penalty
    weights[used] = np.linalg.solve(gram, columns.gathered((counts * outcome)[:, None])[used, 0])
    return weights, centre


def _ridge_of_rows(columns: Blocks, outcome: np.ndarray, penalty: float, fitting: Fitting) -> tuple[np.ndarray, np.ndarray]:
    """The same by way of the rows' products, which are fewer than the columns'."""
    counts = fitting.counts
    centre = columns.gathered(counts[:, None])[:, 0] / counts.sum()
    along, root = columns.raw(centre[:, None]), np.sqrt(counts)
    kernel = (columns.kernel() - along - along.T + centre @ centre) * root * root[:, None]
    kernel[np.diag_indices_from(kernel)] += penalty
    told = root * np.linalg.solve(kernel, root * outcome)
    return columns.gathered(told[:, None])[:, 0] - centre * told.sum(), centre
