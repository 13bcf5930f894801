"""From probabilities to actions and what they are expected to earn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.payoff import Payoff, action_values, decision_values

Policy = Mapping[str, Any]
VALUED_AT_ONCE = 200_000
# The policies that a bundle decides by, and what each must say.
POLICIES = {
    "per_row": ("shift",),
    "threshold": ("act", "otherwise", "label", "at"),
    "top_k": ("act", "otherwise", "rows", "of_rows", "per", "even_at_a_loss"),
}
PERIODS = {"day": "1d", "week": "1w", "month": "1mo"}


def decide(rows: pl.DataFrame, p: np.ndarray, labels: Sequence[str], policy: Policy, payoff: Payoff) -> pl.DataFrame:
    """Two columns, one row per row: `decision` (action name) and `expected_payoff` (Float64).

    rows: contract columns; p: (n, labels) calibrated probabilities; policy: see problem/policies.
    """
    values = action_values(rows, payoff, labels)
    expected = np.einsum("nal,nl->na", values, p)
    actions = list(payoff["actions"])
    chosen = _choose(rows, p, expected, labels, actions, policy)
    earned = expected[np.arange(rows.height), chosen]
    return pl.DataFrame({"decision": pl.Series(np.array(actions, dtype=object)[chosen].tolist(), dtype=pl.String), "expected_payoff": earned})


def _choose(rows: pl.DataFrame, p: np.ndarray, expected: np.ndarray, labels: Sequence[str], actions: Sequence[str], policy: Policy) -> np.ndarray:
    if policy["kind"] == "per_row":
        return np.asarray(expected.argmax(axis=1))
    act, otherwise = actions.index(policy["act"]), actions.index(policy["otherwise"])
    if policy["kind"] == "threshold":
        return np.where(p[:, labels.index(policy["label"])] >= policy["at"], act, otherwise)
    gain = expected[:, act] - expected[:, otherwise]
    return np.where(within_capacity(rows, gain, policy), act, otherwise)


def within_capacity(rows: pl.DataFrame, gain: np.ndarray, policy: Policy) -> np.ndarray:
    """(n,) Boolean: the rows with the highest gain up to each period's capacity; ties go to earlier rows.

    A batch smaller than `of_rows` gets its share of the capacity, rounded up.
    """
    if policy["per"]:
        period = rows.select(pl.col(policy["time"]).cast(pl.Datetime("us")).dt.truncate(PERIODS[policy["per"]]).alias("period"))["period"]
    else:
        period = pl.repeat(0, rows.height, eager=True)
    ranked = pl.DataFrame({"period": period, "gain": gain}).with_columns(
        place=pl.col("gain").rank("ordinal", descending=True).over("period"), size=pl.len().over("period")
    )
    capacity = pl.lit(policy["rows"]) if policy["per"] else (pl.col("size") * policy["rows"] / policy["of_rows"]).ceil()
    worth = pl.lit(True) if policy["even_at_a_loss"] else pl.col("gain") > 0
    return ranked.select(((pl.col("place") <= capacity) & worth).alias("act"))["act"].to_numpy()


def as_ruled(rows: pl.DataFrame, answer: pl.Series, p: np.ndarray, labels: Sequence[str], policy: Policy, payoff: Payoff) -> pl.DataFrame:
    """Like decide, for a rule that decides by itself, as people follow it: no weighing of amounts.

    answer: TRUE is 1. Without a capacity the action is taken where the answer is TRUE; with one (`rows` in the policy) the
    highest answers go first, yes-or-no rules in the order of the rows, and a FALSE is never acted on.
    """
    values = action_values(rows, payoff, labels)
    expected = np.einsum("nal,nl->na", values, p)
    actions = list(payoff["actions"])
    act, otherwise = actions.index(policy["act"]), actions.index(policy["otherwise"])
    answers = answer.fill_null(-np.inf if policy["ranks"] else 0.0).to_numpy()
    acted = np.isfinite(answers) if policy["ranks"] else answers > 0.5
    if policy["rows"] is not None:
        acted &= within_capacity(rows, np.where(acted, answers, -np.inf), {**policy, "even_at_a_loss": True})
    chosen = np.where(acted, act, otherwise)
    earned = expected[np.arange(rows.height), chosen]
    return pl.DataFrame({"decision": pl.Series(np.array(actions, dtype=object)[chosen].tolist(), dtype=pl.String), "expected_payoff": earned})


def decide_number(rows: pl.DataFrame, prediction: np.ndarray, policy: Policy, payoff: Payoff, errors: Sequence[float]) -> pl.DataFrame:
    """Like decide, for regression: the prediction moved by the policy's shift, valued over the out-of-fold error quantiles.

    prediction: (n,); errors: quantiles of actual minus predicted, each equally likely.
    """
    decision = prediction + (policy["shift"] or 0.0)
    total = np.zeros(rows.height)
    # Few rows are valued against all quantiles in one pass; adding up in order gives the same bits either way.
    at_once = max(1, VALUED_AT_ONCE // max(1, rows.height))
    for start in range(0, len(errors), at_once):
        some = np.array(errors[start : start + at_once])
        outcomes = (prediction[None, :] + some[:, None]).ravel()
        for values in decision_values(pl.concat([rows] * len(some)), payoff, np.tile(decision, len(some)), outcomes).reshape(len(some), -1):
            total += values
    return pl.DataFrame({"decision": decision, "expected_payoff": total / max(1, len(errors))})
