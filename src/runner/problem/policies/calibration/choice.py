"""Which kind of calibration: the simplest that is within one standard error of the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.bundle.calibrate import calibrated
from runner.problem.policies.calibration.curves import fit

AUTO, FALLBACK = "auto", "sigmoid"
# From the simplest to the one with most freedom.
FOR_TWO = ("none", "temperature", "sigmoid", "beta", "isotonic")
FOR_MORE = ("none", "temperature", "vector", "sigmoid_per_class", "beta_per_class", "isotonic_per_class")
# A curve for each class needs rows of each class.
MANY_CLASSES = 20
CHOICE_ROWS, CHOICE_VALUES = 10_000, 30_000
LEAST = 1e-15


@dataclass(frozen=True)
class Choice:
    """kind: the chosen one; scores: kind to `log_loss` and `brier` out of fold, and `behind` the best with its standard error `se`."""

    kind: str
    scores: Mapping[str, Mapping[str, float]]


def kinds_for(n_classes: int) -> tuple[str, ...]:
    """What auto chooses among."""
    return FOR_TWO if n_classes == 2 else FOR_MORE if n_classes <= MANY_CLASSES else FOR_MORE[:2]


def cross_fitted(p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, kind: str, restore: bool = False, groups: np.ndarray | None = None) -> np.ndarray:
    """(n, k) probabilities, each fold calibrated by what the other folds show; a single fold stays as it is, or has its shares put right by itself.

    kind: auto lets the other folds choose the kind too. groups: (n,) codes of rows that belong together.
    """
    result = p.copy()
    numbers = np.unique(fold)
    if len(numbers) < 2 or p.shape[1] == 1:
        return calibrated(p, fit(p, outcome, "none", restore))
    for number in numbers:
        here, rest = fold == number, fold != number
        own = choose(p[rest], outcome[rest], fold[rest], restore, None if groups is None else groups[rest]).kind if kind == AUTO else kind
        result[here] = calibrated(p[here], fit(p[rest], outcome[rest], own, restore))
    return result


def choose(p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, restore: bool = False, groups: np.ndarray | None = None) -> Choice:
    """The simplest kind whose log loss out of fold is within one standard error of the least, row by row.

    Judged on at most CHOICE_ROWS rows, of many classes fewer, spread evenly. With fewer than two folds or classes nothing can be compared: FALLBACK.
    """
    at = spread(len(p), min(CHOICE_ROWS, CHOICE_VALUES // p.shape[1]))
    p, outcome, fold = p[at], outcome[at], fold[at]
    if len(np.unique(fold)) < 2 or len(np.unique(outcome)) < 2:
        return Choice(FALLBACK, {})
    tried = {kind: cross_fitted(p, outcome, fold, kind, restore) for kind in kinds_for(p.shape[1])}
    return compared(tried, outcome, None if groups is None else groups[at])


def spread(n: int, most: int) -> np.ndarray:
    """Positions of at most so many of n rows, evenly spread.

    >>> spread(5, 3).tolist(), spread(2, 3).tolist(), spread(0, 3).tolist()
    ([0, 2, 4], [0, 1], [])
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))


def compared(tried: Mapping[str, np.ndarray], outcome: np.ndarray, groups: np.ndarray | None = None) -> Choice:
    """The choice among probabilities of the same rows, given from the simplest kind on. tried: kind to (n, k)."""
    losses = {kind: _log_losses(p, outcome) for kind, p in tried.items()}
    best = min(losses, key=lambda kind: float(losses[kind].mean()))
    scores: dict[str, dict[str, float]] = {}
    for kind, loss in losses.items():
        behind, error = paired(loss - losses[best], groups)
        scores[kind] = {"log_loss": float(loss.mean()), "brier": _brier(tried[kind], outcome), "behind": behind, "se": error}
    return Choice(next(kind for kind, s in scores.items() if s["behind"] <= s["se"]), scores)


def paired(difference: np.ndarray, groups: np.ndarray | None = None) -> tuple[float, float]:
    """The mean of (n,) differences and its standard error; rows that belong together are one."""
    mean, n = float(difference.mean()), len(difference)
    off: np.ndarray = difference - mean
    if groups is not None:
        off = np.bincount(np.unique(groups, return_inverse=True)[1], weights=off)
    m = len(off)
    return mean, float(np.sqrt(np.sum(off**2) * m / max(1, m - 1)) / n)


def _log_losses(p: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log(np.clip(p[np.arange(len(outcome)), outcome.astype(int)], LEAST, 1.0)))


def _brier(p: np.ndarray, outcome: np.ndarray) -> float:
    hit = np.arange(p.shape[1]) == outcome.astype(int)[:, None]
    # As the field has it: of the positive class alone with two of them.
    return float(((p - hit) ** 2).sum(axis=1).mean() / (2.0 if p.shape[1] == 2 else 1.0))


@dataclass(frozen=True)
class Calibrated:
    """p: (n, k) out-of-fold probabilities, each fold calibrated by the others; shipped: for the bundle; report: for the chapter."""

    p: np.ndarray
    shipped: dict[str, Any]
    report: dict[str, Any]


def calibrate(p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, kind: str, restore: bool = False, groups: np.ndarray | None = None) -> Calibrated:
    """Calibrate out-of-fold probabilities as declared, and say what each kind that was looked at would have scored."""
    cross = cross_fitted(p, outcome, fold, kind, restore, groups)
    if kind == AUTO and p.shape[1] > 1:
        choice = choose(p, outcome, fold, restore, groups)
        return Calibrated(cross, fit(p, outcome, choice.kind, restore), {"declared": kind, "kind": choice.kind, "scores": _listed(choice.scores)})
    shipped = fit(p, outcome, "none" if kind == AUTO else kind, restore)
    scores = compared({"none": p, **({} if kind == "none" else {kind: cross})}, outcome, groups).scores if p.shape[1] > 1 and len(p) else {}
    return Calibrated(cross, shipped, {"declared": kind, "kind": kind, "scores": _listed(scores)})


def _listed(scores: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """From the simplest on, which JSON with sorted keys would lose."""
    return [{"kind": kind, **found} for kind, found in scores.items()]
