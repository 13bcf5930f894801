"""What is done when a boosted fit runs away: noticed by its own loss, fitted again gently, or answered by the overall shares."""

from __future__ import annotations

import math

import numpy as np

from runner.bundle.models.constant import ConstantModel
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit

# A sound fit is hardly ever worse than the constant; one that has run away is so by far.
WORSE = 1.1
# Classes up to which the declared learning rate is used as it is, and trees that one fit grows at most.
FEW_CLASSES, MOST_TREES = 30, 30_000
# Iterations times columns; only tables of thousands of columns come near.
MOST_LOOKS = 2_000_000
FASTEST_RATE, FEWEST_ITERATIONS = 0.3, 20


def constant(given: Fit) -> ConstantModel:
    """The overall shares, one more row spread evenly, or the mean, of the training rows as they count."""
    outcome, counted = given.train.outcome, given.train.weights
    if given.task == "regression":
        return ConstantModel((float(np.average(outcome, weights=counted)),))
    counts = np.bincount(outcome.astype(int), counted, minlength=given.n_classes) + 1.0 / given.n_classes
    return ConstantModel(tuple((counts / counts.sum()).tolist()))


def ran_away(loss: float, given: Fit) -> bool:
    """Whether a loss on the rows that judge the fit is not finite or clearly worse than the constant's.

    loss: mean log loss or root mean squared error, on the validation rows where there are any, else on the training rows.
    """
    return not math.isfinite(loss) or loss > WORSE * constant_loss(given)


def constant_loss(given: Fit) -> float:
    """What the constant loses on the rows that judge the fit."""
    judged: Matrix = given.train if given.valid is None else given.valid
    values = np.array(constant(given).values)
    if given.task == "regression":
        return float(np.sqrt(np.average((judged.outcome - values[0]) ** 2, weights=judged.weights)))
    return float(-np.average(np.log(values[judged.outcome.astype(int)]), weights=judged.weights))


def iterations(declared: int, classes: int, columns: int = 1) -> int:
    """The most iterations of a fit that grows one tree for each class, and looks at every column for each split."""
    return min(declared, max(FEWEST_ITERATIONS, MOST_TREES // max(1, classes)), max(FEWEST_ITERATIONS, MOST_LOOKS // max(1, columns)))


def rate(declared: float, classes: int, few: int = FEW_CLASSES) -> float:
    """The learning rate: with more than a few classes there are fewer iterations, so each goes further."""
    return declared if classes <= few else max(declared, min(FASTEST_RATE, declared * math.sqrt(classes / few)))
