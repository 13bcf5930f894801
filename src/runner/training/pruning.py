"""When a trial is not worth its other folds: a paired comparison with the best trial it may see, row by row."""

from __future__ import annotations

import numpy as np

# Of the paired mean, in standard errors: so far above zero by chance once in about 30,000 comparisons of equals.
Z = 4.0
# What a fold's own luck can turn round is never pruned: a loss that is larger by less than this share of the best one's.
MARGIN = 0.01


def losses_of(predictions: np.ndarray, outcome: np.ndarray, task: str) -> np.ndarray:
    """(n,) squared error, or log loss with probabilities kept 1e-15 from 0. predictions: (n, k); outcome: (n,) target or class positions."""
    if task == "regression":
        return np.asarray((predictions[:, 0] - outcome) ** 2)
    own = predictions[np.arange(len(outcome)), outcome.astype(int)]
    return np.asarray(-np.log(np.clip(own, 1e-15, 1.0)))


def is_hopeless(own: np.ndarray, best: np.ndarray) -> bool:
    """Whether a trial is surely and noticeably worse on the rows that both have predicted. own, best: (n,) losses of the same rows.

    A paired z-test at a strict level, since it is asked after every fold of every trial, and a margin, since rows of one fold share one fit.
    """
    if len(own) < 2:
        return False
    differences = own - best
    worse, error = float(differences.mean()), float(differences.std(ddof=1)) / np.sqrt(len(own))
    return worse > MARGIN * float(best.mean()) and worse > Z * error
