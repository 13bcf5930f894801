"""A rehearsal of the monitor: quiet windows drawn from the reference, and drifts planted into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.monitoring.alarms import Judged, Signal, fires, judge
from runner.monitoring.binning import Coded
from runner.monitoring.movement import Reference, Watched
from runner.monitoring.reference import Made
from runner.monitoring.signals import read
from runner.monitoring.spec import MonitoringSpec

CONFIDENCE = 0.95
PLANTED_RUNS = 40
PLANTED_ROWS = 400_000
FEWEST_RUNS = 10
SHIFT_SD = 0.2
MISSING_POINTS = 3.0
NEW_SHARE = 0.03
UNIT_FACTOR = 1000.0
MANY_BINS = 10

Signals = Mapping[str, Mapping[str, Signal]]
Change = Callable[[np.ndarray, np.random.Generator], Coded]


@dataclass(frozen=True)
class Planted:
    """A drift to plant: its name, the column it hits, and how the coded rows of a window (their positions) change."""

    name: str
    column: str
    change: Change


def rehearse(spec: MonitoringSpec, made: Made, rows: pl.DataFrame, seed: int) -> dict[str, Any]:
    """False alarms found in quiet windows against the budget, and planted drifts: share noticed within two windows, and delay.

    rows: the reference rows in contract types.
    """
    rng = np.random.default_rng(seed)
    signals: dict[str, dict[str, Signal]] = {}
    for signal in made.monitor.signals:
        signals.setdefault(signal.column, {})[signal.statistic] = signal
    windows = quiet_windows(made.reference, spec, spec.rehearsal_windows, rng)
    episodes = _episodes(made.watched, signals, windows)
    return {
        "bundle": made.monitor.bundle,
        "window_rows": spec.window_rows,
        "windows": spec.rehearsal_windows,
        "drawn": "consecutive windows in time order" if made.reference.knows_movement else "rows drawn with replacement",
        "false_alarms": _per_year(len(episodes), spec),
        "false_alarm_budget_per_year": spec.false_alarms_per_year,
        "false_alarms_by_signal": {name: episodes.count(name) for name in sorted(set(episodes))},
        "planted": [_noticed(p, spec, made, signals, rng) for p in _planted(made, rows)],
        "reference": dict(made.monitor.reference),
    }


def quiet_windows(reference: Reference, spec: MonitoringSpec, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row positions of windows: runs in time order from random starts, or rows at random where time says nothing."""
    n, size = len(reference.order), spec.window_rows
    if not reference.knows_movement:
        return [rng.integers(0, n, size) for _ in range(count)]
    windows: list[np.ndarray] = []
    while len(windows) < count:
        start = int(rng.integers(0, size))
        windows += [reference.order[at : at + size] for at in range(start, n - size + 1, size)]
    return windows[:count]


def _judge_window(watched: Watched, coded: Coded, signals: Mapping[str, Signal]) -> list[Judged]:
    kept = coded.bin >= 0
    counts = np.bincount(coded.bin[kept], minlength=watched.profile.bins.n + 1)
    readings = read(watched.profile, counts, int(coded.is_unseen[kept].sum()))
    return [judge(signals[r.statistic], r) for r in readings if r.statistic in signals]


def _at(watched: Watched, rows: np.ndarray) -> Coded:
    # A value that only its own window has would have been new to a monitor that had not seen that window.
    return Coded(watched.coded.bin[rows], watched.foreign[rows])


def _episodes(watched: Mapping[str, Watched], signals: Signals, windows: Sequence[np.ndarray]) -> list[str]:
    """One entry per new alarm of a signal; an alarm that lasts is one."""
    found: list[str] = []
    for column, of_column in signals.items():
        before: dict[str, Judged] = {}
        alarming: set[str] = set()
        for rows in windows:
            now = {str(j.signal.statistic): j for j in _judge_window(watched[column], _at(watched[column], rows), of_column)}
            fired = {name for name, judged in now.items() if fires(judged, before.get(name))}
            found += [f"{column}/{name}" for name in sorted(fired - alarming)]
            before, alarming = now, fired
    return found


def _per_year(episodes: int, spec: MonitoringSpec) -> dict[str, Any]:
    """Yearly rate with Garwood's exact Poisson interval (1936)."""
    from scipy.special import chdtri

    years = spec.rehearsal_windows / spec.windows_per_year
    tail = (1.0 - CONFIDENCE) / 2.0
    low = float(chdtri(2 * episodes, 1.0 - tail)) / 2.0 if episodes else 0.0
    high = float(chdtri(2 * episodes + 2, tail)) / 2.0
    return {"value": episodes / years, "low": low / years, "high": high / years, "confidence": CONFIDENCE, "unit": "false alarms per year"}


def _planted(made: Made, rows: pl.DataFrame) -> list[Planted]:
    features = [w for w in made.watched.values() if w.profile.role == "feature"]
    planted: list[Planted] = []
    ordered = [w for w in features if w.profile.is_ordered and w.profile.sd]
    ordered = [w for w in ordered if w.profile.bins.n >= MANY_BINS] or ordered
    if ordered:
        usual = _middle(made, ordered)
        x, sd = rows[usual.profile.name].cast(pl.Float64), float(usual.profile.sd or 0.0)
        planted.append(Planted(f"shift of {SHIFT_SD} sd", usual.profile.name, _recoded(usual, x + SHIFT_SD * sd)))
        planted.append(Planted(f"unit x{UNIT_FACTOR:.0f}", usual.profile.name, _recoded(usual, x * UNIT_FACTOR)))
    if features:
        whole = min(features, key=lambda w: (w.profile.counts[-1], w.profile.name))
        planted.append(Planted(f"missing +{MISSING_POINTS:.0f} points", whole.profile.name, _with_gaps(whole)))
    levels = [w for w in features if w.profile.bins.known]
    if levels:
        planted.append(Planted(f"new category {NEW_SHARE:.0%}", levels[0].profile.name, _with_news(levels[0])))
    return planted


def _middle(made: Made, ordered: Sequence[Watched]) -> Watched:
    """The column that is neither the quietest nor the most restless."""
    smallest = {s.column: s.smallest for s in made.monitor.signals if s.statistic == "shift"}
    ranked = sorted(ordered, key=lambda w: (smallest[w.profile.name], w.profile.name))
    return ranked[len(ranked) // 2]


def _recoded(watched: Watched, values: pl.Series) -> Change:
    coded = watched.profile.bins.code(values)
    return lambda rows, rng: Coded(coded.bin[rows], coded.is_unseen[rows])


def _with_gaps(watched: Watched) -> Change:
    def change(rows: np.ndarray, rng: np.random.Generator) -> Coded:
        coded = _at(watched, rows)
        gap = rng.random(len(rows)) < MISSING_POINTS / 100.0
        return Coded(np.where(gap, watched.profile.bins.n, coded.bin), coded.is_unseen & ~gap)

    return change


def _with_news(watched: Watched) -> Change:
    def change(rows: np.ndarray, rng: np.random.Generator) -> Coded:
        coded = _at(watched, rows)
        new = rng.random(len(rows)) < NEW_SHARE
        return Coded(np.where(new, watched.profile.bins.n - 1, coded.bin), coded.is_unseen | new)

    return change


def _noticed(planted: Planted, spec: MonitoringSpec, made: Made, signals: Signals, rng: np.random.Generator) -> dict[str, Any]:
    runs = int(np.clip(PLANTED_ROWS // (2 * spec.window_rows), FEWEST_RUNS, PLANTED_RUNS))
    windows = quiet_windows(made.reference, spec, 2 * runs, rng)
    delays = [_delay(planted, made, signals, windows[2 * run : 2 * run + 2], rng) for run in range(runs)]
    found = [delay for delay in delays if delay is not None]
    return {
        "drift": planted.name,
        "column": planted.column,
        "noticed": len(found) / runs,
        "within_windows": 2,
        "delay_windows": float(np.mean(found)) if found else None,
        "runs": runs,
    }


def _delay(planted: Planted, made: Made, signals: Signals, windows: Sequence[np.ndarray], rng: np.random.Generator) -> int | None:
    watched, of_column = made.watched[planted.column], signals[planted.column]
    before: dict[str, Judged] = {}
    for number, rows in enumerate(windows, start=1):
        now = {str(j.signal.statistic): j for j in _judge_window(watched, planted.change(rows, rng), of_column)}
        if any(fires(judged, before.get(name)) for name, judged in now.items()):
            return number
        before = now
    return None
