"""Logistic and ridge regression."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.linear import Design, LinearModel
from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space


class LinearSpec(CandidateSpec):
    """Logistic regression, or ridge for a number, on standardised columns and one-hot levels, with an L2 penalty."""

    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {"penalty": Range(1e-4, 1e2, log=True)}
    kind: Literal["linear"]
    penalty: float = Field(default=1e-2, gt=0)
    """L2 penalty per row of the training data; the first trial's value."""
    max_iterations: int = Field(default=200, ge=10)
    """The most steps of the solver; a fit that needs more is used as it stands. Ridge needs none."""


@register("candidate", LinearSpec)
def fit(spec: LinearSpec, given: Fit) -> Fitted:
    """Fits by L-BFGS (scikit-learn) or in closed form; deterministic."""
    design = Design.learn(given.inputs, given.train.values)
    columns = design.columns(given.train.values)
    strength = float(given.params["penalty"])
    if given.task == "regression":
        return Fitted(_ridge(design, columns, given.train.outcome, strength))
    from sklearn.linear_model import LogisticRegression

    # C is the inverse of the penalty on the summed loss; `penalty` is declared per row, so that it means the same in every fold.
    model = LogisticRegression(C=1.0 / (strength * max(len(columns), 1) / 100.0), max_iter=spec.max_iterations, tol=1e-6)
    model.fit(columns, given.train.outcome.astype(int))
    if len(model.classes_) < given.n_classes:
        return Fitted(_spread(design, model, given.n_classes))
    link = "logistic" if given.n_classes == 2 else "softmax"
    return Fitted(LinearModel(design, np.asarray(model.coef_).T, np.asarray(model.intercept_), link))


def _spread(design: Design, model: object, n_classes: int) -> LinearModel:
    """A fold that lacks a class: the missing class keeps a very low score."""
    classes = list(model.classes_)  # type: ignore[attr-defined]
    coefficients, offsets = np.asarray(model.coef_), np.asarray(model.intercept_)  # type: ignore[attr-defined]
    if len(classes) == 2:
        coefficients, offsets = np.vstack([np.zeros_like(coefficients), coefficients]), np.array([0.0, offsets[0]])
    weights, floor = np.zeros((coefficients.shape[1], n_classes)), np.full(n_classes, -20.0)
    weights[:, classes], floor[classes] = coefficients.T, offsets
    return LinearModel(design, weights, floor, "softmax")


def _ridge(design: Design, columns: np.ndarray, outcome: np.ndarray, strength: float) -> LinearModel:
    mean = outcome.mean()
    centre = columns.mean(axis=0)
    centred = columns - centre
    gram = np.einsum("ij,ik->jk", centred, centred, optimize=False) if len(columns) < 5000 else centred.T @ centred
    gram[np.diag_indices_from(gram)] += strength * len(columns) / 100.0
    weights = np.linalg.solve(gram, centred.T @ (outcome - mean))
    return LinearModel(design, weights.reshape(-1, 1), np.array([mean - centre @ weights]), "identity")
