"""What a wrong label is worth: the payoff between deciding on the given label and on the one the row more likely has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from runner.bundle.payoff import Payoff, action_values, decision_values

AT_ONCE = 100_000


def at_stake(rows: pl.DataFrame, payoff: Payoff, labels: Sequence[str], given: np.ndarray, suggested: np.ndarray) -> np.ndarray:
    """(n,) what is lost on each row by deciding on the given outcome where the suggested one is true, in the payoff's unit; never below 0.

    rows: contract columns; labels: [] for regression; given, suggested: (n,) positions of labels, or numbers.
    """
    if not labels:
        informed = decision_values(rows, payoff, suggested, suggested)
        return np.asarray(np.maximum(informed - decision_values(rows, payoff, given, suggested), 0.0))
    found = np.empty(rows.height)
    for start, values in action_values_by_slice(rows, payoff, labels):
        here = slice(start, start + len(values))
        at = np.arange(len(values))
        told = values[at, :, given[here]].argmax(axis=1)
        right = values[at, :, suggested[here]]
        found[here] = right.max(axis=1) - right[at, told]
    return found


def action_values_by_slice(rows: pl.DataFrame, payoff: Payoff, labels: Sequence[str]) -> Iterator[tuple[int, np.ndarray]]:
    """Start of a slice of rows, and (slice, actions, labels) values, a bounded number of rows at a time."""
    for start in range(0, rows.height, AT_ONCE):
        yield start, action_values(rows.slice(start, AT_ONCE), payoff, labels)


def next_label(rows: pl.DataFrame, payoff: Payoff, labels: Sequence[str], p: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """(n, 2) in the payoff's unit: what one more label is expected to earn, and what certainty would; neither is below 0.

    p: (n, K) probability of each label now; errors: (K, K) P(says l | true k) of whoever is asked.
    Source: expected value of sample and of perfect information, Raiffa & Schlaifer (1961), Applied Statistical Decision Theory, chapters 4 and 5.
    """
    found = np.empty((rows.height, 2))
    for start, values in action_values_by_slice(rows, payoff, labels):
        here = slice(start, start + len(values))
        now = np.einsum("nak,nk->na", values, p[here], optimize=False).max(axis=1)
        joint = p[here][:, :, None] * errors[None, :, :]
        # For each answer l the best action after it, weighted by how probable the answer is.
        informed = np.einsum("nak,nkl->nal", values, joint, optimize=False).max(axis=1).sum(axis=1)
        certain = np.einsum("nk,nk->n", values.max(axis=1), p[here], optimize=False)
        found[here] = np.maximum(np.column_stack([informed - now, certain - now]), 0.0)
    return found
