"""The slope of a least-squares line through the values of a window, as a fold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from runner.bundle.history.fold import Array

DAY_US = 86_400_000_000
Over = Callable[[Array, Array, np.ufunc, float], Array]


def slope(over: Over, happened: Array, values: Array, entity: Array, where: Array, window: int | None) -> Array:
    """Change of the value a day at each position; NaN with fewer than two different times.

    over: folds values of events over positions; happened: microseconds; window: its length in microseconds, None for all.
    Sums of squares of times far from zero would lose the spread of a short window. So times are measured from the start of
    a cell as long as the window: a window touches at most two neighbouring cells, one even and one odd, summed apart.
    """
    entity = entity.astype(np.int64)
    # Values are measured from the entity's first, which changes no slope.
    _, first = np.unique(np.where(where, entity, -1), return_index=True)
    base = np.zeros(int(entity.max(initial=-1)) + 1)
    base[entity[first]] = np.where(where[first], values[first], 0.0)
    y = values - base[entity]
    if window is None:
        origin = np.zeros(base.size, np.int64)
        _, earliest = np.unique(entity, return_index=True)
        origin[entity[earliest]] = happened[earliest]
        cell, start = np.zeros_like(happened), origin[entity]
    else:
        cell = happened // window
        start = cell * window
    x = (happened - start) / DAY_US
    even, odd = (_sums(over, x, y, cell, where & ((cell & 1) == parity)) for parity in (0, 1))
    # The odd cell's times measured from the even cell's start.
    shift = np.where((even[1] > 0) & (odd[1] > 0), odd[0] - even[0], 0.0) * ((window or 0) / DAY_US)
    n = even[1] + odd[1]
    sx = even[2] + odd[2] + odd[1] * shift
    sy = even[3] + odd[3]
    sxx = even[4] + odd[4] + 2 * shift * odd[2] + odd[1] * shift**2
    sxy = even[5] + odd[5] + shift * odd[3]
    earliest, latest = over(happened, where, np.minimum, np.iinfo(np.int64).max), over(happened, where, np.maximum, np.iinfo(np.int64).min)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (n * sxy - sx * sy) / (n * sxx - sx**2)
    return np.where((latest > earliest) & np.isfinite(found), found, np.nan)


def _sums(over: Over, x: Array, y: Array, cell: Array, where: Array) -> tuple[Array, ...]:
    """The cell's number, and the sums of 1, x, y, xx and xy over it."""
    number = over(cell, where, np.maximum, np.iinfo(np.int64).min)
    sums = [over(values, where, np.add, 0.0) for values in (np.ones_like(x), x, y, x * x, x * y)]
    return (number.astype(np.float64), *sums)
