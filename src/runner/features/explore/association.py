"""How far one column tells another: measures for every pairing of numbers and categories, corrected for what chance gives."""

from __future__ import annotations

import numpy as np


def doubled_ranks(values: np.ndarray) -> np.ndarray:
    """(n,) centred average ranks times two, 0 where missing: whole numbers, so that their sums are exact in any order."""
    known = ~np.isnan(values)
    distinct, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    ranks = np.zeros(len(values))
    if len(distinct):
        ranks[known] = (2 * below + counts + 1)[place] - (int(known.sum()) + 1)
    return ranks


def rank_correlations(ranks: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(p, p) rank correlation (Spearman 1904) of each pair over the rows that have both. ranks: (n, p) as doubled_ranks; known: (n, p)."""
    m = known.astype(float)
    n, total, square, product = m.T @ m, ranks.T @ m, (ranks**2).T @ m, ranks.T @ ranks
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.maximum(square - total**2 / n, 0.0))
        found = (product - total * total.T / n) / (spread * spread.T)
    return np.asarray(np.clip(np.where((spread * spread.T > 0) & (n > 2), found, 0.0), -1.0, 1.0))


def correlation_ratios(codes: np.ndarray, columns: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(p,) correlation ratio of numeric columns over categories, corrected for the number of categories (Kelley 1935).

    codes: (n,) categories from 0; columns: (n, p) with 0 where not known; known: (n, p).
    """
    if not len(codes):
        return np.zeros(columns.shape[1])
    order = np.argsort(codes, kind="stable")
    start = np.flatnonzero(np.diff(codes[order], prepend=-1))
    m = known[order].astype(float)
    sums, counts = np.add.reduceat(columns[order], start), np.add.reduceat(m, start)
    n, levels = counts.sum(axis=0), (counts > 0).sum(axis=0)
    total, square = sums.sum(axis=0), (columns**2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = square - total**2 / n
        between = np.where(counts > 0, sums**2 / np.maximum(counts, 1.0), 0.0).sum(axis=0) - total**2 / n
        corrected = 1.0 - (1.0 - between / spread) * (n - 1) / (n - levels)
    return np.asarray(np.sqrt(np.clip(np.where((spread > 0) & (n > levels), corrected, 0.0), 0.0, 1.0)))


def contingency(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(r, c) counts of two columns of codes, without empty rows and columns."""
    size = int(b.max()) + 1 if len(b) else 1
    rows = int(a.max()) + 1 if len(a) else 1
    counts = np.bincount(a * size + b, minlength=rows * size).reshape(rows, size).astype(float)
    return np.asarray(counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0])


def cramers_v(counts: np.ndarray) -> float:
    """Cramer's V, corrected for what chance gives (Bergsma 2013): 0 none, 1 one category tells the other."""
    r, c = counts.shape
    n = counts.sum()
    if min(r, c) < 2 or n < 2:
        return 0.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    phi = float((counts**2 / expected).sum() / n) - 1.0
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    room = min(rows, columns) - 1
    return float(min(1.0, np.sqrt(phi / room))) if room > 0 else 0.0


def uncertainty(counts: np.ndarray) -> tuple[float, float]:
    """How much of the column category the row category tells, and the other way round (Theil 1970), less what chance gives (Miller 1955)."""
    n = counts.sum()
    if min(counts.shape) < 2 or n < 2:
        return 0.0, 0.0
    rows, columns = _entropy(counts.sum(axis=1) / n), _entropy(counts.sum(axis=0) / n)
    bias = (np.count_nonzero(counts.sum(axis=1)) - 1) * (np.count_nonzero(counts.sum(axis=0)) - 1) / (2.0 * n)
    shared = rows + columns - _entropy(counts.ravel() / n)
    # Where one tells the other fully, nothing of it is chance.
    shared = shared if np.isclose(shared, min(rows, columns)) else shared - bias
    return float(np.clip(shared / columns, 0.0, 1.0)), float(np.clip(shared / rows, 0.0, 1.0))


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def xi(x: np.ndarray, y: np.ndarray, seed: int) -> float:
    """How far y is a function of x, whatever its shape (Chatterjee 2021): about 0 when independent, 1 when y follows from x.

    Equal x are put into a random order, as the method asks; y may have ties.
    """
    n = len(x)
    if n < 2:
        return 0.0
    order = np.lexsort((np.random.default_rng(seed).random(n), x))
    distinct, place, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    at_most = np.cumsum(counts)[place].astype(float)
    at_least = (n - np.cumsum(counts) + counts)[place].astype(float)
    room = 2.0 * float((at_least * (n - at_least)).sum())
    if len(distinct) < 2 or room <= 0:
        return 0.0
    return float(1.0 - n * np.abs(np.diff(at_most)).sum() / room)
