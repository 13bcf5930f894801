"""One number about an entity's past, from what is held of it and the events since.

Sums are exact and rounded once, so that no order of arrival and no way of cutting the past into pieces leaves a trace
in the result: what is computed here for one row has the bits of what the step computes for all training rows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import fsum
from typing import Any, TypeVar

import numpy as np

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
LARGEST = 1e100
"""A value beyond it counts as missing: sums of squares must stay finite."""
N_SUMS = 4

Number = TypeVar("Number", float, np.ndarray[Any, np.dtype[Any]])
Pair = tuple[int, float]
"""When an event happened (microseconds since 1970), and its value."""
Held = list[Any]
"""What is kept of events that are not kept themselves, by `how`: see `held`."""


@dataclass(frozen=True)
class Aggregate:
    """A declared aggregate. of: SQL over the event's row, None where every event counts; within_us: length of its window, None for all of the past."""

    name: str
    how: str
    of: str | None = None
    within_us: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def value(aggregate: Aggregate, before: Held | None, events: Sequence[Pair], at: int) -> float | None:
    """The aggregate for a row whose time is `at`; None where no event counts (0 for count).

    before: of an aggregate without a window, what is held of the events that are not among `events`; events: those that are
    known before `at` and within the window, each with a value, in any order.
    """
    how = aggregate.how
    if how == "trend":
        return _trend(before, events, at, aggregate.within_us)
    if how == "count":
        return int(before[0] if before else 0) + len(events)
    if not before and not events:
        return None
    if how in ("sum", "mean"):
        n, *parts = before or [0]
        total = fsum([*parts, *(v for _, v in events)])
        return total if how == "sum" else total / (n + len(events))
    if how == "hours_since_last":
        return float((at - max([*(before or []), *(h for h, _ in events)])) / HOUR_US)
    if how == "last":
        # Of events at the same moment the one with the greatest value: the order in which they arrived means nothing.
        return float(max([*([tuple(before)] if before else []), *events])[1])
    values = [*(before or []), *(v for _, v in events)]
    return float(min(values) if how == "min" else max(values))


def held(aggregate: Aggregate, before: Held | None, events: Sequence[Pair]) -> Held | None:
    """What to keep of events that are kept no longer, beside what is held already; None where there is nothing.

    count: [n]; sum, mean: [n, numbers that add up to the sum]; min, max: [value]; last: [when, value]; hours_since_last: [when];
    trend: [origin, earliest, latest, n, and as lists the numbers that add up to the sums of x, xx, y and xy].
    """
    if not events:
        return before
    how, values = aggregate.how, [v for _, v in events]
    if how == "count":
        return [(before[0] if before else 0) + len(events)]
    if how in ("sum", "mean"):
        n, *parts = before or [0]
        return [n + len(events), *parts_of([*parts, *values])]
    if how == "hours_since_last":
        return [max([*(before or []), *(h for h, _ in events)])]
    if how == "last":
        return list(max([*([tuple(before)] if before else []), *events]))
    if how in ("min", "max"):
        return [(min if how == "min" else max)([*(before or []), *values])]
    times = [h for h, _ in events]
    origin, earliest, latest, n, *sums = before or [events[0][0], times[0], times[0], 0, *([] for _ in range(N_SUMS))]
    terms = _terms(events, origin)
    return [origin, min(earliest, *times), max(latest, *times), n + len(events), *(parts_of([*s, *t]) for s, t in zip(sums, terms, strict=True))]


def parts_of(numbers: Iterable[float]) -> list[float]:
    """A few numbers with the same exact sum. Source: Shewchuk (1997), as in the recipe behind math.fsum.

    >>> parts_of([1e100, 1.0, -1e100, 2.0])
    [3.0]
    """
    parts: list[float] = []
    for number in numbers:
        x, kept = float(number), 0
        for part in parts:
            large, small = (x, part) if abs(x) >= abs(part) else (part, x)
            x = large + small
            rest = small - (x - large)
            if rest:
                parts[kept] = rest
                kept += 1
        parts[kept:] = [x] if x or not kept else []
    return parts


def _terms(events: Sequence[Pair], start: int) -> tuple[list[float], ...]:
    """x, xx, y and xy of each event; x in days from the start."""
    x = [(h - start) / DAY_US for h, _ in events]
    y = [v for _, v in events]
    return x, [a * a for a in x], y, [a * b for a, b in zip(x, y, strict=True)]


def _trend(before: Held | None, events: Sequence[Pair], at: int, window: int | None) -> float | None:
    if window is None:
        origin, earliest, latest, n, *sums = before or [events[0][0] if events else 0, *(events[0][0] if events else 0,) * 2, 0, *([] for _ in range(N_SUMS))]
        times = [earliest, latest, *(h for h, _ in events)]
        found = slope(n + len(events), *(fsum([*s, *t]) for s, t in zip(sums, _terms(events, origin), strict=True)))
        return quotient(*found) if min(times) < max(times) else None
    if len({h for h, _ in events}) < 2:
        return None
    # Times are measured from the start of a cell as long as the window, of which a window touches two.
    cell = (at - window) // window
    older, newer = ([e for e in events if (e[0] // window == cell) == is_older] for is_older in (True, False))
    sums_of = [(float(len(part)), *(fsum(t) for t in _terms(part, start))) for part, start in ((older, cell * window), (newer, (cell + 1) * window))]
    return quotient(*slope(*joined(sums_of[0], sums_of[1], window / DAY_US)))


def quotient(above: float, below: float) -> float | None:
    """A slope from its two parts; None where rounding has left no spread of times."""
    return above / below if below > 0 else None


def joined(older: tuple[Number, ...], newer: tuple[Number, ...], shift: float) -> tuple[Number, ...]:
    """n and the sums of x, xx, y, xy of two cells together. shift: days from the start of the older cell to that of the newer."""
    (n, x, xx, y, xy), (m, a, aa, b, ab) = older, newer
    return n + m, x + (a + m * shift), xx + (aa + 2 * shift * a + m * (shift * shift)), y + b, xy + (ab + shift * b)


def slope(n: Number, x: Number, xx: Number, y: Number, xy: Number) -> tuple[Number, Number]:
    """Least-squares change of y a day, as numerator and denominator, from n and the sums of x, xx, y, xy."""
    return n * xy - x * y, n * xx - x * x
