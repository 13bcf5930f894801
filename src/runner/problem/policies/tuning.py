"""Tuning the policy for payoff on out-of-fold predictions, and what it earns there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.decide import as_ruled, decide, decide_number
from runner.bundle.payoff import action_values, decision_values, realised
from runner.core.expressions import parse

ERROR_QUANTILES = np.linspace(0.025, 0.975, 20)
SHIFT_QUANTILES = np.linspace(0.05, 0.95, 37)
# Rows that are valued at once.
AT_ONCE = 300_000


@dataclass(frozen=True)
class Terms:
    """What decisions are made by and valued with: the bundle's policy and payoff, class names ([] for regression), target column."""

    policy: Mapping[str, Any]
    payoff: Mapping[str, Any]
    labels: Sequence[str]
    target: str


def tune(terms: Terms, rows: pl.DataFrame, p: np.ndarray, outcome: np.ndarray) -> Terms:
    """The terms with the policy's free number set to what earns most on these rows.

    rows: contract columns; p: (n, k) probabilities or predictions; outcome: (n,) class positions or target.
    """
    policy = terms.policy
    if not terms.labels and policy["kind"] == "per_row":
        return replace(terms, policy={**policy, "shift": _shift(terms, rows, p[:, 0], outcome)})
    if policy["kind"] == "threshold" and policy["at"] is None:
        return replace(terms, policy={**policy, "at": _threshold(terms, rows, p, outcome)})
    return terms


def _threshold(terms: Terms, rows: pl.DataFrame, p: np.ndarray, outcome: np.ndarray) -> float:
    policy, actions = terms.policy, list(terms.payoff["actions"])
    values = action_values(rows, terms.payoff, terms.labels)[np.arange(rows.height), :, outcome.astype(int)]
    gain = values[:, actions.index(policy["act"])] - values[:, actions.index(policy["otherwise"])]
    score = p[:, list(terms.labels).index(policy["label"])]
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    earned = np.concatenate([[0.0], np.cumsum(gain[order])])
    # A cut may only fall between different scores; cut k acts on the first k rows.
    allowed = np.concatenate([[True], ranked[1:] < ranked[:-1], [True]])
    k = int(np.argmax(np.where(allowed, earned, -np.inf)))
    if k == 0:
        # Nothing is worth acting on: a threshold above every score.
        return float(np.nextafter(max(1.0, ranked[0]), 2.0))
    if k == len(ranked):
        return float(ranked[-1])
    middle = float((ranked[k - 1] + ranked[k]) / 2)
    # Between neighbouring floats there is no middle: it may round down to the score that must stay below.
    return middle if middle > ranked[k] else float(ranked[k - 1])


def _shift(terms: Terms, rows: pl.DataFrame, prediction: np.ndarray, outcome: np.ndarray) -> float:
    shifts = np.array([0.0, *np.quantile(outcome - prediction, SHIFT_QUANTILES)])
    earned: list[float] = []
    # A payoff is of one row, so that rows may be valued with many shifts at once: most of a call's time goes to what surrounds it.
    named = set(parse(terms.payoff["sql"]).meta.root_names())
    needed = rows.select([name for name in rows.columns if name in named] or rows.columns[:1])
    for some in np.array_split(shifts, min(len(shifts), ceil(len(shifts) * len(prediction) / AT_ONCE))):
        decisions, repeated = (prediction + some[:, None]).ravel(), pl.concat([needed] * len(some))
        values = decision_values(repeated, terms.payoff, decisions, np.tile(outcome, len(some)))
        earned += [float(own.mean()) for own in values.reshape(len(some), -1)]
    return float(shifts[int(np.argmax(earned))])


def errors_of(prediction: np.ndarray, outcome: np.ndarray) -> list[float]:
    """Quantiles of actual minus predicted, each standing for an equal share of cases."""
    return [float(q) for q in np.quantile(outcome - prediction, ERROR_QUANTILES)]


def earn(terms: Terms, rows: pl.DataFrame, p: np.ndarray, answer: pl.Series | None, errors: Sequence[float]) -> pl.DataFrame:
    """`decision` and `expected_payoff` of rows as the bundle would give them; answer: of a rule that decides by itself."""
    if not terms.labels:
        return decide_number(rows, p[:, 0], terms.policy, terms.payoff, errors)
    if answer is not None:
        return as_ruled(rows, answer, p, terms.labels, terms.policy, terms.payoff)
    return decide(rows, p, terms.labels, terms.policy, terms.payoff)


def cross_fitted(terms: Terms, rows: pl.DataFrame, p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, answer: pl.Series | None) -> pl.DataFrame:
    """`decision`, `expected_payoff` and `payoff` (what came true) per row; each fold is decided by a policy tuned on the others."""
    parts = []
    numbers = np.unique(fold)
    for number in numbers:
        here = np.flatnonzero(fold == number)
        rest = np.flatnonzero(fold != number) if len(numbers) > 1 else here
        tuned = tune(terms, rows[rest], p[rest], outcome[rest])
        errors = errors_of(p[rest, 0], outcome[rest]) if not terms.labels else []
        batch = rows[here]
        decided = earn(tuned, batch, p[here], answer[here] if answer is not None else None, errors)
        came = realised(batch, terms.payoff, decided["decision"], batch[terms.target])
        parts.append(decided.with_columns(payoff=pl.Series(came), __runner_at=pl.Series(here)))
    return pl.concat(parts).sort("__runner_at").drop("__runner_at")
