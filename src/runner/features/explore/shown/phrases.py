"""Words for parts of features and for the outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.report.numbers import count, figure, number, percent
from runner.report.reading import Record, amount, at, record, text
from runner.report.words import shorten

LONGEST_NAME, LONGEST_VALUE = 40, 30
PLAIN_BELOW = 10_000


@dataclass(frozen=True)
class Outcome:
    """target: its column; is_share: whether means are shares of a label; unit: of a number; of_several: whether there are more than two labels."""

    target: str
    is_share: bool
    unit: str
    of_several: bool = False

    @classmethod
    def of(cls, found: Record) -> Outcome:
        """From exploration.json."""
        task = text(found, "outcome", "task")
        return cls(text(found, "outcome", "target"), task != "regression", text(found, "outcome", "unit"), task == "multiclass")

    def value(self, mean: float | None) -> str:
        """A mean of the outcome."""
        if mean is None:
            return "unknown"
        return percent(mean, 0 if 0.095 <= mean <= 0.905 else 1) if self.is_share else figure(mean)

    def axis(self, label: str) -> str:
        """What a plot of means shows."""
        if self.is_share:
            return f"share with {shorten(self.target, LONGEST_NAME)} {shorten(label, LONGEST_VALUE)}"
        return f"mean {shorten(self.target, LONGEST_NAME)}" + (f", {self.unit}" if self.unit else "")

    def subject(self, label: str) -> str:
        """What a sentence about means is about."""
        target = shorten(self.target, LONGEST_NAME)
        return f"{target} is {shorten(label, LONGEST_VALUE)} in" if self.is_share else f"{target} is on average"


def name_of(found: Record, key: str = "name") -> str:
    """A feature's name, shortened."""
    return shorten(text(found, key), LONGEST_NAME)


def part_name(part: Mapping[str, Any], whole: bool = False) -> str:
    """A part of a feature as a label. whole: whether its numbers are whole.

    >>> part_name({"from": 10.0, "to": 20.0}, whole=True), part_name({"from": None, "to": 0.5}), part_name({"value": "own"})
    ('10 to 19', 'under 0.5', 'own')
    >>> part_name({"above": 0.0, "to": 2.0}), part_name({"other": 4}), part_name({"missing": True}), part_name({"from": 1990.0, "to": None})
    ('above 0, under 2', '4 other values', 'missing', '1990 or more')
    """
    if "missing" in part:
        return "missing"
    if "other" in part:
        return "1 other value" if part["other"] == 1 else f"{count(part['other'])} other values"
    if "value" in part:
        known = number(part["value"])
        return shorten(part["value"], LONGEST_VALUE) if known is None else edge(known)
    return _span(number(part.get("from")), number(part.get("to")), number(part.get("above")), whole)


def _span(low: float | None, high: float | None, above: float | None, whole: bool) -> str:
    if above is not None:
        return f"above {edge(above)}" + ("" if high is None else f", under {edge(high)}")
    if low is None:
        return "all" if high is None else f"under {edge(high)}"
    if high is None:
        return f"{edge(low)} or more"
    if whole and low.is_integer() and high.is_integer():
        return edge(low) if high - low == 1 else f"{edge(low)} to {edge(high - 1)}"
    return f"{edge(low)} to {edge(high)}"


def edge(value: float) -> str:
    """An end of a part: as short as it can be, years without a separator.

    >>> edge(1990.0), edge(12500.0), edge(0.25), edge(-2.0)
    ('1990', '12,500', '0.25', '-2')
    """
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}" if abs(value) >= PLAIN_BELOW else f"{value:.0f}"
    return f"{value:.4g}"


def where(name: str, part: Mapping[str, Any], whole: bool = False) -> str:
    """The rows of a part, in a sentence.

    >>> where("age", {"from": None, "to": 20.0}), where("home", {"missing": True})
    ('where age is under 20', 'where home is missing')
    """
    return f"where {name} is {part_name(part, whole)}"


def features_of(found: Record) -> dict[str, Record]:
    """Features by name."""
    return {text(f, "name"): f for f in at(found, "features") or [] if isinstance(f, Mapping)}


def unit_note(feature: Record) -> str:
    """What a feature's numbers count, as a sentence; empty where nothing is declared."""
    return f"{name_of(feature)} in {text(feature, 'unit')}." if text(feature, "unit") else ""


def money(value: float | None, found: Record) -> tuple[float, str]:
    """A figure per row as people budget it, and its unit with the time or rows it is over."""
    stakes = record(found, "stakes")
    month = amount(stakes, "rows_per_month")
    factor, over = (month, "a month") if month else (1000.0, "per 1,000 rows")
    return (value or 0.0) * factor, f"{text(stakes, 'unit')} {over}"
