"""Tests and how many of them may be wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Of the differences that are told, at most so many may be chance (Benjamini & Hochberg 1995).
FALSE_SHARE = 0.01


def adjusted(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """P-values that may be compared with FALSE_SHARE whatever their number, as scipy.stats.false_discovery_control gives them.

    >>> adjusted([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    """
    # In numpy, because scipy.stats takes seconds to import and every run comes here; a test compares the two.
    found = np.clip(np.asarray(p, dtype=float), 0.0, 1.0)
    order = np.argsort(found, kind="stable")[::-1]
    steps = found[order] * len(found) / np.arange(len(found), 0, -1)
    result = np.empty(len(found))
    result[order] = np.minimum.accumulate(np.minimum(steps, 1.0))
    return result


def independence(table: np.ndarray) -> tuple[float, float]:
    """Pearson's chi-squared test of a (k, m) table of counts: p, and Cramer's V as the size of the dependence (0 to 1)."""
    counts = np.asarray(table, dtype=float)
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(counts.shape) < 2:
        return 1.0, 0.0
    from scipy.special import chdtrc

    total = counts.sum()
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    statistic = float(((counts - expected) ** 2 / expected).sum())
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return float(chdtrc(freedom, statistic)), float(np.sqrt(statistic / total / (min(counts.shape) - 1)))


def told(p: float) -> str:
    """A p-value for people.

    >>> told(0.0000001), told(0.0123)
    ('p < 0.001', 'p = 0.012')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
