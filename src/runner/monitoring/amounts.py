"""Mean and spread of numbers however large: a sum that a float cannot hold is no reason to lose a report."""

from __future__ import annotations

import numpy as np

USUAL = 1e100
"""Squares of such numbers, and sums of many of those, are far from what a float cannot hold."""


def mean(x: np.ndarray) -> float | None:
    """Mean of (n,) Float64; None where there is no row, or a value is itself no finite number.

    >>> mean(np.array([1e308, 1e308])), mean(np.array([1.0, 2.0])), mean(np.array([np.inf])), mean(np.array([]))
    (1e+308, 1.5, None, None)
    """
    if len(x) == 0 or not np.isfinite(x).all():
        return None
    scale = _scale(x)
    return float((x / scale).mean()) * scale


def sd(x: np.ndarray, ddof: int = 0) -> float | None:
    """Standard deviation of (n,) Float64, n > ddof; None where there is none that a float can hold.

    >>> sd(np.array([-1e308, 1e308])), sd(np.array([-1e308, 1e308]), ddof=1), sd(np.array([1.0, 3.0]))
    (1e+308, 1.4142135623730951e+308, 1.0)
    """
    if len(x) <= ddof or not np.isfinite(x).all():
        return None
    scale = _scale(x)
    return finite(float((x / scale).std(ddof=ddof)) * scale)


def _scale(x: np.ndarray) -> float:
    # Numbers of a usual size stay as they are, to the last bit; larger ones are summed as parts of the largest.
    largest = float(np.abs(x).max())
    return largest if largest > USUAL else 1.0


def finite(value: float) -> float | None:
    """The value, or None for what JSON cannot hold.

    >>> finite(1.5), finite(float("inf"))
    (1.5, None)
    """
    return value if np.isfinite(value) else None
