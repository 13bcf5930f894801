"""Alarms calibrated to a yearly budget of false ones, and the judgement of a window by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from runner.monitoring.critical import Curves
from runner.monitoring.movement import Move, sampling_variance
from runner.monitoring.signals import Reading, Statistic
from runner.monitoring.spec import MonitoringSpec

BUDGET_KEPT = 0.7
ONCE_SHARE = 0.2
NEAR_FLOOR = 0.7
LEAST_RHO = 0.5
POINT = 100.0


@dataclass(frozen=True)
class Signal:
    """One calibrated statistic of one column.

    centre, natural: see Move; rows: reference rows whose own sampling noise counts (0 where the windows already hold it);
    floor: smallest effect that may alarm, in reference sd (shift, distribution) or as a share (missing, unseen);
    once, twice: critical |z| of one window, and of two in a row; noise_once, noise_twice: tail probability of the
    chi-square noise of a distribution; smallest: smallest effect noticed by the second usual window, in the unit of floor.
    """

    column: str
    statistic: Statistic
    centre: float
    natural: float
    rows: int
    floor: float
    once: float
    twice: float
    noise_once: float
    noise_twice: float
    smallest: float

    @property
    def reference_share(self) -> float:
        """The usual share of missing or unseen values."""
        return float(np.sin(self.centre) ** 2)

    def sd(self, rows: int) -> float:
        """Standard deviation of the statistic in a quiet window of so many rows."""
        known = sampling_variance(self.statistic, self.rows) if self.rows else 0.0
        return float(np.sqrt(self.natural + sampling_variance(self.statistic, rows) + known))


@dataclass(frozen=True)
class Judged:
    """How a reading stands to its signal.

    effect: shift in sd, distribution distance in sd, or change of share, signed; z: its strength in quiet sd (for a
    distribution scaled so that `once` is the limit); over_once, over_twice: beyond the critical values and the floor.
    """

    signal: Signal
    reading: Reading
    effect: float
    z: float
    over_once: bool
    over_twice: bool

    @property
    def side(self) -> int:
        return 1 if self.effect >= 0 else -1


def judge(signal: Signal, reading: Reading) -> Judged:
    """Compare one reading with its calibrated signal, for the number of rows that the reading has."""
    if signal.statistic == "distribution":
        return _judge_distribution(signal, reading)
    z = (reading.value - signal.centre) / signal.sd(reading.rows)
    is_share = signal.statistic in {"missing", "unseen"}
    effect = float(np.sin(reading.value) ** 2) - signal.reference_share if is_share else reading.value - signal.centre
    # New values alarm; fewer of them than usual do not.
    counts = abs(effect) >= signal.floor and (signal.statistic != "unseen" or z > 0)
    return Judged(signal, reading, effect, z, counts and abs(z) > signal.once, counts and abs(z) > signal.twice)


def _judge_distribution(signal: Signal, reading: Reading) -> Judged:
    once, twice = (distance_limit(signal, reading.rows, reading.bins, *limits) for limits in _limits(signal))
    effect = float(np.sqrt(max(reading.value - (reading.bins - 1) / reading.rows, 0.0)))
    counts = effect >= signal.floor
    strength = float(np.sqrt(reading.value / once)) * signal.once
    return Judged(signal, reading, effect, strength, counts and reading.value > once, counts and reading.value > twice)


def _limits(signal: Signal) -> tuple[tuple[float, float], tuple[float, float]]:
    return (signal.once, signal.noise_once), (signal.twice, signal.noise_twice)


def distance_limit(signal: Signal, rows: int, bins: int, critical: float, noise: float) -> float:
    """Largest quiet chi-square distance: one direction that moves by nature, the other bins - 2 drawn by chance."""
    from scipy.special import chdtri

    by_chance = float(chdtri(bins - 2, noise)) if bins > 2 else 0.0
    return critical**2 * (signal.natural + 1.0 / rows) + by_chance * (1.0 / rows + (1.0 / signal.rows if signal.rows else 0.0))


def fires(judged: Judged, before: Judged | None) -> bool:
    """Far out once, or twice in a row on the same side."""
    return judged.over_once or (judged.over_twice and before is not None and before.over_twice and before.side == judged.side)


def calibrate(found: Sequence[Move], bins: Mapping[str, int], spec: MonitoringSpec, curves: Curves) -> list[Signal]:
    """Signals whose alarms in quiet years add up to the declared budget.

    found: how each statistic moves; bins: bins of each column. The budget is divided among the signals that can exceed
    their floor by chance, which depends on the critical values: settled in a few rounds.
    """
    active = len(found)
    signals: list[Signal] = []
    for _ in range(4):
        rate = BUDGET_KEPT * spec.false_alarms_per_year / max(active, 1)
        make = _maker(spec, curves, rate, bins)
        signals = [make(move) for move in found]
        now_active = sum(s.smallest > NEAR_FLOOR * s.floor for s in signals)
        if now_active == active:
            break
        active = now_active
    return [replace(s, smallest=max(s.smallest, s.floor)) for s in signals]


def _maker(spec: MonitoringSpec, curves: Curves, rate: float, bins: Mapping[str, int]) -> Callable[[Move], Signal]:
    def make(move: Move) -> Signal:
        is_distance = move.statistic == "distribution"
        once, twice = (part * rate / (2.0 if is_distance else 1.0) for part in (ONCE_SHARE, 1.0 - ONCE_SHARE))
        share = max(move.share, LEAST_RHO)
        signal = Signal(
            column=move.column,
            statistic=move.statistic,
            centre=move.centre,
            natural=move.natural,
            # Windows of the reference carry the noise of its own mean, and the simulated rule includes it.
            rows=0 if move.series and not is_distance else move.rows,
            floor=spec.smallest_share_points / POINT if move.statistic in {"missing", "unseen"} else spec.smallest_shift_sd,
            once=curves.once(once, share),
            twice=curves.twice(twice, share),
            noise_once=min(once / spec.windows_per_year, 0.5),
            noise_twice=min(float(np.sqrt(twice / spec.windows_per_year)), 0.5),
            smallest=0.0,
        )
        return replace(signal, smallest=reach(signal, spec.window_rows, bins[move.column]))

    return make


def reach(signal: Signal, rows: int, bins: int) -> float:
    """Effect that two windows in a row of so many rows must reach to be noticed, before the floor; in the unit of floor."""
    if signal.statistic == "distribution":
        limit = distance_limit(signal, rows, bins, signal.twice, signal.noise_twice)
        return float(np.sqrt(max(limit - (bins - 1) / rows, 0.0)))
    if signal.statistic == "shift":
        return signal.twice * signal.sd(rows)
    highest = min(signal.centre + signal.twice * signal.sd(rows), np.pi / 2.0)
    return float(np.sin(highest) ** 2) - signal.reference_share


def signal_json(signal: Signal) -> dict[str, Any]:
    """A signal as alarms.json holds it."""
    return asdict(signal)
