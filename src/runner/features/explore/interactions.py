"""Pairs of features that tell more together than each by itself, out of fold, with a guard against having looked at many pairs.

After Lou, Caruana, Gehrke & Hooker (2013): all pairs are screened on coarse tables, the promising ones judged on finer ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.features.explore.parts import equal_parts, parts
from runner.features.explore.tables import additive, beyond, variance
from runner.features.explore.view import View, rounded

SCREENED, SCREEN_ROWS, COARSE = 200, 10_000, 4
JUDGED, FOLDS, FINE = 300, 5, 6
CHANCE, WORTH_KNOWING = 0.01, 0.002
SHOWN, MOST_OFTEN, DRAWN_PARTS = 8, 2, 5
# Numbers are cut to so many standard deviations and counted in such steps: sums of whole numbers are exact in any order.
WIDEST, STEPS = 3.0, 64.0


@dataclass(frozen=True)
class Screened:
    """pairs: (m, 2) positions in names, the most promising first; tried: how many pairs there were."""

    names: tuple[str, ...]
    pairs: np.ndarray
    tried: int


def interactions(view: View, same: dict[str, str]) -> dict[str, Any]:
    """{"tried", "rows", "found": [{"a", "b", "of", "together", "apart", "p", "a_parts", "b_parts", "cells"}]}, the largest gain first.

    same: feature to the one kept of its cluster; together, apart: share of the outcome's variance explained out of fold by the pair's
    cells, and by what each of the two does by itself; p: chance of such a gain among all pairs tried.
    """
    names = tuple(view.ranked[:SCREENED])
    outcome = _plain_outcome(view)
    found: list[dict[str, Any]] = []
    tried = 0
    for at in range(outcome.shape[1]):
        screened = _screened(view, names, outcome[:, at], same)
        tried += screened.tried
        found += _judged(view, screened, outcome[:, at], view.classes[at])
    for one in found:
        one["p"] = min(1.0, one["p"] * max(1, tried))
    sure = [f for f in found if f["p"] <= CHANCE and f["together"] - f["apart"] >= WORTH_KNOWING]
    return {"tried": tried, "rows": len(view.drawn), "found": [_shown(view, f) for f in _distinct(sure, same)[:SHOWN]]}


def _plain_outcome(view: View) -> np.ndarray:
    """(n, k) the outcome in whole steps."""
    if view.is_share:
        # Of two labels one says all.
        return view.outcome[:, :1] if view.outcome.shape[1] <= 2 else view.outcome
    y = view.outcome
    spread = float(y.std()) or 1.0
    return np.asarray(np.round(np.clip((y - y.mean()) / spread, -WIDEST, WIDEST) * STEPS))


def _screened(view: View, names: tuple[str, ...], outcome: np.ndarray, same: dict[str, str]) -> Screened:
    """All pairs on tables of a few parts a side, by two products of matrices."""
    at = view.draw(SCREEN_ROWS)
    size = COARSE + 2
    codes = [np.minimum(equal_parts(view, name, at, COARSE), size - 1) for name in names]
    p = len(names)
    flags = np.zeros((len(at), p * size), dtype=np.float32)
    for k, code in enumerate(codes):
        flags[np.arange(len(at)), k * size + code] = 1.0
    y = outcome[at].astype(np.float32)
    i, j = np.triu_indices(p, 1)
    other = np.array([same.get(names[a], names[a]) != same.get(names[b], names[b]) for a, b in zip(i, j, strict=True)], dtype=bool)
    i, j = i[other], j[other]
    counts, sums = (_blocks(product, p, size, i, j) for product in (flags.T @ flags, flags.T @ (flags * y[:, None])))
    squares = _blocks(flags.T @ (flags * (y * y)[:, None]), p, size, i, j) if not view.is_share else sums
    alone = additive(counts, sums, view.is_share)
    excess, _ = beyond(counts, sums, alone, variance(counts, sums, squares, alone, view.is_share))
    order = np.lexsort((j, i, -excess))[:JUDGED]
    return Screened(names, np.column_stack([i[order], j[order]]), len(i))


def _blocks(product: np.ndarray, p: int, size: int, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    return np.asarray(product.reshape(p, size, p, size)[i, :, j, :].astype(float))


def _judged(view: View, screened: Screened, outcome: np.ndarray, label: str) -> list[dict[str, Any]]:
    """Each promising pair out of fold: what its cells explain, beside what its two features explain by themselves."""
    from scipy.special import ndtr

    if not len(screened.pairs):
        return []
    at = view.drawn
    y = outcome[at]
    fold = np.random.default_rng(seed_for(view.seed, "features", "explore", "folds")).permutation(len(at)) % FOLDS
    size = FINE + 2
    used = sorted(set(screened.pairs.ravel().tolist()))
    codes = {k: np.minimum(equal_parts(view, screened.names[k], at, FINE), size - 1) for k in used}
    counts, sums, squares = _tables(screened.pairs, codes, fold, y, size)
    gain, error, whole, left = _gains(counts, sums, squares, view.is_share)
    z = gain / np.maximum(error, 1e-12)
    return [
        {
            "a": screened.names[i],
            "b": screened.names[j],
            "of": label,
            "apart": float(1.0 - left[k] / whole[k]),
            "together": float(1.0 - (left[k] - gain[k]) / whole[k]),
            "p": float(ndtr(-z[k])),
        }
        for k, (i, j) in enumerate(screened.pairs)
        if whole[k] > 0
    ]


def _tables(pairs: np.ndarray, codes: dict[int, np.ndarray], fold: np.ndarray, y: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """(m, FOLDS, I, J) counts, sums and sums of squares."""
    shape = (FOLDS, size, size)
    n_cells = FOLDS * size * size
    is_flag = bool(np.isin(y, (0.0, 1.0)).all())
    made = np.zeros((3, len(pairs), *shape))
    for k, (i, j) in enumerate(pairs):
        cell = (fold * size + codes[int(i)]) * size + codes[int(j)]
        made[0, k] = np.bincount(cell, minlength=n_cells).reshape(shape)
        made[1, k] = np.bincount(cell, weights=y, minlength=n_cells).reshape(shape)
        made[2, k] = made[1, k] if is_flag else np.bincount(cell, weights=y * y, minlength=n_cells).reshape(shape)
    return made[0], made[1], made[2]


def _gains(counts: np.ndarray, sums: np.ndarray, squares: np.ndarray, is_share: bool) -> tuple[np.ndarray, ...]:
    """(m,) each: squared error that the cells take away, its standard error, the outcome's own, and that of the two by themselves."""
    taught = [of.sum(axis=1, keepdims=True) - of for of in (counts, sums, squares)]
    alone = additive(taught[0], taught[1], is_share)
    within = variance(taught[0], taught[1], taught[2], alone, is_share)
    joint = beyond(taught[0], taught[1], alone, within)[1]
    joint = np.clip(joint, 0.0, 1.0) if is_share else joint
    # (y - a)^2 - (y - j)^2 = c (2 y - s), summed over rows from the cells' sums alone.
    c, s = joint - alone, joint + alone
    over = (1, 2, 3)
    gain = (c * (2 * sums - s * counts)).sum(axis=over)
    square = (c**2 * (4 * squares - 4 * s * sums + s**2 * counts)).sum(axis=over)
    n, total = counts.sum(axis=over), sums.sum(axis=over)
    whole = squares.sum(axis=over) - total**2 / np.maximum(n, 1.0)
    left = (squares - 2 * alone * sums + alone**2 * counts).sum(axis=over)
    return gain, np.sqrt(np.maximum(square - gain**2 / np.maximum(n, 1.0), 0.0)), whole, left


def _distinct(found: list[dict[str, Any]], same: dict[str, str]) -> list[dict[str, Any]]:
    """The largest gain first; a pair whose features stand for those of another pair is that pair, and no feature is in more than MOST_OFTEN."""
    kept: dict[frozenset[str], dict[str, Any]] = {}
    often: Counter[str] = Counter()
    for one in sorted(found, key=lambda f: (-(f["together"] - f["apart"]), f["a"], f["b"])):
        pair = frozenset(same.get(one[side], one[side]) for side in ("a", "b"))
        if pair not in kept and all(often[name] < MOST_OFTEN for name in pair):
            kept[pair] = one
            often.update(pair)
    return list(kept.values())


def _shown(view: View, found: dict[str, Any]) -> dict[str, Any]:
    """With the table to draw: counts, means and what each feature by itself would make of them, over all rows."""
    a, b = (parts(view, found[side], DRAWN_PARTS) for side in ("a", "b"))
    shape = (len(a.named), len(b.named))
    y = view.outcome[:, list(view.classes).index(found["of"])]
    cell = a.codes * shape[1] + b.codes
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(float)
    sums = np.bincount(cell, weights=y, minlength=shape[0] * shape[1]).reshape(shape)
    alone = additive(counts, sums, view.is_share)
    cells = [
        {
            "a": i,
            "b": j,
            "rows": int(counts[i, j]),
            "mean": rounded(float(sums[i, j] / counts[i, j]), 4),
            "alone": rounded(float(alone[i, j]), 4),
        }
        for i, j in np.argwhere(counts).tolist()
    ]
    plain = {key: rounded(value, 4) if isinstance(value, float) else value for key, value in found.items()}
    return plain | {"a_parts": list(a.named), "b_parts": list(b.named), "cells": cells}
