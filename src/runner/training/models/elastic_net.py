"""Weights of a linear model under an elastic-net penalty: some of them exactly 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Loss = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Penalty:
    """size: on the summed loss; l1_share: of it that is on the weights' absolute values, the rest on half their squares."""

    size: float
    l1_share: float


def minimised(
    columns: np.ndarray, loss: Loss, penalty: Penalty, signs: Sequence[int] | None, counted: np.ndarray | None, steps: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """(width, k) weights and (k,) offsets that minimise the summed loss and the penalty.

    Each weight is the difference of two that are not negative (Figueiredo, Nowak & Wright 2007), so that L-BFGS-B with bounds finds the zeros exactly.
    loss: raw scores (n, k) to the loss per row (n,) and its slopes (n, k); signs: per column the only sign its weights may have, 0 for any;
    counted: (n,) what each row counts.
    """
    from scipy.optimize import minimize

    n, width = columns.shape
    counts = np.ones(n) if counted is None else counted
    half = width * k

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        weights = (at[:half] - at[half : 2 * half]).reshape(width, k)
        values, slopes = loss(columns @ weights + at[2 * half :])
        slopes = slopes * counts[:, None]
        pulled = (columns.T @ slopes + penalty.size * (1.0 - penalty.l1_share) * weights).ravel()
        shrunk = penalty.size * penalty.l1_share
        total = values @ counts + shrunk * at[: 2 * half].sum() + 0.5 * penalty.size * (1.0 - penalty.l1_share) * float((weights**2).sum())
        return float(total) / n, np.concatenate([pulled + shrunk, shrunk - pulled, slopes.sum(axis=0)]) / n

    ways = np.repeat(np.zeros(width, int) if signs is None else np.asarray(signs), k)
    rising, falling = [(0.0, 0.0 if way < 0 else None) for way in ways], [(0.0, 0.0 if way > 0 else None) for way in ways]
    bounds = [*rising, *falling, *[(None, None)] * k]
    found = minimize(objective, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps, "gtol": 1e-7, "ftol": 1e-12})
    return (found.x[:half] - found.x[half : 2 * half]).reshape(width, k), found.x[2 * half :]


def softmax_loss(outcome: np.ndarray, k: int) -> Loss:
    """Log loss of several classes. outcome: (n,) class positions."""
    own = outcome.astype(int)
    indicators = (own[:, None] == np.arange(k)).astype(float)

    def loss(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raised = raw - raw.max(axis=1, keepdims=True)
        total = np.log(np.exp(raised).sum(axis=1, keepdims=True))
        return (total[:, 0] - raised[np.arange(len(own)), own]), np.exp(raised - total) - indicators

    return loss
