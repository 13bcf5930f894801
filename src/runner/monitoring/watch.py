"""What is watched of a frame: the columns known at the decision, the model's answers, and what came true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from runner.bundle.contract import required
from runner.monitoring.profile import Role

EXPECTED = "model: expected_payoff"
DECISION = "model: decision"
PAYOFF = "outcome: payoff"


@dataclass(frozen=True)
class Terms:
    """What of a bundle decides what is watched.

    contract, policy: as the bundle holds them; classes: labels in the model's order, empty for regression.
    """

    contract: Mapping[str, Any]
    policy: Mapping[str, Any]
    classes: tuple[str, ...]

    @property
    def target(self) -> str:
        return str(self.contract["target"])

    @property
    def time(self) -> str | None:
        time = self.contract.get("time")
        return None if time is None else str(time)

    @property
    def decides_by_period(self) -> bool:
        """Whether decisions depend on how many rows of a period stand in the batch, so that batches cannot be compared."""
        return self.policy["kind"] == "top_k" and bool(self.policy["per"])


@dataclass(frozen=True)
class Series:
    """A watched column: its name for people, what it is, its values."""

    name: str
    role: Role
    values: pl.Series


def features(rows: pl.DataFrame, terms: Terms) -> list[Series]:
    """The contract columns known at the decision, without keys, time and target. rows: in contract types."""
    hidden = {terms.target, terms.time, *terms.contract.get("key", [])}
    shown = [name for name in required(terms.contract) if name not in hidden and name in rows.columns]
    return [Series(name, "feature", rows[name]) for name in shown]


def answers(scored: pl.DataFrame, terms: Terms) -> list[Series]:
    """The model's answers. scored: score output, or out-of-fold predictions with null where a row has none."""
    if not terms.classes:
        found = [Series("model: prediction", "score", scored["prediction"])]
    else:
        # Of two classes the second says it all.
        told = terms.classes if len(terms.classes) > 2 else terms.classes[-1:]
        found = [Series(f"model: p_{label}", "score", scored[f"p_{label}"]) for label in told]
        if not terms.decides_by_period:
            found.append(Series(DECISION, "decision", scored["decision"]))
    return [*found, Series(EXPECTED, "score", scored["expected_payoff"])]


def outcomes(actual: pl.Series, payoff: pl.Series, terms: Terms) -> list[Series]:
    """What came true and what it earned."""
    return [Series(f"outcome: {terms.target}", "target", actual), Series(PAYOFF, "payoff", payoff)]


def alarmed(name: str, terms: Terms) -> bool:
    """Whether a watched column may alarm; money that depends on a period's capacity is only profiled."""
    return not (terms.decides_by_period and name in {EXPECTED, PAYOFF})
