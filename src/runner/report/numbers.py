"""Numbers as people read them: three significant digits, thousands separators, units, intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any, Self

DIGITS = 3
PER_ROW = " per row"
ROWS_SHOWN = 1000
SMALLEST_PLAIN = 1e-4
MOST_PLACES = 12
LARGEST_PLAIN = 1e15


def count(number: float) -> str:
    """A count.

    >>> count(4454), count(12)
    ('4,454', '12')
    """
    return f"{round(number):,}"


def figure(value: float, digits: int = DIGITS, signed: bool = False) -> str:
    """A measured number, rounded to significant digits.

    >>> figure(31234.5), figure(17.629), figure(0.012345), figure(-0.0), figure(2.0)
    ('31,200', '17.6', '0.0123', '0', '2')
    >>> figure(54.02, signed=True), figure(0.0000123)
    ('+54', '1.23e-05')
    """
    if not isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    if not SMALLEST_PLAIN <= abs(value) < LARGEST_PLAIN:
        return f"{value:+.{digits - 1}e}" if signed else f"{value:.{digits - 1}e}"
    text = _fixed(value, _places(abs(value), digits))
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"+{text}" if signed and value > 0 else text


def told(value: object) -> str:
    """A limit or a finding of a gate: words as they are, whole numbers in full, other numbers rounded.

    >>> told("5 MB"), told(4454), told(32.6659774411), told(None), told(True)
    ('5 MB', '4,454', '32.7', '', 'yes')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return count(value) if isfinite(value) and float(value).is_integer() else figure(value)
    return str(value)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage.

    >>> percent(0.28150), percent(0.5, 0), percent(None), percent(-0.0001)
    ('28.1%', '50%', 'unknown', '0.0%')
    """
    # Adding zero takes the sign off what is rounded to nothing.
    return "unknown" if share is None else f"{round(100 * share, digits) + 0.0:.{digits}f}%"


def confidence(level: float) -> str:
    """A confidence without needless digits.

    >>> confidence(0.99), confidence(0.975), confidence(0.9)
    ('99%', '97.5%', '90%')
    """
    return f"{100 * level:.4g}%"


def size(n_bytes: float) -> str:
    """Bytes for people (decimal prefixes).

    >>> size(293386), size(5_000_000), size(120)
    ('293 kB', '5 MB', '120 B')
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= factor:
            return f"{figure(n_bytes / factor)} {unit}"
    return f"{count(n_bytes)} B"


def moment(text: str) -> str:
    """A moment without a midnight that says nothing.

    >>> moment("2009-05-11T00:00:00Z"), moment("2013-01-01T05:15:00Z"), moment("2016-07-02")
    ('2009-05-11', '2013-01-01 05:15', '2016-07-02')
    """
    day, _, clock = text.partition("T")
    return day if clock in ("", "00:00:00Z") else f"{day} {clock.removesuffix('Z').removesuffix(':00')}"


def number(value: object) -> float | None:
    """The value as a finite number, or None.

    >>> number(2), number("2"), number(True), number(float("nan"))
    (2.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return float(value)


@dataclass(frozen=True)
class Interval:
    """A number with what is known of it: value, ends (None with a reason), confidence and unit."""

    value: float
    low: float | None
    high: float | None
    confidence: float | None = None
    unit: str = ""
    why: str = ""

    @classmethod
    def of(cls, found: object) -> Self | None:
        """From the JSON form; None when there is no number.

        >>> Interval.of({"value": 17.63, "low": -0.0357, "high": 31.93, "confidence": 0.99, "unit": "EUR per row"}).text()
        '17.6 (-0.04 to 31.9) EUR per row'
        """
        if not isinstance(found, Mapping):
            return None
        value = number(found.get("value"))
        if value is None:
            return None
        fields: Mapping[str, Any] = found
        low, high, level = (number(fields.get(name)) for name in ("low", "high", "confidence"))
        return cls(value, low, high, level, str(fields.get("unit", "")), str(fields.get("why", "")))

    def span(self) -> str:
        """Value and ends with as many decimals as the widest of them deserves.

        >>> Interval(31234.0, 25111.0, 37298.0).span(), Interval(3.0, None, None, why="12 rows").span()
        ('31,200 (25,100 to 37,300)', '3 (no interval: 12 rows)')
        """
        if self.low is None or self.high is None:
            return f"{figure(self.value)} (no interval{f': {self.why}' if self.why else ''})"
        value, low, high = self.rounded()
        return f"{value} ({low} to {high})"

    def rounded(self) -> tuple[str, str, str]:
        """Value, low and high as text, rounded alike; an unknown end is empty."""
        known = [abs(n) for n in (self.value, self.low, self.high) if n is not None]
        places = _places(max(known), DIGITS) if any(known) else 0
        value, low, high = ("" if n is None else _near_zero(n, places) for n in (self.value, self.low, self.high))
        return value, low, high

    def text(self) -> str:
        """The span with its unit."""
        return f"{self.span()} {self.unit}".rstrip()

    def scaled(self, factor: float, unit: str) -> Interval:
        """The same in another unit.

        >>> Interval(1.5, 1.0, 2.0, 0.95, "EUR per row").scaled(400, "EUR a month").text()
        '600 (400 to 800) EUR a month'
        """
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Interval(self.value * factor, low, high, self.confidence, unit, self.why)

    def turned(self) -> Interval:
        """The same with the other sign: a gain as a loss.

        >>> Interval(-5.0, -8.0, -2.0).turned().span()
        '5.00 (2.00 to 8.00)'
        """
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Interval(-self.value, low, high, self.confidence, self.unit, self.why)


def in_percent(found: Interval) -> str:
    """A share with its ends.

    >>> in_percent(Interval(0.894, 0.822, 0.945)), in_percent(Interval(0.9, None, None))
    ('89.4% (82.2% to 94.5%)', '90.0%')
    """
    if found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"


def in_money(per_row: Interval, rows_per_month: float | None) -> tuple[Interval, str]:
    """A payoff per row as people budget it, and over what: a month where its rows are declared, else 1,000 rows.

    >>> found, over = in_money(Interval(2.0, 1.0, 3.0, 0.95, "EUR per row"), None)
    >>> found.text(), over
    ('2,000 (1,000 to 3,000) EUR', 'per 1,000 rows')
    """
    unit = per_row.unit.removesuffix(PER_ROW)
    if rows_per_month:
        return per_row.scaled(rows_per_month, unit), "a month"
    return per_row.scaled(ROWS_SHOWN, unit), f"per {count(ROWS_SHOWN)} rows"


def _places(largest: float, digits: int) -> int:
    return digits - 1 - floor(log10(largest))


def _fixed(value: float, places: int) -> str:
    text = f"{round(value, places):,.{min(max(places, 0), MOST_PLACES)}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _near_zero(value: float, places: int) -> str:
    """Fixed places, but a number that is not zero never reads as zero."""
    if not value:
        return "0"
    if places > MOST_PLACES:
        return figure(value)
    return _fixed(value, places) if round(value, places) else figure(value, 1)
