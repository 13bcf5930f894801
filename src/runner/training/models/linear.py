"""Logistic and ridge regression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.linear import Design, LinearModel
from runner.bundle.models.links import LINKS
from runner.core.registry import register
from runner.features.matrices import Matrix
from runner.training.models.elastic_net import Penalty, minimised, softmax_loss
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

RIDGE_ITERATIONS = 2000
# The score of a class that a fold lacks.
MISSING_CLASS = -20.0
FEW_CLASSES, FEWEST_STEPS = 30, 20
# Columns from which on, where they are more than the rows, ridge is solved in the rows' space.
WIDE = 1000
Bounds = list[tuple[float | None, float | None]] | None
Loss = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


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
    """The most steps of the solver; a fit that needs more is used as it stands. Ridge needs none; above 30 classes fewer are made."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        spec = self.laid(params)
        steps = 60 if spec.l1_share else 20
        return 5e-3 + 2e-9 * rows * columns * (columns + 50 if classes == 1 and not spec.l1_share else steps * 2 * max(1, classes))


@register("candidate", LinearSpec)
def fit(spec: LinearSpec, given: Fit) -> Fitted:
    """Fits by L-BFGS or in closed form; deterministic."""
    spec = spec.laid(given.params)
    design = Design.learn(given.inputs, given.train.values)
    columns = design.columns(given.train.values)
    # `penalty` is declared per row, so that it means the same in every fold.
    weights = given.train.weights
    penalty = float(spec.penalty) * (len(columns) if weights is None else weights.sum()) / 100.0
    bounds = _bounds(given, columns.shape[1])
    outcome, steps = given.train.outcome, _steps(spec.max_iterations, given.n_classes)
    if given.task == "regression" and not columns.shape[1]:
        return Fitted(LinearModel(design, np.zeros((0, 1)), np.array([np.average(outcome, weights=weights)]), "identity"))
    if given.task != "regression" and (len(np.unique(outcome)) < 2 or not columns.shape[1]):
        return Fitted(_only_shares(design, columns, outcome.astype(int), given.n_classes))
    if spec.l1_share > 0:
        return Fitted(_sparse(design, columns, given, Penalty(penalty, spec.l1_share), steps))
    if given.task == "regression":
        return Fitted(_ridge(design, columns, given.train, penalty, bounds))
    if bounds is not None and given.n_classes == 2:
        slopes, offset = _minimised(columns, outcome.astype(int), penalty, bounds, steps, _log_loss, weights)
        return Fitted(LinearModel(design, slopes.reshape(-1, 1), np.array([offset]), "logistic"))
    return Fitted(_logistic(design, columns, given.train, penalty, steps, given.n_classes))


def _steps(declared: int, classes: int) -> int:
    """The most steps of the solver: each one's cost grows with the classes."""
    return declared if classes <= FEW_CLASSES else max(FEWEST_STEPS, declared * FEW_CLASSES // classes)


def _sparse(design: Design, columns: np.ndarray, given: Fit, penalty: Penalty, steps: int) -> LinearModel:
    """Under an elastic net; a number is fitted in its standard deviations, so that the penalty means the same on every scale."""
    outcome, counted = given.train.outcome, given.train.weights
    signs = None
    if given.n_classes <= 2 and given.monotone:
        signs = [given.monotone.get(name, 0) for name in given.inputs.numeric]
        signs += [0] * (columns.shape[1] - len(signs))
    if given.n_classes > 2:
        weights, offsets = minimised(columns, softmax_loss(outcome, given.n_classes), penalty, signs, counted, steps, given.n_classes)
        return LinearModel(design, weights, np.where(np.isin(np.arange(given.n_classes), outcome), offsets, MISSING_CLASS), "softmax")
    mean, scale = (float(outcome.mean()), float(outcome.std()) or 1.0) if given.task == "regression" else (0.0, 1.0)
    loss = _squares if given.task == "regression" else _log_loss

    def one(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, slopes = loss(raw[:, 0], (outcome - mean) / scale)
        return values, slopes[:, None]

    weights, offsets = minimised(columns, one, penalty, signs, counted, max(steps, RIDGE_ITERATIONS) if given.task == "regression" else steps, 1)
    return LinearModel(design, weights * scale, offsets * scale + mean, LINKS[given.task])


def _bounds(given: Fit, width: int) -> Bounds:
    """Per weight its least and greatest value where a direction is declared; None where nothing is."""
    ways = [given.monotone.get(name, 0) for name in given.inputs.numeric]
    if not any(ways):
        return None
    # Numbers come first in the design; flags of missing values and levels have no direction.
    signs = ways + [0] * (width - len(ways))
    return [(0.0 if sign > 0 else None, 0.0 if sign < 0 else None) for sign in signs]


def _only_shares(design: Design, columns: np.ndarray, outcome: np.ndarray, n_classes: int) -> LinearModel:
    """A fold in which one class alone came true has nothing to weigh: its share, with one more row spread evenly."""
    counts = np.bincount(outcome, minlength=n_classes) + 1.0 / n_classes
    return LinearModel(design, np.zeros((columns.shape[1], n_classes)), np.log(counts / counts.sum()), "softmax")


def _logistic(design: Design, columns: np.ndarray, train: Matrix, penalty: float, max_iterations: int, n_classes: int) -> LinearModel:
    from sklearn.linear_model import LogisticRegression

    # C is the inverse of the penalty on the summed loss.
    model = LogisticRegression(C=1.0 / penalty, max_iter=max_iterations, tol=1e-6)
    model.fit(columns, train.outcome.astype(int), sample_weight=train.weights)
    if len(model.classes_) < n_classes:
        return _spread(design, model, n_classes)
    link = "logistic" if n_classes == 2 else "softmax"
    return LinearModel(design, np.asarray(model.coef_).T, np.asarray(model.intercept_), link)


def _spread(design: Design, model: object, n_classes: int) -> LinearModel:
    """A fold that lacks a class: the missing class keeps a very low score."""
    classes = list(model.classes_)  # type: ignore[attr-defined]
    coefficients, offsets = np.asarray(model.coef_), np.asarray(model.intercept_)  # type: ignore[attr-defined]
    if len(classes) == 2:
        coefficients, offsets = np.vstack([np.zeros_like(coefficients), coefficients]), np.array([0.0, offsets[0]])
    weights, floor = np.zeros((coefficients.shape[1], n_classes)), np.full(n_classes, MISSING_CLASS)
    weights[:, classes], floor[classes] = coefficients.T, offsets
    return LinearModel(design, weights, floor, "softmax")


def _ridge(design: Design, columns: np.ndarray, train: Matrix, penalty: float, bounds: Bounds) -> LinearModel:
    outcome, counted = train.outcome, train.weights
    mean, centre = np.average(outcome, weights=counted), np.average(columns, axis=0, weights=counted)
    centred = columns - centre
    scaled = centred if counted is None else centred * counted[:, None]
    if bounds is not None:
        weights, _ = _minimised(centred, outcome - mean, penalty, bounds, RIDGE_ITERATIONS, _squares, counted)
    elif columns.shape[1] > max(len(columns), WIDE):
        weights = _ridge_of_rows(centred, outcome - mean, penalty, counted)
    else:
        gram = np.einsum("ij,ik->jk", scaled, centred, optimize=False) if len(columns) < 5000 else scaled.T @ centred
        gram[np.diag_indices_from(gram)] += penalty
        weights = np.linalg.solve(gram, scaled.T @ (outcome - mean))
    return LinearModel(design, weights.reshape(-1, 1), np.array([mean - centre @ weights]), "identity")


def _ridge_of_rows(centred: np.ndarray, outcome: np.ndarray, penalty: float, counted: np.ndarray | None) -> np.ndarray:
    """(width,) the same weights by way of the rows' products, which are fewer than the columns'."""
    root = np.ones(len(centred)) if counted is None else np.sqrt(counted)
    scaled = centred * root[:, None]
    kernel = scaled @ scaled.T
    kernel[np.diag_indices_from(kernel)] += penalty
    return np.asarray(scaled.T @ np.linalg.solve(kernel, root * outcome))


def _minimised(
    columns: np.ndarray, outcome: np.ndarray, penalty: float, bounds: list[Any], max_iterations: int, loss: Loss, counted: np.ndarray | None
) -> tuple[np.ndarray, float]:
    """Weights and offset that minimise the summed loss plus half the penalty on the squared weights, within bounds. counted: (n,) what each row counts."""
    from scipy.optimize import minimize

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        values, slope = loss(columns @ at[:-1] + at[-1], outcome)
        if counted is not None:
            values, slope = values * counted, slope * counted
        gradient = np.append(columns.T @ slope + penalty * at[:-1], slope.sum())
        return (float(values.sum()) + 0.5 * penalty * float(at[:-1] @ at[:-1])) / len(outcome), gradient / len(outcome)

    options = {"maxiter": max_iterations, "gtol": 1e-7, "ftol": 1e-12}
    found = minimize(objective, np.zeros(columns.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)], options=options)
    return np.asarray(found.x[:-1]), float(found.x[-1])


def _log_loss(raw: np.ndarray, outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log loss per row and its slope in the raw score."""
    p = 1.0 / (1.0 + np.exp(-np.clip(raw, -500.0, 500.0)))
    return np.logaddexp(0.0, raw) - outcome * raw, p - outcome


def _squares(raw: np.ndarray, outcome: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the squared error per row and its slope."""
    return 0.5 * (raw - outcome) ** 2, raw - outcome
