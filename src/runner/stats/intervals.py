"""The one form of a number with its uncertainty."""

from __future__ import annotations

from typing import Any

Interval = dict[str, Any]


def interval(value: float | None, low: float | None, high: float | None, confidence: float, unit: str, why: str | None = None) -> Interval:
    """A JSON-able interval; low and high are null only together, with the reason why."""
    made: Interval = {"value": value, "low": low, "high": high, "confidence": confidence, "unit": unit}
    return {**made, "why": why} if why else made


def unknown(value: float | None, confidence: float, unit: str, why: str) -> Interval:
    """An interval that cannot be told."""
    return interval(value, None, None, confidence, unit, why)
