"""Sums of floats that are exact however many are added and taken out again, as three whole numbers each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
LIMB = 32
WIDE = 90
"""Bits from the unit of the sums up to the largest value: 2**27 of the largest can be summed, and what is 2**-37 of it keeps all its digits."""


@dataclass(frozen=True)
class Exact:
    """Whole multiples of 2**(exponent - WIDE), one per row. limbs: (3, n) Int64, worth 2**64, 2**32 and 1 of them."""

    limbs: Array
    exponent: int

    @classmethod
    def of(cls, values: Array) -> Exact:
        """values: (n,) Float64, finite."""
        exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
        rest = np.ldexp(values, WIDE - exponent)
        limbs = np.empty((3, values.size), np.int64)
        for place, bits in enumerate((2 * LIMB, LIMB)):
            # Cut towards zero: what is left is a float again, without rounding.
            whole = np.trunc(np.ldexp(rest, -bits))
            limbs[place] = whole
            rest = rest - np.ldexp(whole, bits)
        limbs[2] = np.rint(rest)
        return cls(limbs, exponent)

    def prefixes(self, order: Array) -> Array:
        """(3, n + 1) the sums of the limbs of the first so many values in an order."""
        sums = np.zeros((3, order.size + 1), np.int64)
        np.cumsum(self.limbs[:, order], axis=1, out=sums[:, 1:])
        return sums

    def parts(self, sums: Array) -> tuple[Array, Array, Array]:
        """Three floats each whose exact sum is that of the limbs, (3, n) Int64."""
        high, middle, low = sums
        middle = middle + (low >> LIMB)
        high, middle, low = high + (middle >> LIMB), middle & (2**LIMB - 1), low & (2**LIMB - 1)
        scaled = (np.ldexp(limb.astype(float), bits + self.exponent - WIDE) for limb, bits in ((high, 2 * LIMB), (middle, LIMB), (low, 0)))
        one, two, three = scaled
        return one, two, three

    def rounded(self, sums: Array) -> Array:
        """The sums of limbs as the nearest floats, as math.fsum gives them. Source: Boldo and Melquiond (2008), sums of three numbers."""
        a, b, c = self.parts(sums)
        upper, lower = _added(b, c)
        total, rest = _added(a, upper)
        # Rounded to odd, the small part cannot be rounded twice.
        tail, error = _added(rest, lower)
        even = (tail.view(np.int64) & 1) == 0
        tail = np.where((error != 0) & even, np.nextafter(tail, np.where(error > 0, np.inf, -np.inf)), tail)
        return total + tail


def _added(a: Array, b: Array) -> tuple[Array, Array]:
    """The rounded sum and its error. Source: Knuth, The Art of Computer Programming, volume 2."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)
