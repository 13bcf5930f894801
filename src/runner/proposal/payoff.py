"""What decisions are worth, as far as a person has said; else placeholders that flatter no model."""

from __future__ import annotations

from typing import Any

from runner.proposal.asked import Asked
from runner.proposal.numbers import rounded_between, written
from runner.proposal.outcome import Outcome
from runner.proposal.recipe import slug, unique
from runner.proposal.write import OneLine

ACT, LEAVE = "act", "leave"
NEAR = 0.1  # how far a placeholder may be rounded


def prices_of(outcome: Outcome, asked: Asked) -> tuple[float, float]:
    """What a right action is worth and (negative) what a wrong one costs.

    The placeholder for a binary task lets acting on everybody earn about nothing: whatever a model earns is its own.
    """
    if asked.has_payoff(outcome.task):
        return float(asked.right if asked.right is not None else 1.0), -abs(float(asked.wrong or 0.0))
    if outcome.task != "binary" or outcome.positive is None:
        return (1.0, 0.0) if outcome.task == "multiclass" else (1.0, -1.0)
    positives = outcome.labels[outcome.positive]
    others = sum(outcome.labels.values()) - positives
    if others >= positives:
        return _short(others / positives), -1.0
    return 1.0, -_short(positives / others)


def _short(ratio: float) -> float:
    return rounded_between(ratio, ratio * (1 - NEAR), ratio * (1 + NEAR))


def priced(outcome: Outcome, prices: tuple[float, float]) -> dict[str, Any]:
    """The payoff as config declares it: `actions` for labels, `sql` for a number."""
    right, wrong = prices
    if outcome.task == "regression":
        return {"sql": f"-{written(-wrong)} * ABS(decision - actual)" if wrong != -1 else "-1.0 * ABS(decision - actual)"}
    if outcome.task == "binary":
        others = [label for label in outcome.labels if label != outcome.positive]
        order = [str(outcome.positive), *others]
        worth = {ACT: [right, *[wrong] * len(others)], LEAVE: [0.0] * len(order)}
        return {"actions": {action: dict(zip(order, map(written, values), strict=True)) for action, values in worth.items()}}
    actions: dict[str, OneLine] = {}
    for label in outcome.labels:
        name = unique(f"as_{slug(label).removeprefix('column_')}", actions)
        actions[name] = OneLine({other: written(right if other == label else wrong) for other in outcome.labels})
    return {"actions": actions}
