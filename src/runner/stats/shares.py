"""The share of rows for which something holds, with its interval."""

from __future__ import annotations

import numpy as np

from runner.stats.intervals import Interval, interval, unknown


def share_interval(holds: np.ndarray, confidence: float, groups: np.ndarray | None = None) -> Interval:
    """The share of (n,) Boolean with its exact interval (Clopper & Pearson 1934).

    groups: (n,) codes of rows that belong together: the interval is then that of as many rows as would be as informative
    (Korn & Graubard 1998), at most n, and the number of groups where all rows agree.
    """
    n = len(holds)
    if n == 0:
        return unknown(None, confidence, "", "no rows")
    share = float(np.mean(holds))
    low, high = exact_ends(share, float(n) if groups is None else _as_informative(holds, share, groups), confidence)
    return interval(share, low, high, confidence, "")


def exact_ends(share: float, n: float, confidence: float) -> tuple[float, float]:
    """The two ends for a share of n rows, which need not be a whole number.

    >>> [round(end, 4) for end in exact_ends(0.9, 10, 0.95)]
    [0.555, 0.9975]
    """
    from scipy.special import betaincinv

    hits, tail = share * n, (1.0 - confidence) / 2.0
    low = 0.0 if hits <= 0 else float(betaincinv(hits, n - hits + 1.0, tail))
    high = 1.0 if hits >= n else float(betaincinv(hits + 1.0, n - hits, 1.0 - tail))
    return low, high


def _as_informative(holds: np.ndarray, share: float, groups: np.ndarray) -> float:
    off = np.bincount(np.unique(groups, return_inverse=True)[1], weights=holds - share)
    variance = float(np.sum(off**2)) * len(off) / max(1, len(off) - 1) / len(holds) ** 2
    if variance <= 0.0 or len(off) < 2:
        return float(len(off))
    return min(float(len(holds)), share * (1.0 - share) / variance)
