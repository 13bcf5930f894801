"""Weights of an ensemble: predictions in, weights out.

Sources: Caruana, Niculescu-Mizil, Crew & Ksikes (2004), Ensemble selection from libraries of models, for the greedy steps with
replacement; Wolpert (1992), Stacked generalization, for judging weights on folds that did not choose them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.core.seeds import seed_for

FLOOR = 1e-15
ROWS = 20_000  # weights are a handful of numbers: more rows make them no surer and every step slower
PARTS = 5


@dataclass(frozen=True)
class Terms:
    """How weights are chosen.

    rounds: steps, each of which adds one member once more; most: members that may be left;
    min_gain: share of the loss that a member must take away to stay.
    """

    rounds: int = 40
    most: int = 8
    min_gain: float = 0.001


def own_values(predictions: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
    """(n,) of a member: the probability that it gave the class that came true, or its prediction. All that either loss needs of it."""
    return np.asarray(predictions[:, 0] if regression else predictions[np.arange(len(outcome)), outcome.astype(int)])


def losses(own: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
    """(m,) mean squared error, or log loss, of each column of (n, m) own values."""
    if regression:
        with np.errstate(over="ignore"):
            return np.asarray(((own - outcome[:, None]) ** 2).mean(axis=0))
    kept = np.clip(own, FLOOR, 1.0)
    return np.asarray(-np.log(kept, out=kept).mean(axis=0))


def greedy(own: np.ndarray, outcome: np.ndarray, regression: bool, terms: Terms) -> np.ndarray:
    """(m,) weights that sum to one: steps from the best single member, then members that hardly help are let go.

    own: (n, m) own values of the pool; outcome: (n,). Ties go to the earlier member.
    """
    return _sizes(own, outcome, regression, terms)[terms.most]


def _sizes(own: np.ndarray, outcome: np.ndarray, regression: bool, terms: Terms) -> dict[int, np.ndarray]:
    """The most members to the weights, from those of the terms down to a single one: the steps are the same for all of them."""
    return _thinned(own, outcome, regression, _path(own, outcome, regression, terms.rounds), terms)


def _path(own: np.ndarray, outcome: np.ndarray, regression: bool, rounds: int) -> np.ndarray:
    """(m,) how often each member was added, up to the step at which the loss was least; the first step always counts."""
    each = np.ascontiguousarray(own.T)
    counts, total = np.zeros(len(each)), np.zeros(len(own))
    least, kept, mixed = np.inf, counts, np.empty_like(each)
    for step in range(1, rounds + 1):
        np.add(each, total, out=mixed)
        mixed /= step
        found = losses(mixed.T, outcome, regression)
        at = int(np.argmin(found))
        counts = counts.copy()
        counts[at] += 1
        total += each[at]
        if step == 1 or found[at] < least:
            least, kept = found[at], counts
    return kept


def _thinned(own: np.ndarray, outcome: np.ndarray, regression: bool, counts: np.ndarray, terms: Terms) -> dict[int, np.ndarray]:
    """The most members to the weights without the members whose loss is hardly felt, and with no more than so many left."""
    weights = np.asarray(counts / counts.sum())
    now = float(losses(own @ weights[:, None], outcome, regression)[0])
    kept: dict[int, np.ndarray] = {}
    while (held := np.flatnonzero(weights)).size > 1:
        without = np.repeat(weights[None, :], held.size, axis=0)
        without[np.arange(held.size), held] = 0.0
        without /= without.sum(axis=1, keepdims=True)
        found = losses(own @ without.T, outcome, regression)
        at = int(np.argmin(found))
        if found[at] > now + terms.min_gain * abs(now):
            kept |= {most: weights for most in range(int(held.size), terms.most + 1) if most not in kept}
        weights, now = np.asarray(without[at]), min(now, float(found[at]))
    return {most: kept.get(most, weights) for most in range(terms.most, 0, -1)}


@dataclass(frozen=True)
class Chosen:
    """Weights of a pool: (m,) by the number of each part, chosen on the rows of all other parts, and of all rows."""

    by_part: dict[int, np.ndarray]
    whole: np.ndarray


def cross_fitted(own: np.ndarray, outcome: np.ndarray, part: np.ndarray, regression: bool, terms: Terms, seed: int) -> dict[int, Chosen]:
    """The most members to their weights, from those of the terms down to a single one.

    part: (n,) number of the fold of each row, from `parts`; seed: of the draw of rows where there are very many.
    """
    numbers = [int(k) for k in np.unique(part)]
    by_part = {k: _on(own, outcome, np.flatnonzero(part != k), regression, terms, seed_for(seed, k)) for k in numbers}
    whole = _on(own, outcome, np.arange(len(outcome)), regression, terms, seed_for(seed, "all"))
    return {most: Chosen({k: found[most] for k, found in by_part.items()}, weights) for most, weights in whole.items()}


def parts(fold: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """(n,) numbers by which weights are cross-fitted: the folds, or, where there is one fold alone, parts of its rows or groups."""
    if len(np.unique(fold)) > 1:
        return fold
    return (np.arange(len(fold)) if groups is None else groups) % PARTS


def _on(own: np.ndarray, outcome: np.ndarray, at: np.ndarray, regression: bool, terms: Terms, seed: int) -> dict[int, np.ndarray]:
    if len(at) > ROWS:
        at = np.sort(np.random.default_rng(seed).choice(at, ROWS, replace=False))
    if not len(at):
        return dict.fromkeys(range(terms.most, 0, -1), np.full(own.shape[1], 1.0 / own.shape[1]))
    return _sizes(own[at], outcome[at], regression, terms)
