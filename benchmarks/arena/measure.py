"""Scores of predictions, and what may be said of systems over tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

DRAWS, BLOCKS = 1000, 100
CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1, so that one sure mistake is not endless."""
Verdict = str


def losses(found: np.ndarray, actual: np.ndarray, task: str) -> np.ndarray:
    """(rows,) what each row costs: minus the log of the probability of what happened, or the squared error.

    found: (rows, classes) probabilities, brought to a sum of 1, or (rows, 1) numbers; actual: (rows,) places of classes, or numbers.
    """
    if task == "regression":
        return (found[:, 0] - actual) ** 2
    bounded = np.clip(found, CLIP, 1 - CLIP)
    bounded /= bounded.sum(axis=1, keepdims=True)
    return -np.log(bounded[np.arange(len(actual)), actual])


def score_of(mean_loss: float, task: str) -> float:
    """The score that ranks, lower is better: log loss, or RMSE."""
    return float(np.sqrt(mean_loss)) if task == "regression" else float(mean_loss)


def auc(score: np.ndarray, positive: np.ndarray) -> float:
    """The share of pairs in the right order, ties half (Mann & Whitney 1947). score: (rows,); positive: (rows,) booleans."""
    _, at, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[at]
    of, rest = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - of * (of + 1) / 2) / (of * rest)) if of and rest else 0.5


def scores(found: np.ndarray, actual: np.ndarray, task: str) -> dict[str, float]:
    """The score that ranks, and what people know: AUC of two classes, accuracy of several, R2 of numbers."""
    mean = float(losses(found, actual, task).mean())
    made = {"score": score_of(mean, task)}
    if task == "binary":
        return made | {"auc": auc(found[:, 1], actual == 1)}
    if task == "multiclass":
        return made | {"accuracy": float((found.argmax(axis=1) == actual).mean())}
    return made | {"r2": 1 - mean / float(np.var(actual))}


def blocks(losses: np.ndarray) -> np.ndarray:
    """(BLOCKS,) sums of (rows,) losses: each row goes to the block of its number, so that all systems have the same rows in a block."""
    return np.bincount(np.arange(len(losses)) % BLOCKS, losses, minlength=BLOCKS)


def paired(ours: np.ndarray, theirs: np.ndarray, rows: int, seed: int = 0) -> tuple[Verdict, float, float]:
    """win, tie or loss of ours at 95%, and the interval of the mean difference of losses (ours minus theirs).

    ours, theirs: (BLOCKS,) sums of losses of the same test rows, from `blocks`; rows: how many. Percentile bootstrap over the blocks
    (Efron & Tibshirani 1993); of RMSE too, since the sign of a difference of means is that of their roots.
    """
    difference, sizes = ours - theirs, blocks(np.ones(rows))
    at = np.random.default_rng(seed).integers(0, BLOCKS, (DRAWS, BLOCKS))
    means = difference[at].sum(axis=1) / np.maximum(sizes[at].sum(axis=1), 1.0)
    low, high = (float(v) for v in np.quantile(means, [0.025, 0.975]))
    return ("win" if high < 0 else "loss" if low > 0 else "tie"), low, high


def ranks(values: np.ndarray) -> np.ndarray:
    """(tables, systems) ranks of scores within each table, 1 the lowest; equal scores share the mean of their ranks."""
    below = (values[:, None, :] < values[:, :, None]).sum(axis=2)
    equal = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    return below + (equal + 1) / 2


def normalised(values: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """(tables, systems) 0 for the constant, 1 for the best system of that table, never below -1; 0 where none beats the constant."""
    gain = constant[:, None] - values
    best = gain.max(axis=1, keepdims=True)
    return np.where(best > 0, np.maximum(gain / np.where(best > 0, best, 1.0), -1.0), np.minimum(np.sign(gain), 0.0))


def over_tables(values: np.ndarray, of: Callable[[np.ndarray], np.ndarray] = lambda a: a.mean(axis=0), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """95% bounds of a statistic by a bootstrap over tables, the first axis of values."""
    draw = np.random.default_rng(seed)
    found = [of(values[draw.integers(0, len(values), len(values))]) for _ in range(DRAWS)]
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    return low, high


@dataclass(frozen=True)
class Duel:
    """runner against one peer over tables. share: wins and half of the ties, with its interval over tables; at_least: share of tables without a loss;
    all of them of the tables whose verdict is known, None without one. lower_score: share of all `tables`."""

    tables: int
    wins: int
    ties: int
    losses: int
    share: float | None
    low: float | None
    high: float | None
    at_least: float | None
    lower_score: float


def duel(verdicts: Mapping[str, Verdict], lower: Mapping[str, bool]) -> Duel:
    """verdicts: of each table where it is known; lower: of each table, whether runner's bare score is at most the peer's."""
    count = {name: sum(v == name for v in verdicts.values()) for name in ("win", "tie", "loss")}
    share, low, high, least = None, None, None, None
    if verdicts:
        worth = np.array([{"win": 1.0, "tie": 0.5, "loss": 0.0}[v] for v in verdicts.values()])
        low, high = (float(bound) for bound in over_tables(worth))
        share, least = float(worth.mean()), float((worth > 0).mean())
    return Duel(len(lower), count["win"], count["tie"], count["loss"], share, low, high, least, float(np.mean(list(lower.values()))))
