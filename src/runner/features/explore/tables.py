"""Tables of the outcome over the parts of two features: what each tells by itself, and what only the two together tell.

All tables have shape (..., I, J) and are worked on side by side.
"""

from __future__ import annotations

import numpy as np

ROUNDS, RIDGE, STEEPEST, LEAST_VARIANCE = 25, 0.5, 8.0, 0.1


def additive(counts: np.ndarray, sums: np.ndarray, is_share: bool) -> np.ndarray:
    """(..., I, J) means where each feature does what it does whatever the other: logistic for shares, else straight.

    Fitted by turns, as a generalised additive model is (Hastie & Tibshirani 1986), with a slight ridge.
    """
    total = np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1.0)
    base = sums.sum(axis=(-2, -1), keepdims=True) / total
    if is_share:
        base = np.clip(base, 1e-6, 1 - 1e-6)
        base = np.log(base / (1 - base))
    effects = [np.zeros((*counts.shape[:-1], 1)), np.zeros((*counts.shape[:-2], 1, counts.shape[-1]))]
    for _ in range(ROUNDS):
        for side, axis in ((0, -1), (1, -2)):
            mean, slope = _mean(base + effects[0] + effects[1], is_share)
            step = ((sums - counts * mean).sum(axis=axis, keepdims=True) - RIDGE * effects[side] * _unit(is_share)) / (
                (counts * slope).sum(axis=axis, keepdims=True) + RIDGE * _unit(is_share) + 1e-9
            )
            effects[side] = np.clip(effects[side] + step, -STEEPEST, STEEPEST) if is_share else effects[side] + step
    return np.asarray(_mean(base + effects[0] + effects[1], is_share)[0])


def _unit(is_share: bool) -> float:
    # The logistic scale has a unit of its own; a number's has not, and needs no ridge.
    return 1.0 if is_share else 0.0


def _mean(score: np.ndarray, is_share: bool) -> tuple[np.ndarray, np.ndarray]:
    if not is_share:
        return score, np.ones_like(score)
    p = 1.0 / (1.0 + np.exp(-score))
    return p, np.maximum(p * (1.0 - p), 1e-4)


def variance(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray, alone: np.ndarray, is_share: bool) -> np.ndarray:
    """(..., I, J) variance of the outcome within a cell, by the additive means for shares, else one for all cells."""
    total = np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1.0)
    if is_share:
        base = sums.sum(axis=(-2, -1), keepdims=True) / total
        return np.asarray(np.maximum(alone * (1 - alone), LEAST_VARIANCE * base * (1 - base) + 1e-9))
    within = (squares - sums**2 / np.maximum(counts, 1.0)).sum(axis=(-2, -1), keepdims=True)
    filled = (counts > 0).sum(axis=(-2, -1), keepdims=True)
    return np.asarray(np.maximum(within / np.maximum(total - filled, 1.0), 1e-12) * np.ones_like(counts))


def beyond(counts: np.ndarray, sums: np.ndarray, alone: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the cells hold beyond the additive means: (...,) chi-square less its degrees of freedom, and (..., I, J) the joint means.

    A cell's own deviation counts as far as deviations on the whole exceed chance (DerSimonian & Laird 1986).
    """
    left = sums - counts * alone
    filled = counts > 0
    free = filled.sum(axis=(-2, -1)) - filled.any(axis=-1).sum(axis=-1) - filled.any(axis=-2).sum(axis=-1) + 1
    excess = (left**2 / np.maximum(counts * within, 1e-12) * filled).sum(axis=(-2, -1)) - np.maximum(free, 1)
    spread = np.maximum(excess, 0.0) / np.maximum((counts / within).sum(axis=(-2, -1)), 1e-12)
    weight = spread[..., None, None] / np.maximum(spread[..., None, None] * counts + within, 1e-12)
    return np.where(free > 0, excess, -np.inf), alone + weight * left
