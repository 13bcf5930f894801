"""How much rows that stand together are alike, beside what chance allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

LEVELS = 5
RARE = 0.01
BLOCKS = (10, 50)
ROWS_A_BLOCK = 20
NEIGHBOURS = 8
SHUFFLES = 40


@dataclass(frozen=True)
class Alike:
    """share: of the variance that is common to rows that stand together; errors: how many standard errors that is from chance;
    p: chance of as much, where it is known exactly enough, else 1."""

    share: float
    errors: float
    p: float = 1.0


def measured(values: pl.Series) -> np.ndarray | None:
    """(n, k) standardised columns that stand for a column: ranks of numbers and moments, indicators of the common levels of a text.

    None where nothing varies, or where nearly every text is another one. Missing values say nothing: they are 0.
    """
    if values.dtype == pl.String:
        counts = values.drop_nulls().alias("level").value_counts(name="rows").sort(["rows", "level"], descending=[True, False])
        share = counts["rows"] / max(values.len(), 1)
        levels = counts.filter((share > RARE) & (share < 1 - RARE)).head(LEVELS)["level"].to_list()
        made = [np.asarray((values == level).fill_null(value=False).to_numpy(), dtype=float) for level in levels]
        made = made[:1] if len(levels) == 2 == counts.height else made
    else:
        number = values.cast(pl.Float64) if values.dtype == pl.Boolean or values.dtype.is_numeric() else values.to_physical().cast(pl.Float64)
        ranks = number.fill_nan(None).rank("average")
        made = [np.asarray(ranks.fill_null(ranks.mean() or 0.0).to_numpy(), dtype=float)]
    standard = [(column - column.mean()) / column.std() for column in made if column.std() > 0]
    return np.column_stack(standard) if standard else None


def moves(z: np.ndarray) -> Alike:
    """How much columns move from block to block of rows in their order: the largest excess over chance among some sizes of block.

    z: (n, k). Under chance the sum of squares between K blocks, times (n - 1) / n, is chi-square with K - 1
    degrees of freedom (Kruskal & Wallis 1952 for ranks); p is Bonferroni-corrected for columns and sizes.
    """
    from scipy.special import chdtrc

    spread = z.std(axis=0)
    z = (z[:, spread > 0] - z[:, spread > 0].mean(axis=0)) / spread[spread > 0]
    n, best = len(z), Alike(0.0, 0.0)
    if not z.shape[1]:
        return best
    sizes = [blocks for blocks in BLOCKS if n >= ROWS_A_BLOCK * blocks] or [max(2, n // ROWS_A_BLOCK)]
    for blocks in sizes:
        start = np.linspace(0, n, blocks + 1).astype(int)[:-1]
        rows = np.diff([*start, n])[:, None]
        between = (np.add.reduceat(z, start) ** 2 / rows).sum(axis=0) * (n - 1) / n
        free = blocks - 1
        p = float(chdtrc(free, between).min()) * z.shape[1] * len(sizes)
        found = Alike(float((between - free).sum() / (n * z.shape[1])), float(((between - free) / np.sqrt(2 * free)).max()), min(1.0, p))
        best = min(best, found, key=lambda alike: (alike.p, -alike.share))
    return best


def together(codes: np.ndarray, columns: Mapping[str, np.ndarray], seed: int) -> dict[str, Alike]:
    """How much rows of one group are alike in each column, beyond rows of groups whose values are neighbours.

    codes: (n,) places of the groups in the order of their values; columns: name to (n, k) standardised. The share is the
    intraclass correlation over pairs within groups (Fisher 1925), less what it is when rows are dealt anew among
    NEIGHBOURS groups in that order: a number with a smooth effect, such as an amount, is no group.
    """
    order = np.argsort(codes, kind="stable")
    code = np.unique(codes[order], return_inverse=True)[1]
    start = np.flatnonzero(np.diff(code, prepend=-1))
    size = np.diff([*start, len(code)])
    paired = np.where(size > 1, 1.0 / np.maximum(size - 1, 1), 0.0)[:, None]
    rows = float(size[size > 1].sum())
    names, stacked = list(columns), np.column_stack([columns[name][order] for name in columns])
    owner = np.repeat(np.arange(len(names)), [columns[name].shape[1] for name in names])
    if not rows:
        return {}

    def alike(z: np.ndarray) -> np.ndarray:
        pairs = ((np.add.reduceat(z, start) ** 2 - np.add.reduceat(z**2, start)) * paired).sum(axis=0) / rows
        return np.array([pairs[owner == i].mean() for i in range(len(names))])

    draw = np.random.default_rng(seed)
    by_chance = np.array(
        [alike(stacked[np.argsort((code + draw.integers(NEIGHBOURS)) // NEIGHBOURS + draw.random(len(code)), kind="stable")]) for _ in range(SHUFFLES)]
    )
    excess = alike(stacked) - by_chance.mean(axis=0)
    spread = np.maximum(by_chance.std(axis=0, ddof=1), 1e-12)
    return {name: Alike(float(excess[i]), float(excess[i] / spread[i])) for i, name in enumerate(names)}
