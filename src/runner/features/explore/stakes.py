"""The balance of the outcome and what it means in money: one action for all, a perfect model, and one more right decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.payoff import action_values, decision_values
from runner.features.explore.view import CONFIDENCE, View, rounded
from runner.stats.intervals import interval, unknown

TRIED = 21


def stakes(view: View) -> dict[str, Any]:
    """{"labels" or "target", "always", "perfect", "right", "unit", "rows_per_month"}; figures are per row, in the payoff's unit."""
    payoff = view.problem["payoff"]
    unit = f"{payoff['unit']} per row"
    told = _of_labels(view, payoff, unit) if view.is_share else _of_number(view, payoff, unit)
    return told | {"unit": payoff["unit"], "rows_per_month": payoff.get("rows_per_month")}


def _of_labels(view: View, payoff: Mapping[str, Any], unit: str) -> dict[str, Any]:
    actions, labels = list(payoff["actions"]), list(next(iter(payoff["actions"].values())))
    actual = view.rows[view.problem["target"]].cast(pl.String).cast(pl.Enum(labels)).to_physical().to_numpy()
    worth = action_values(view.rows, payoff, labels)[np.arange(view.rows.height), :, actual]
    counts = np.bincount(actual, minlength=len(labels))
    share = _capacity(view, worth, actions)
    always = _always(worth, actions, view.problem["policy"], share, unit)
    best = max(always, key=lambda a: a["earns"]["value"])
    perfect = _perfect(view, worth, actions, share)
    return {
        "labels": {label: {"rows": int(n), "share": rounded(n / max(1, len(actual)))} for label, n in zip(labels, counts, strict=True)},
        "always": always,
        "best": best["action"],
        "perfect": _mean(perfect, unit),
        "capacity": rounded(share),
        "right": _right(worth, actual, labels, actions),
    }


def _always(worth: np.ndarray, actions: Sequence[str], policy: Mapping[str, Any], share: float | None, unit: str) -> list[dict[str, Any]]:
    """What one action for every row earns; of an action with a capacity, for as many as it allows, drawn by chance."""
    if share is None:
        return [{"action": action, "earns": _mean(worth[:, at], unit)} for at, action in enumerate(actions)]
    act, otherwise = worth[:, actions.index(policy["act"])], worth[:, actions.index(policy["otherwise"])]
    return [
        {"action": policy["act"], "earns": _mean(share * act + (1.0 - share) * otherwise, unit)},
        {"action": policy["otherwise"], "earns": _mean(otherwise, unit)},
    ]


def _capacity(view: View, worth: np.ndarray, actions: Sequence[str]) -> float | None:
    """The share of the rows that can be acted on, None without a limit."""
    policy = view.problem["policy"]
    if policy["kind"] != "top_k":
        return None
    return float(_within(view, np.zeros(len(worth))).mean()) if len(worth) else 0.0


def _within(view: View, gain: np.ndarray) -> np.ndarray:
    """(n,) whether a row is among the best that the capacity reaches, in each of its periods."""
    policy = view.problem["policy"]
    order = pl.Series(-gain).rank("ordinal")
    if not policy.get("per"):
        return np.asarray((order <= max(1, len(gain) * policy["rows"] // policy["of_rows"])).to_numpy())
    every = {"day": "1d", "week": "1w", "month": "1mo"}[policy["per"]]
    framed = pl.DataFrame({"order": order, "period": view.rows[view.problem["time"]].dt.truncate(every)})
    return np.asarray(framed.select(pl.col("order").rank("ordinal").over("period") <= policy["rows"])["order"].to_numpy())


def _perfect(view: View, worth: np.ndarray, actions: Sequence[str], share: float | None) -> np.ndarray:
    if share is None:
        return np.asarray(worth.max(axis=1))
    policy = view.problem["policy"]
    act, otherwise = worth[:, actions.index(policy["act"])], worth[:, actions.index(policy["otherwise"])]
    return np.where((act > otherwise) & _within(view, act - otherwise), act, otherwise)


def _right(worth: np.ndarray, actual: np.ndarray, labels: Sequence[str], actions: Sequence[str]) -> list[dict[str, Any]]:
    """Of each label: the action that is right for it, and what one more right decision is worth beside the best other action."""
    found = []
    overall = worth.mean(axis=0) if len(worth) else np.zeros(len(actions))
    for at, label in enumerate(labels):
        rows = worth[actual == at]
        if not len(rows):
            continue
        means = rows.mean(axis=0)
        right = int(means.argmax())
        others = [a for a in range(len(actions)) if a != right]
        # The mistake that is made without a model: the action that is best for all rows, where it is wrong for these.
        wrong = max(others, key=lambda a: overall[a])
        found.append({"label": label, "right": actions[right], "wrong": actions[wrong], "worth": rounded(float(means[right] - means[wrong]))})
    return found


def _of_number(view: View, payoff: Mapping[str, Any], unit: str) -> dict[str, Any]:
    from runner.features.explore.skew import skewness

    rows = view.rows[view.drawn]
    actual = view.outcome[view.drawn, 0]
    if not len(actual):
        return {"target": {"rows": 0}, "always": [], "perfect": unknown(None, CONFIDENCE, unit, "no rows")}
    tried = np.unique(np.quantile(actual, np.linspace(0.0, 1.0, TRIED)))
    earned = [decision_values(rows, payoff, np.full(len(actual), d), actual) for d in tried]
    best = int(np.argmax([e.mean() for e in earned]))
    whole = view.outcome[:, 0]
    quarters = {
        name: rounded(float(q)) for name, q in zip(("least", "low", "middle", "high", "most"), np.quantile(whole, [0, 0.25, 0.5, 0.75, 1]), strict=True)
    }
    return {
        "target": {"rows": len(whole), "mean": rounded(float(whole.mean())), **quarters, "skew": rounded(skewness(whole), 4)},
        "always": [{"action": rounded(float(tried[best]), 3), "earns": _mean(earned[best], unit)}],
        "best": rounded(float(tried[best]), 3),
        "perfect": _mean(decision_values(rows, payoff, actual, actual), unit),
    }


def _mean(values: np.ndarray, unit: str) -> dict[str, Any]:
    """The mean with its interval, by the central limit theorem: of so many rows a resample would give the same."""
    from scipy.special import ndtri

    n = len(values)
    mean = rounded(float(values.mean())) if n else None
    if n < 2:
        return unknown(mean, CONFIDENCE, unit, f"only {n} rows")
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * float(values.std(ddof=1)) / float(np.sqrt(n))
    return interval(mean, rounded(float(values.mean()) - reach), rounded(float(values.mean()) + reach), CONFIDENCE, unit)
