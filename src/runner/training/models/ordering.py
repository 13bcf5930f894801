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
    outcomes, counted = _outcomes(given), given.train.weights
    counted = np.ones(len(outcomes)) if counted is None else counted
    centred = outcomes - np.average(outcomes, axis=0, weights=counted)
    found = {}
    for i, (name, levels) in enumerate(given.inputs.categorical.items()):
        codes = given.train.values[:, len(given.inputs.numeric) + i]
        known = ~np.isnan(codes)
        at, weights = codes[known].astype(np.int64), counted[known]
        total = np.bincount(at, weights, minlength=len(levels))
        sums = np.stack([np.bincount(at, weights * column[known], minlength=len(levels)) for column in centred.T], axis=1)
        means = sums / (total + SMOOTHING)[:, None]
        line = means[:, 0] if means.shape[1] == 1 else _first_component(means, total)
        ranks = np.empty(len(levels))
        ranks[np.argsort(line, kind="stable")] = np.arange(len(levels), dtype=float)
        found[name] = tuple(ranks.tolist())
    return found


def _outcomes(given: Fit) -> np.ndarray:
    """(n, 1) the outcome, or (n, k) class indicators of several classes."""
    if given.task != "multiclass":
        return given.train.outcome.reshape(-1, 1)
    return (given.train.outcome[:, None] == np.arange(given.n_classes)).astype(float)


def _first_component(means: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(levels,) each level's place along the direction in which the levels' shares differ most; its sign is fixed by its largest part."""
    spread = np.einsum("lj,lk->jk", means * weights[:, None], means, optimize=False)
    direction = np.linalg.eigh(spread)[1][:, -1]
    direction = direction * np.sign(direction[np.abs(direction).argmax()] or 1.0)
    return np.asarray(np.einsum("lj,j->l", means, direction, optimize=False))
