"""Weights of a linear model under an elastic-net penalty: some of them exactly 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runner.training.models.blocks import Blocks

Loss = Callable[[np.ndarray, slice], tuple[np.ndarray, np.ndarray]]
"""Raw scores (n, k) of some rows to the loss of each (n,) and its slopes (n, k)."""
# A fit ends where no slope of the mean loss is steeper, or a step takes away no more than this part of it.
STEEPEST, LEAST = 3e-6, 1e-12
# Keeps the unit of a column finite that no row has.
TINY = 1e-12


@dataclass(frozen=True)
class Penalty:
    """size: on the summed loss; l1_share: of it that is on the weights' absolute values, the rest on half their squares."""

    size: float
    l1_share: float


@dataclass(frozen=True)
class Fitting:
    """counts: (n,) what each row counts; signs: per column the only sign its weights may have, 0 for any; steps: at most;
    bend: the most that the loss bends with the score; check: called again and again: what it raises ends the fit.
    """

    counts: np.ndarray
    signs: np.ndarray
    steps: int
    bend: float
    check: Callable[[], None]


def minimised(columns: Blocks, loss: Loss, penalty: Penalty, fitting: Fitting, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(width, k) weights and (k,) offsets that minimise the summed loss and the penalty, by L-BFGS-B.

    With L1, each weight is the difference of two that are not negative (Figueiredo, Nowak & Wright 2007), so that the bounds find the zeros exactly.
    Weights are looked for in units in which the loss bends alike in all columns: a level of few rows takes as many steps as one of many.
    """
    from scipy.optimize import minimize

    n, half, parts = columns.rows, columns.width * k, 2 if penalty.l1_share else 1
    ridge, shrunk = penalty.size * (1.0 - penalty.l1_share), penalty.size * penalty.l1_share
    unit = np.sqrt(n / (fitting.bend * columns.squares(fitting.counts) + ridge + TINY * n))[:, None]
    shrinks = shrunk * np.repeat(unit[:, 0], k)

    def objective(at: np.ndarray) -> tuple[float, np.ndarray]:
        weights = unit * _weights(at, columns.width, k, parts)
        total, offsets, pulled, moved = 0.0, at[parts * half :], ridge * weights, np.zeros(k)
        for block in columns.blocks:
            fitting.check()
            counted = fitting.counts[block.rows]
            values, slopes = loss(block.raw(weights) + offsets, block.rows)
            slopes *= counted[:, None]
            total += float(values @ counted)
            pulled += block.gathered(slopes)
            moved += slopes.sum(axis=0)
        total += 0.5 * ridge * float((weights**2).sum())
        slope = (unit * pulled).ravel()
        if parts == 1:
            return total / n, np.concatenate([slope, moved]) / n
        total += float(shrinks @ (at[:half] + at[half : 2 * half]))
        return total / n, np.concatenate([slope + shrinks, shrinks - slope, moved]) / n

    options = {"maxiter": fitting.steps, "gtol": STEEPEST, "ftol": LEAST, "maxls": 50}
    bounds = _bounds(np.repeat(fitting.signs, k), k, parts)
    found = minimize(objective, np.zeros(parts * half + k), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return unit * _weights(found.x, columns.width, k, parts), found.x[parts * half :]


def _weights(at: np.ndarray, width: int, k: int, parts: int) -> np.ndarray:
    half = width * k
    return np.asarray(at[:half] if parts == 1 else at[:half] - at[half : 2 * half]).reshape(width, k)


def _bounds(signs: np.ndarray, k: int, parts: int) -> Sequence[tuple[float | None, float | None]] | None:
    """The least and the greatest of each number that is looked for; None where there is no bound at all."""
    free = [(None, None)] * k
    if parts == 2:
        return [*[(0.0, 0.0 if sign < 0 else None) for sign in signs], *[(0.0, 0.0 if sign > 0 else None) for sign in signs], *free]
    return [*[(0.0 if sign > 0 else None, 0.0 if sign < 0 else None) for sign in signs], *free] if signs.any() else None


def softmax_loss(outcome: np.ndarray) -> Loss:
    """Log loss of several classes. outcome: (n,) class positions."""
    own = outcome.astype(np.int64)

    def loss(raw: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        raw -= raw.max(axis=1, keepdims=True)
        at = (np.arange(len(raw)), own[rows])
        told = raw[at]
        np.exp(raw, out=raw)
        total = raw.sum(axis=1)
        raw /= total[:, None]
        raw[at] -= 1.0
        return np.log(total) - told, raw

    return loss


def log_loss(outcome: np.ndarray) -> Loss:
    """Log loss of two classes, of the score of the second. outcome: (n,) 0 or 1."""

    def loss(raw: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        score, own = raw[:, 0], outcome[rows]
        low = np.exp(-np.abs(score))
        return np.maximum(score, 0.0) - own * score + np.log1p(low), (np.where(score >= 0, 1.0, low) / (1.0 + low) - own)[:, None]

    return loss


def squares(outcome: np.ndarray) -> Loss:
    """Half the squared error. outcome: (n,) numbers."""

    def loss(raw: np.ndarray, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        away = raw[:, 0] - outcome[rows]
        return 0.5 * away**2, away[:, None]

    return loss
