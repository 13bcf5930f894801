"""From the counts of a window to what is watched: shift, distribution, missing, unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from runner.monitoring.profile import ColumnProfile

Statistic = Literal["shift", "distribution", "missing", "unseen"]
FEWEST_EXPECTED = 5.0


@dataclass(frozen=True)
class Reading:
    """One statistic of one column in one window.

    rows: rows that it rests on; value: mean normal score (shift, reference sd), chi-square distance (distribution),
    arcsine of the root share (missing, unseen, radians); bins: bins behind a distribution, else 0.
    """

    column: str
    statistic: Statistic
    rows: int
    value: float
    bins: int = 0


def statistics_of(column: ColumnProfile) -> list[Statistic]:
    """What can be watched of a column, in a fixed order."""
    found: list[Statistic] = []
    if column.is_ordered:
        found.append("shift")
    if np.count_nonzero(column.share) > 1:
        found.append("distribution")
    if column.role == "feature":
        found.append("missing")
        if column.bins.low is not None or column.bins.known:
            found.append("unseen")
    return found


def read(column: ColumnProfile, counts: np.ndarray, unseen: int) -> list[Reading]:
    """Readings of one window; those without a row to rest on are left out.

    counts: (k + 1,) rows per bin, missing last; unseen: rows with an unseen value.
    """
    rows, present = int(counts.sum()), int(counts[:-1].sum())
    readings: list[Reading] = []
    for statistic in statistics_of(column):
        if rows == 0 or (present == 0 and statistic in {"shift", "distribution"}):
            continue
        if statistic == "shift":
            readings.append(Reading(column.name, statistic, present, float((counts[:-1] * column.normal_scores).sum() / present)))
        elif statistic == "distribution":
            distance, bins = chi_square_distance(counts[:-1], column.share)
            if bins > 1:
                readings.append(Reading(column.name, statistic, present, distance, bins))
        else:
            share = (counts[-1] if statistic == "missing" else unseen) / rows
            readings.append(Reading(column.name, statistic, rows, float(np.arcsin(np.sqrt(share)))))
    return readings


def chi_square_distance(counts: np.ndarray, share: np.ndarray) -> tuple[float, int]:
    """Sum of (p - p0)^2 / p0 over the bins, and how many bins; bins with few expected rows are pooled.

    counts: (k,) rows of the window; share: (k,) of the reference. Times n it is Pearson's chi-square statistic.

    >>> chi_square_distance(np.array([60, 40]), np.array([0.5, 0.5]))
    (0.04, 2)
    """
    n = counts.sum()
    thin = share * n < FEWEST_EXPECTED
    if thin.any():
        counts, share = _pooled(counts, share, thin, n)
    p = counts / n
    return round(float(((p - share) ** 2 / share).sum()), 12), len(share)


def _pooled(counts: np.ndarray, share: np.ndarray, thin: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    rest_count, rest_share = counts[thin].sum(), share[thin].sum()
    counts, share = counts[~thin].astype(float), share[~thin].copy()
    if len(share) == 0:
        return np.array([n]), np.array([1.0])
    if rest_share * n >= FEWEST_EXPECTED:
        return np.append(counts, rest_count), np.append(share, rest_share)
    smallest = int(np.argmin(share))
    counts[smallest] += rest_count
    share[smallest] += rest_share
    return counts, share
