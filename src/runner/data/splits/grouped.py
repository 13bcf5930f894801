"""All rows of a group on one side: in the test, or in one fold."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.data.splits.groups import TENTHS, codes_of, strata_of
from runner.data.splits.split import TEST, SplitSpec

ONE_BY_ONE = 10_000
# The fraction of the golden ratio: its multiples fill every interval evenly, however many of them are taken.
GOLDEN = 0.6180339887498949


class GroupedSpec(SplitSpec):
    """Random groups (customers) for the test and for the folds; none stands on two sides. Rows and labels keep their shares as far as groups allow."""

    walks_forward: ClassVar[bool] = False
    """A fold is trained on all the others."""
    kind: Literal["grouped"]
    group: str
    """Column whose equal values belong together. Several columns: join them with `derive`."""
    test_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the rows, in whole groups, that are sealed for the test; 0: none, every row is learned from, and the experiment cannot be adopted."""
    folds: int = Field(default=5, ge=2, le=100)
    """Parts of the other groups; each is predicted by models trained on the rest."""


@register("split", GroupedSpec)
def assign(spec: GroupedSpec, rows: pl.DataFrame, target: str, task: str, seed: int) -> pl.Series:
    """Fold of each row, Int8: -2 test, 0 to folds-1 the fold in which the row is validated. The order of the rows does not matter."""
    if not rows.height:
        return pl.Series("fold", [], dtype=pl.Int8)
    code = codes_of(rows[spec.group])
    counts = np.bincount(code * TENTHS + strata_of(rows[target], task), minlength=(int(code.max()) + 1) * TENTHS)
    shares = np.array([spec.test_share, *[(1 - spec.test_share) / spec.folds] * spec.folds])
    if not spec.test_share:
        return pl.Series("fold", folds_only(counts.reshape(-1, TENTHS), spec.folds, seed_for(seed, "data", "split"))[code])
    side = deal(counts.reshape(-1, TENTHS).astype(np.int32), shares, seed_for(seed, "data", "split"))
    places = np.array([TEST, *range(spec.folds)], dtype=np.int8)
    return pl.Series("fold", places[side][code])


def folds_only(counts: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """(groups,) Int8: the fold of each group where there is no test; counts: (groups, strata) rows."""
    # The first fold is dealt where the test would be: what is said of large groups and of a test holds for it as well.
    return deal(counts.astype(np.int32), np.full(folds, 1 / folds), seed).astype(np.int8)


def deal(counts: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """(groups,) Int64: the side of each group, so that every side has its share of the rows and of each stratum.

    counts: (groups, strata) rows; shares: (sides,) that add up to 1, the test first. A group larger than the test belongs to
    training, where it misses least; then folds share what such groups leave. The largest groups go one by one to the side where they
    mend most (as in the stratified group folds of Pedregosa et al., scikit-learn); the many small ones of a large table are dealt
    in the order of their size and labels by a Kronecker sequence, whose shares are even in every stretch of that order.
    """
    size = counts.sum(axis=1)
    draw = np.random.default_rng(seed).permutation(len(counts))
    order = np.lexsort((draw, -size))
    side = np.zeros(len(counts), dtype=np.int64)
    large, small = order[:ONE_BY_ONE], order[ONE_BY_ONE:]
    parts = size[order] / max(int(size.sum()), 1)
    barred = _too_large_for_test(parts, float(shares[0]))
    dues = _dues(parts[barred], shares)
    side[large] = _one_by_one(counts[large].astype(float), dues, barred)
    if barred.any():
        open_still = np.maximum(dues - np.bincount(side[large], parts[: len(large)], len(dues)), 1e-12)
        dues = open_still / open_still.sum()
    by_look = small[np.lexsort((draw[small], *counts[small].T, size[small]))]
    place = np.modf((np.arange(len(small)) + 0.5) * GOLDEN)[0]
    side[by_look] = np.minimum(np.searchsorted(np.cumsum(dues), place, side="right"), len(shares) - 1)
    return side


def _too_large_for_test(parts: np.ndarray, share: float) -> np.ndarray:
    """(groups,) Boolean: groups that miss the test's share by more than the smaller ones do without them. parts: shares of the rows, falling."""
    barred = parts > share
    n, rest = int(barred.sum()), float(parts[~barred].sum())
    if n and (rest == 0 or parts[n - 1] - share < share - rest):
        # The others cannot fill the test: the smallest of the large ones comes nearest.
        barred[n - 1] = False
    return barred


def _dues(barred: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(sides,) the shares once large groups have folds of their own: the test keeps its share, or half of what they leave."""
    dues, test, folds = shares.copy(), float(shares[0]), len(shares) - 1
    left, own = 1.0 - test, 0
    for part in barred[: folds - 1]:
        if part <= left / (folds - own):
            break
        dues[1 + own] = part
        own, left = own + 1, max(left - float(part), 0.0)
    if own:
        rest = max(1.0 - float(barred[:own].sum()), 1e-9)
        dues[0] = min(test, rest / 2)
        dues[1 + own :] = (rest - dues[0]) / (folds - own)
    return dues


def _one_by_one(counts: np.ndarray, shares: np.ndarray, barred: np.ndarray) -> np.ndarray:
    """The side of each group, given in turn to the side whose squared distance to its due it lessens most, all strata weighing the same.

    barred: groups that may not be the test. When no more groups are left than empty sides, each goes to one of these.
    """
    with_rows = np.column_stack([counts, counts.sum(axis=1)])
    total = with_rows.sum(axis=0)
    kept = total > 0
    parts, n = with_rows[:, kept] / total[kept], int(kept.sum())
    due = np.repeat(shares[:, None], n, axis=1)
    has = np.zeros_like(due)
    side = np.zeros(len(parts), dtype=np.int64)
    for i, part in enumerate(parts):
        worse = ((2.0 * (has - due) * part + part**2) / due).sum(axis=1)
        filled = has[:, -1] > 0
        if len(parts) - i <= (~filled).sum() and not filled.all():
            worse[filled] = np.inf
        if barred[i]:
            worse[0] = np.inf
        side[i] = int(np.argmin(worse))
        has[side[i]] += part
    return side
