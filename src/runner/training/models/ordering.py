"""Categories on a line: the levels of each in the order of their outcomes, for families that only cut numbers."""

from __future__ import annotations

import numpy as np

from runner.training.models.fitting import Fit

SMOOTHING = 10.0


def places_of(given: Fit) -> dict[str, tuple[float, ...]]:
    """Categorical feature to the place of each of its levels: 0, 1, 2, ... by the smoothed mean outcome of the training rows.

    For several classes by the first principal component of the smoothed class shares (Coppersmith, Hong & Hosking 1999, "Partitioning nominal
    attributes in decision trees"). Ties keep the order of the levels.
    """
    counted = np.ones(len(given.train.outcome)) if given.train.weights is None else given.train.weights
    found = {}
    for i, (name, levels) in enumerate(given.inputs.categorical.items()):
        codes = given.train.values[:, len(given.inputs.numeric) + i]
        known = ~np.isnan(codes)
        sums, total = _per_level(given, codes[known].astype(np.int64), known, counted[known], len(levels))
        line = sums[:, 0] / (total + SMOOTHING) if sums.shape[1] == 1 else _first_component(sums / (total + SMOOTHING)[:, None], total)
        ranks = np.empty(len(levels))
        ranks[np.argsort(line, kind="stable")] = np.arange(len(levels), dtype=float)
        found[name] = tuple(ranks.tolist())
    return found


def _per_level(given: Fit, at: np.ndarray, known: np.ndarray, weights: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """(levels, 1) sums of the outcome, or (levels, k) of the class indicators of several classes, less what would be expected; (levels,) weights."""
    outcome, total = given.train.outcome[known], np.bincount(at, weights, minlength=levels)
    if given.task != "multiclass":
        centred = outcome - (np.average(outcome, weights=weights) if weights.sum() else 0.0)
        return np.bincount(at, weights * centred, minlength=levels)[:, None], total
    k = given.n_classes
    sums = np.bincount(at * k + outcome.astype(np.int64), weights, minlength=levels * k).reshape(levels, k)
    return sums - total[:, None] * (sums.sum(axis=0) / max(float(total.sum()), 1e-300)), total


def _first_component(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(levels,) each level's place along the direction in which the levels' shares differ most; its sign is fixed by its largest part."""
    spread = np.einsum("lj,lk->jk", means * weights[:, None], means, optimize=False)
    direction = np.linalg.eigh(spread)[1][:, -1]
    direction = direction * np.sign(direction[np.abs(direction).argmax()] or 1.0)
    return np.asarray(np.einsum("lj,j->l", means, direction, optimize=False))
