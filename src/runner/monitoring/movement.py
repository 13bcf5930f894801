"""How much each statistic moves by itself: between windows of the reference in time order, or by sampling alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from runner.monitoring.binning import Coded
from runner.monitoring.profile import ColumnProfile
from runner.monitoring.signals import Reading, Statistic, read, statistics_of

TIMELESS = "the rows have no time: only sampling noise is known, usual movement may alarm"
FEWEST_WINDOWS = 8
TRUSTED_WINDOWS = 26
FEWEST_PHI_SIGNALS = 3
PHI_RANGE = (0.5, 0.94)
QUARTER = 0.25


@dataclass(frozen=True)
class Watched:
    """A column with its reference rows. coded: one entry per reference row; foreign: (n,) Boolean, values that no other window has."""

    profile: ColumnProfile
    coded: Coded
    foreign: np.ndarray


@dataclass(frozen=True)
class Move:
    """How one statistic moves in the reference.

    centre: its mean; natural: variance beyond sampling (for `distribution` the mean distance beyond sampling);
    share: natural share of a usual window's variance, 0 where only sampling is known; rows: reference rows behind the centre;
    series: (windows,) values, empty without windows.
    """

    column: str
    statistic: Statistic
    centre: float
    natural: float
    share: float
    rows: int
    series: tuple[float, ...] = ()


@dataclass(frozen=True)
class Reference:
    """The reference cut into windows.

    windows: (n,) window of each row in time order, or each row's own number where movement cannot be known;
    order: (n,) rows by time; n_windows: 0 without movement; why: what limits it, empty when nothing does.
    """

    windows: np.ndarray
    order: np.ndarray
    n_windows: int
    why: str = ""

    @property
    def knows_movement(self) -> bool:
        return self.n_windows > 0


def cut(time: pl.Series | None, rows: int, window_rows: int) -> Reference:
    """Windows of about `window_rows` in time order, if there are enough of them to learn from."""
    if time is None:
        return Reference(np.arange(rows), np.arange(rows), 0, TIMELESS)
    n_windows = rows // window_rows
    if n_windows < FEWEST_WINDOWS:
        spans = f"the reference spans {n_windows} windows of {window_rows} rows"
        why = f"{spans}, {FEWEST_WINDOWS} are needed: only sampling noise is known"
        return Reference(np.arange(rows), np.arange(rows), 0, why)
    order = np.lexsort((np.arange(rows), time.cast(pl.Datetime("us")).cast(pl.Int64).fill_null(-(2**62)).to_numpy()))
    windows = np.empty(rows, dtype=np.int64)
    windows[order] = np.arange(rows) * n_windows // rows
    few = f"the reference spans {n_windows} windows, fewer than {TRUSTED_WINDOWS}: false alarms may exceed the budget"
    return Reference(windows, order, n_windows, few if n_windows < TRUSTED_WINDOWS else "")


def foreign(profile: ColumnProfile, values: pl.Series, windows: np.ndarray) -> np.ndarray:
    """(n,) Boolean: the value would have been unseen had its own window not been part of the reference."""
    nothing = np.zeros(values.len(), dtype=bool)
    if profile.role != "feature" or profile.bins.kind == "moment":
        return nothing
    if profile.bins.kind == "numeric":
        return _out_of_range(values.cast(pl.Float64).to_numpy(), windows) if profile.bins.low is not None else nothing
    if profile.bins.known is None:
        return nothing
    frame = pl.DataFrame({"level": values.cast(pl.String), "window": windows})
    alone = (pl.col("window").min() == pl.col("window").max()).over("level") & pl.col("level").is_not_null()
    return frame.select(alone=alone)["alone"].to_numpy()


def _out_of_range(x: np.ndarray, windows: np.ndarray) -> np.ndarray:
    def beyond(x: np.ndarray) -> np.ndarray:
        kept = np.flatnonzero(np.isfinite(x))
        place = kept[np.argmin(x[kept])]
        others = kept[windows[kept] != windows[place]]
        limit = x[others].min() if len(others) else np.inf
        return np.asarray((windows == windows[place]) & (x < limit))

    return np.asarray(beyond(x) | beyond(-x))


def window_counts(coded: Coded, windows: np.ndarray, n_windows: int, size: int) -> np.ndarray:
    """(n_windows, size) rows per bin; rows that do not count (-1) are left out."""
    kept = coded.bin >= 0
    flat = windows[kept] * size + coded.bin[kept]
    return np.bincount(flat, minlength=n_windows * size).reshape(n_windows, size)


def moves(watched: Watched, reference: Reference, window_rows: int) -> list[Move]:
    """How each statistic of a column moves."""
    sampled = [_sampled(watched, statistic) for statistic in statistics_of(watched.profile)]
    if not reference.knows_movement:
        return sampled
    counts = window_counts(watched.coded, reference.windows, reference.n_windows, watched.profile.bins.n + 1)
    unseen = np.bincount(reference.windows, weights=watched.foreign, minlength=reference.n_windows).astype(int)
    # A window in which few rows count (a score has none in the first block of time) says little about movement.
    usable = [w for w in range(reference.n_windows) if counts[w].sum() >= window_rows / 2]
    if len(usable) < FEWEST_WINDOWS:
        return sampled
    readings = [r for w in usable for r in read(watched.profile, counts[w], int(unseen[w]))]
    return [_moved([r for r in readings if r.statistic == move.statistic], move, window_rows) for move in sampled]


def _sampled(watched: Watched, statistic: Statistic) -> Move:
    profile = watched.profile
    present = int(profile.counts[:-1].sum())
    if statistic in {"shift", "distribution"}:
        return Move(profile.name, statistic, 0.0, 0.0, 0.0, present)
    count = int(profile.counts[-1]) if statistic == "missing" else int(watched.foreign.sum())
    # Half a row more: a share of exactly 0 in the reference is not known to be 0.
    share = min((count + 0.5) / (profile.rows + 1.0), 1.0)
    return Move(profile.name, statistic, float(np.arcsin(np.sqrt(share))), 0.0, 0.0, profile.rows)


def _moved(readings: Sequence[Reading], sampled: Move, window_rows: int) -> Move:
    if len(readings) < FEWEST_WINDOWS:
        return sampled
    values = np.array([r.value for r in readings])
    if sampled.statistic == "distribution":
        natural = max(float(np.mean([r.value - (r.bins - 1) / r.rows for r in readings])), 0.0)
        usual = 1.0 / window_rows
        return Move(sampled.column, "distribution", 0.0, natural, natural / (natural + usual), sampled.rows, tuple(values.tolist()))
    usual = sampling_variance(sampled.statistic, window_rows)
    natural = max(float(values.var(ddof=1)) - float(np.mean([sampling_variance(r.statistic, r.rows) for r in readings])), 0.0)
    centre = float(values.mean()) if sampled.statistic == "shift" else max(float(values.mean()), 0.0)
    return Move(sampled.column, sampled.statistic, centre, natural, natural / (natural + usual), sampled.rows, tuple(values.tolist()))


def between_models(watched: Watched, folds: np.ndarray, found: Sequence[Move]) -> list[Move]:
    """Moves of a score with the difference between the models of the folds counted as natural.

    The reference scores come from one model per fold, a batch's from the one that ships: what differs between the
    first will differ between them and the last. folds: (n,) fold of each row, -1 where it has no score.
    """
    size = watched.profile.bins.n + 1
    numbers = [int(fold) for fold in np.unique(folds) if fold >= 0]
    counts = [np.bincount(watched.coded.bin[folds == fold], minlength=size) for fold in numbers]
    readings = [r for c in counts for r in read(watched.profile, c, 0)]
    return [replace(move, natural=max(move.natural, _excess([r for r in readings if r.statistic == move.statistic]))) for move in found]


def _excess(readings: Sequence[Reading]) -> float:
    if len(readings) < 2:
        return 0.0
    if readings[0].statistic == "distribution":
        return max(float(np.mean([r.value - (r.bins - 1) / r.rows for r in readings])), 0.0)
    by_chance = float(np.mean([sampling_variance(r.statistic, r.rows) for r in readings]))
    return max(float(np.var([r.value for r in readings], ddof=1)) - by_chance, 0.0)


def sampling_variance(statistic: Statistic, rows: int) -> float:
    """Variance that drawing `rows` rows alone gives to a shift (sd 1 a row) or an arcsine of a root share (1 / 4n)."""
    return (QUARTER if statistic in {"missing", "unseen"} else 1.0) / rows


def persistence(found: Sequence[Move], n_windows: int) -> float:
    """Lag-1 autocorrelation of natural movement, pooled and leaning high: the mean over moving columns, plus Kendall's (1954)
    correction for its bias, plus one standard error; kept within PHI_RANGE, the lower end when too few columns move.
    """
    # Sampling noise between windows hides part of the persistence: the lag is that of natural movement times its share.
    lags = np.array([_lag_1(np.array(m.series)) / m.share for m in found if m.statistic == "shift" and m.share > 0.5])
    if len(lags) < FEWEST_PHI_SIGNALS:
        return PHI_RANGE[0]
    phi = float(lags.mean())
    leaning = phi + (1.0 + 3.0 * phi) / n_windows + float(lags.std(ddof=1)) / np.sqrt(len(lags))
    return float(np.clip(leaning, *PHI_RANGE))


def _lag_1(series: np.ndarray) -> float:
    centred = series - series.mean()
    total = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / total if total > 0 else 0.0
