"""The percentile bootstrap of means, paired where two things were measured on the same rows, of whole groups where rows belong together.

Sources: Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; for groups Davison & Hinkley (1997), 3.8, and
Cameron, Gelbach & Miller (2008).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
import polars as pl

from runner.stats.intervals import Interval, interval, unknown

# Rows drawn at a time: keeps a chunk of indices near 16 MB whatever the sizes.
CHUNK = 1 << 21
MIN_ROWS = 2
TAIL_DRAWS = 10


def enough_draws(declared: int, confidence: float) -> int:
    """At least the declared draws, and TAIL_DRAWS of them beyond each end of a two-sided interval.

    With fewer, the end of the interval is the luck of a few draws, and beyond 1 / draws it cannot move out at all.

    >>> enough_draws(2000, 0.95), enough_draws(2000, 0.999)
    (2000, 20000)
    """
    return max(declared, ceil(round(TAIL_DRAWS * 2.0 / (1.0 - confidence), 6)))


def groups_of(rows: pl.DataFrame, column: str | None) -> np.ndarray | None:
    """(n,) Int64 codes of the column whose equal values belong together; None where no column says so."""
    return None if column is None else rows[column].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()


def resampled_means(columns: np.ndarray, draws: int, seed: int, groups: np.ndarray | None = None) -> np.ndarray:
    """(draws, k) Float64: means of k columns over rows drawn with replacement, the same rows for all columns.

    columns: (n, k); groups: (n,) codes of rows that are drawn together, since they are alike: the mean is that over all rows of
    the groups drawn. The same seed gives the same draws whatever the machine's cores.
    """
    if groups is not None:
        drawn = resampled_means(_sums(columns, groups), draws, seed)
        return np.asarray(drawn[:, :-1] / drawn[:, -1:])
    n = len(columns)
    means = np.empty((draws, columns.shape[1]))
    for start, rows in _draws(n, draws, seed):
        # Sums over counts: each row's number of appearances, then one fixed-order product per column.
        counts = np.stack([np.bincount(row, minlength=n) for row in rows])
        means[start : start + len(rows)] = np.einsum("dn,nk->dk", counts.astype(np.float64), columns, optimize=False) / n
    return means


def _sums(columns: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(groups, k + 1): each group's sums, and its rows."""
    code = np.unique(groups, return_inverse=True)[1]
    return np.column_stack([np.bincount(code, weights=column) for column in (*columns.T, np.ones(len(columns)))])


def _draws(n: int, draws: int, seed: int) -> Iterator[tuple[int, np.ndarray]]:
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK // n)
    for start in range(0, draws, step):
        yield start, generator.integers(0, n, (min(step, draws - start), n))


def rows_drawn(draw: np.random.Generator, n: int, groups: np.ndarray | None = None) -> np.ndarray:
    """Positions of one resample: n rows, or all rows of as many groups as there are."""
    if groups is None:
        return draw.integers(0, n, n)
    code = np.unique(groups, return_inverse=True)[1]
    members = np.split(np.argsort(code, kind="stable"), np.cumsum(np.bincount(code))[:-1])
    return np.concatenate([members[g] for g in draw.integers(0, len(members), len(members))])


@dataclass(frozen=True)
class Resampled:
    """Named columns over the same rows, resampled together once; every mean and every paired gain is read off the same draws.

    points: name to mean; means: name to (draws,) resampled means; rows: how many; why: where nothing was drawn.
    """

    points: Mapping[str, float]
    means: Mapping[str, np.ndarray]
    rows: int
    why: str = ""

    @classmethod
    def of(cls, columns: Mapping[str, np.ndarray], draws: int, seed: int, groups: np.ndarray | None = None) -> Resampled:
        """Resample columns of (n,) Float64; below MIN_ROWS rows, or groups of them, nothing is drawn and intervals stay unknown."""
        names = list(columns)
        stacked = np.column_stack([columns[name] for name in names]) if names else np.empty((0, 0))
        rows = len(stacked)
        points = {name: float(stacked[:, i].mean()) for i, name in enumerate(names)} if rows else {}
        few = f"only {rows} rows" if rows < MIN_ROWS else "all rows belong to one group" if groups is not None and np.ptp(groups) == 0 else ""
        if few:
            return cls(points, {}, rows, few)
        means = resampled_means(stacked, draws, seed, groups)
        return cls(points, {name: means[:, i] for i, name in enumerate(names)}, rows)

    def of_means(self, function: Callable[[np.ndarray], np.ndarray]) -> Resampled:
        """The same draws of a function of the mean, such as the root of a mean square. function: of an array, element by element."""
        points = {name: float(function(np.asarray(point))) for name, point in self.points.items()}
        return Resampled(points, {name: function(means) for name, means in self.means.items()}, self.rows, self.why)

    def mean(self, name: str, confidence: float, unit: str) -> Interval:
        """A column's mean with its two-sided percentile interval."""
        if not self.means:
            return unknown(self.points.get(name), confidence, unit, self.why)
        low, high = _tails(self.means[name], confidence)
        return interval(self.points[name], low, high, confidence, unit)

    def gain(self, candidate: str, baseline: str, confidence: float, unit: str) -> Interval:
        """The mean paired difference candidate minus baseline, its interval, and `p`: the share of draws without a gain."""
        if not self.means:
            value = self.points[candidate] - self.points[baseline] if self.points else None
            return {**unknown(value, confidence, unit, self.why), "p": None}
        # The mean of differences is the difference of means, as both were drawn on the same rows.
        drawn = self.means[candidate] - self.means[baseline]
        low, high = _tails(drawn, confidence)
        # One is added on both sides: a finite number of draws never proves certainty (Davison & Hinkley 1997, 4.2.3).
        p = (float((drawn <= 0).sum()) + 1.0) / (len(drawn) + 1.0)
        return {**interval(self.points[candidate] - self.points[baseline], low, high, confidence, unit), "p": p}

    def standard_error(self, candidate: str, baseline: str) -> float:
        """Of the mean paired difference: how far its draws spread (Efron & Tibshirani 1993, chapter 6). Something must have been drawn."""
        return float((self.means[candidate] - self.means[baseline]).std(ddof=1))


def _tails(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return float(low), float(high)


def mean_interval(values: np.ndarray, confidence: float, draws: int, seed: int, unit: str, groups: np.ndarray | None = None) -> Interval:
    """The mean of (n,) values with its two-sided percentile interval."""
    return Resampled.of({"": values}, draws, seed, groups).mean("", confidence, unit)


def paired_gain(candidate: np.ndarray, baseline: np.ndarray, confidence: float, draws: int, seed: int, unit: str, groups: np.ndarray | None = None) -> Interval:
    """The mean of candidate minus baseline on the same (n,) rows, with its interval and `p`; groups: codes of rows that are drawn together."""
    return Resampled.of({"candidate": candidate, "baseline": baseline}, draws, seed, groups).gain("candidate", "baseline", confidence, unit)
