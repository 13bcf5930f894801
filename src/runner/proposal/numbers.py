"""Round numbers, as a person would write them into a config."""

from __future__ import annotations

import math
from decimal import Decimal

STEPS = (1.0, 2.0, 5.0, 10.0)


def written(value: float) -> str:
    """A number in plain digits, at most six of them telling.

    >>> written(1e7), written(0.25), written(-3.0), written(1234.5678)
    ('10000000', '0.25', '-3', '1234.57')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = format(Decimal(f"{value:.6g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... at or above a positive number.

    >>> round_up(7043), round_up(2), round_up(0.3)
    (10000.0, 2.0, 0.5)
    """
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((float(f"{step * power:.6g}") for step in STEPS if step * power >= value), 10 * power)


def round_down(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, ... at or below a count, and at least 1.

    >>> round_down(3521), round_down(934), round_down(0)
    (2000, 500, 1)
    """
    if value < 1:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return max(int(step * power) for step in (1, 2, 5, 10) if step * power <= value)


def rounded_between(value: float, low: float, high: float) -> float:
    """A number near the value with as few digits as lie strictly between low and high.

    >>> rounded_between(12.0479, 11.0, 13.0), rounded_between(70.35, 70.0, 70.5)
    (12.0, 70.3)
    """
    for digits in range(1, 16):
        shorter = float(f"{value:.{digits}g}")
        if low < shorter < high:
            return shorter
    return value
