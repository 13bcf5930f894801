"""The few numbers of a run that fit on one line of `dvc metrics show`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DIGITS = 4


def numbers(metrics: Mapping[str, Any], baseline: str) -> dict[str, float]:
    """Payoff and gain over the criterion's baseline with the low end of each, then the scores; rounded, one level deep.

    What is unknown is left out: metrics.json says why.

    >>> told = {"payoff": {"value": 71.5964, "low": 65.21, "high": 77.0}, "gain": {}, "scores": {"roc_auc": {"value": 0.848514}}}
    >>> numbers(told, "officer")
    {'payoff': 71.6, 'payoff_low': 65.21, 'roc_auc': 0.8485}
    """
    found = [("payoff", metrics["payoff"]), ("gain", metrics["gain"].get(baseline, {}))]
    ends = [(name + end, report.get(key)) for name, report in found for end, key in (("", "value"), ("_low", "low"))]
    scores = [(name, score.get("value")) for name, score in metrics["scores"].items()]
    return {name: float(f"{value:.{DIGITS}g}") for name, value in (*ends, *scores) if value is not None}
