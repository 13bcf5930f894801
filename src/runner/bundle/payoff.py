"""What a decision is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from runner.core.expressions import evaluate

Payoff = Mapping[str, Any]


def action_values(rows: pl.DataFrame, payoff: Payoff, labels: Sequence[str]) -> np.ndarray:
    """(n, actions, labels) Float64: the value of each action under each label; null amounts count as 0."""
    actions: Mapping[str, Mapping[str, str]] = payoff["actions"]
    named = {f"{i}/{j}": actions[action][label] for i, action in enumerate(actions) for j, label in enumerate(labels)}
    # A constant such as "0" has one value: with_columns inside evaluate broadcasts it over the rows.
    values = evaluate(rows, named).select(pl.all().cast(pl.Float64).fill_null(0.0)).to_numpy()
    return values.reshape(rows.height, len(actions), len(labels))


def decision_values(rows: pl.DataFrame, payoff: Payoff, decision: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """(n,) Float64: regression payoff of having set `decision` when `actual` came true."""
    framed = rows.with_columns(decision=pl.Series(decision), actual=pl.Series(actual))
    values = evaluate(framed, {"payoff": payoff["sql"]})["payoff"]
    return values.cast(pl.Float64).fill_null(0.0).to_numpy()


def realised(rows: pl.DataFrame, payoff: Payoff, decisions: pl.Series, actual: pl.Series) -> np.ndarray:
    """(n,) Float64: what each row's decision earned given what came true, in the payoff's unit.

    rows: contract columns; decisions: action names (String) or numbers; actual: labels (String) or numbers.
    Raises KeyError for a label or action that the payoff does not price.
    """
    if payoff["actions"] is None:
        return decision_values(rows, payoff, decisions.to_numpy(), actual.cast(pl.Float64).to_numpy())
    actions, labels = list(payoff["actions"]), list(next(iter(payoff["actions"].values())))
    values = action_values(rows, payoff, labels)
    action_at, label_at = _positions(decisions, actions), _positions(actual, labels)
    return np.asarray(values[np.arange(rows.height), action_at, label_at])


def _positions(names: pl.Series, known: Sequence[str]) -> np.ndarray:
    missing = set(names.unique().to_list()) - set(known)
    if missing:
        raise KeyError(f"not priced by the payoff: {sorted(map(str, missing))}")
    return names.cast(pl.Enum(list(known))).to_physical().to_numpy()
