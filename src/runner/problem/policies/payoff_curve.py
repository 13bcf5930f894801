"""What the policy's free number changes: payoff out of fold at each of its values, with the chosen one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.payoff import action_values, decision_values
from runner.problem.policies.calibration.choice import paired
from runner.problem.policies.tuning import SHIFT_QUANTILES, Terms

POINTS = 60
Curve = Iterator[tuple[float, np.ndarray]]


def payoff_curve(terms: Terms, rows: pl.DataFrame, p: np.ndarray, outcome: np.ndarray, confidence: float, groups: np.ndarray | None = None) -> dict[str, Any]:
    """`x` (threshold, or what is added to a predicted number), `payoff` per row, its `low` and `high`, and `chosen`: the place of the policy's own.

    terms: with the policy as it ships. The band is that of each point by itself, from the standard error of the mean (of whole groups,
    (n,) codes, where rows belong together); {} where the policy has no such number.
    """
    from scipy.stats import norm

    policy = terms.policy
    points: Curve
    if terms.labels and policy["kind"] == "threshold" and rows.height:
        name, own, points = "threshold", float(policy["at"]), _thresholds(terms, rows, p, outcome)
    elif not terms.labels and policy["kind"] == "per_row" and policy["shift"] is not None and rows.height:
        name, own, points = "shift", float(policy["shift"]), _shifts(terms, rows, p[:, 0], outcome)
    else:
        return {}
    z = float(norm.ppf(0.5 + confidence / 2.0))
    found = []
    for x, earned in points:
        value, error = paired(earned, groups)
        found.append({"x": x, "payoff": value, "low": value - z * error, "high": value + z * error})
    columns = {key: [point[key] for point in found] for key in ("x", "payoff", "low", "high")}
    return {"of": name, **columns, "chosen": columns["x"].index(own), "confidence": confidence}


def _thresholds(terms: Terms, rows: pl.DataFrame, p: np.ndarray, outcome: np.ndarray) -> Curve:
    """The policy's own threshold and others, evenly spread over the rows' scores; payoff of each row."""
    policy, actions = terms.policy, list(terms.payoff["actions"])
    values = action_values(rows, terms.payoff, terms.labels)[np.arange(rows.height), :, outcome.astype(int)]
    act, otherwise = (values[:, actions.index(policy[key])] for key in ("act", "otherwise"))
    score = p[:, list(terms.labels).index(policy["label"])]
    for at in np.unique([*np.quantile(score, np.linspace(0.0, 1.0, POINTS), method="lower"), float(policy["at"])]):
        yield float(at), np.where(score >= at, act, otherwise)


def _shifts(terms: Terms, rows: pl.DataFrame, prediction: np.ndarray, outcome: np.ndarray) -> Curve:
    shifts = np.unique([0.0, float(terms.policy["shift"]), *np.quantile(outcome - prediction, SHIFT_QUANTILES)])
    for shift in shifts:
        yield float(shift), decision_values(rows, terms.payoff, prediction + shift, outcome)
