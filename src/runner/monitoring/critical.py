"""Critical values: how far a statistic goes in quiet years, found by simulating the very rule that is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

YEARS = 20_000
LONGEST_REFERENCE = 78
LONGEST_YEAR = 52
RHO_GRID = (0.5, 0.75, 1.0)
TAIL_DEGREES = 5
TAIL_POINTS = (20, 200)


class Curves(Protocol):
    """Critical values for a yearly rate of false alarms of one signal."""

    def once(self, rate: float, share: float) -> float:
        """|z| that one window exceeds `rate` times a year; share: natural share of the signal's variance."""

    def twice(self, rate: float, share: float) -> float:
        """|z| that two windows in a row exceed on the same side `rate` times a year."""


@dataclass(frozen=True)
class SamplingOnly:
    """Independent normal windows: what is left when natural movement cannot be known."""

    windows_per_year: int

    def once(self, rate: float, share: float) -> float:
        from scipy.special import ndtri

        return float(-ndtri(min(rate / self.windows_per_year, 0.5) / 2.0))

    def twice(self, rate: float, share: float) -> float:
        from scipy.special import ndtri

        # Both windows on one given side have p^2, and there are two sides.
        return float(-ndtri(min(np.sqrt(rate / self.windows_per_year / 2.0), 0.4)))


@dataclass(frozen=True)
class Simulated:
    """Yearly maxima of simulated quiet years, sorted upward, for each natural share of RHO_GRID."""

    once_maxima: tuple[np.ndarray, ...]
    twice_maxima: tuple[np.ndarray, ...]
    years_per_run: float

    def once(self, rate: float, share: float) -> float:
        return self._between(self.once_maxima, rate, share)

    def twice(self, rate: float, share: float) -> float:
        return self._between(self.twice_maxima, rate, share)

    def _between(self, maxima: tuple[np.ndarray, ...], rate: float, share: float) -> float:
        values = [_exceeded(m, rate * self.years_per_run) for m in maxima]
        return float(np.interp(share, RHO_GRID, values))


def simulate(reference_windows: int, windows_per_year: int, phi: float, seed: int, years: int = YEARS) -> Simulated:
    """Quiet years of a standardised signal: AR(1) with heavy-tailed (t5) innovations plus white noise, judged by mean and sd
    of its own reference windows. Longer references and years than LONGEST_* are cut: the first errs to caution, the second scales.
    """
    n_reference, horizon = min(reference_windows, LONGEST_REFERENCE), min(windows_per_year, LONGEST_YEAR)
    rng = np.random.default_rng(seed)
    steps = n_reference + horizon
    shock = rng.standard_t(TAIL_DEGREES, (steps, years)) / np.sqrt(TAIL_DEGREES / (TAIL_DEGREES - 2.0))
    white = rng.standard_normal((steps, years))
    moving = shock
    for step in range(1, steps):
        moving[step] = phi * moving[step - 1] + np.sqrt(1.0 - phi**2) * shock[step]
    pairs = [_yearly_maxima(np.sqrt(rho) * moving + np.sqrt(1.0 - rho) * white, n_reference, np.sqrt(1.0 - rho)) for rho in RHO_GRID]
    return Simulated(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), horizon / windows_per_year)


def _yearly_maxima(x: np.ndarray, n_reference: int, sampling_sd: float) -> tuple[np.ndarray, np.ndarray]:
    known = x[:n_reference]
    z = (x[n_reference:] - known.mean(axis=0)) / np.maximum(known.std(axis=0, ddof=1), sampling_sd)
    once = np.abs(z).max(axis=0)
    if len(z) < 2:
        return np.sort(once), np.sort(np.zeros_like(once))
    up, down = np.minimum(z[1:], z[:-1]).max(axis=0), np.minimum(-z[1:], -z[:-1]).max(axis=0)
    return np.sort(once), np.sort(np.maximum(np.maximum(up, down), 0.0))


def _exceeded(maxima: np.ndarray, rate: float) -> float:
    """The value that a share 1 - exp(-rate) of the runs exceeds; beyond the simulation a power-law tail goes on."""
    above = -np.expm1(-rate) * len(maxima)
    if above >= TAIL_POINTS[0]:
        return float(maxima[len(maxima) - 1 - min(int(above), len(maxima) - 1)])
    near, far = (float(maxima[len(maxima) - points]) for points in TAIL_POINTS)
    if far <= 0.0:
        return near
    slope = np.log(near / far) / np.log(TAIL_POINTS[1] / TAIL_POINTS[0])
    return float(near * (TAIL_POINTS[0] / max(above, 1e-12)) ** slope)
