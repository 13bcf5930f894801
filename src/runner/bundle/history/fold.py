"""Folding values over ranges of positions: what holds at each position, whatever starts and ends around it."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def fold(starts: Array, ends: Array, values: Array, size: int, how: np.ufunc, nothing: float) -> Array:
    """For each of `size` positions, `how` over all values whose range [start, end) covers it; `nothing` where there are none.

    starts, ends: Int64, start < end <= size; how: a commutative ufunc such as np.add or np.minimum; values: Int64 or Float64.
    A segment tree over the positions: nothing is ever subtracted, so a large value leaves no rounding behind when its range
    ends, and the least and the greatest can be folded like sums. O((values + positions) log(range)) time, 2 size memory.
    """
    if not starts.size:
        return np.full(size, nothing, values.dtype)
    tree = np.full(2 * max(size, 1), nothing, values.dtype)
    left, right, held = starts + size, ends + size, values
    while left.size:
        # A range is made of whole nodes: at each level the odd one on its left, and the one before its end on the right.
        odd = (left & 1).astype(bool)
        how.at(tree, left[odd], held[odd])
        left = left + odd
        odd = (right & 1).astype(bool)
        right = right - odd
        how.at(tree, right[odd], held[odd])
        left, right = left >> 1, right >> 1
        open_still = left < right
        left, right, held = left[open_still], right[open_still], held[open_still]
    level = 1
    while level < size:
        end = min(2 * level, size)
        for child in (0, 1):
            below = tree[2 * level + child : 2 * end : 2]
            how(below, tree[level:end], out=below)
        level *= 2
    return tree[size : 2 * size]
