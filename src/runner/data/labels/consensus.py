"""The label behind several annotators' labels, and how each annotator errs: the model of Dawid and Skene.

Source: Dawid & Skene (1979), Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 28;
error rates of annotators with few labels are drawn towards those of all (Paun et al. 2018, Comparing Bayesian models of annotation, TACL 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from runner.data.labels.annotations import Annotated

MAX_ITERATIONS = 1000
TOLERANCE = 1e-7
# An annotator counts as if two of its labels for each true label had come from the average annotator.
BORROWED = 2.0
LEAST = 1e-12


@dataclass(frozen=True)
class Consensus:
    """posterior: (I, K) probability of each label; likelihood: (I, K) log-likelihood of what was said if it were true;
    prior: (K,) shares of the labels; errors: (J, K, K) P(says l | true k); pooled: (K, K) the same of the average annotator."""

    posterior: np.ndarray
    likelihood: np.ndarray
    prior: np.ndarray
    errors: np.ndarray
    pooled: np.ndarray
    iterations: int
    converged: bool


def consensus_of(annotated: Annotated) -> Consensus:
    """Fit by expectation-maximisation from the majority's shares; sums run in a fixed order, so that the bits are the same everywhere."""
    n_items, n_annotators, n_labels = annotated.keys.height, len(annotated.annotators), len(annotated.labels)
    if not n_items:
        even = np.full(n_labels, 1.0 / max(n_labels, 1))
        return Consensus(np.empty((0, n_labels)), np.empty((0, n_labels)), even, np.empty((0, n_labels, n_labels)), np.eye(n_labels), 0, converged=True)
    votes = np.bincount(annotated.item * n_labels + annotated.label, minlength=n_items * n_labels).reshape(n_items, n_labels)
    posterior = votes / votes.sum(axis=1, keepdims=True)
    cells = annotated.annotator * n_labels + annotated.label
    for iteration in range(1, MAX_ITERATIONS + 1):
        prior = np.maximum(posterior.mean(axis=0), LEAST)
        errors, pooled = _error_rates(annotated, posterior, cells, n_annotators, n_labels)
        likelihood = _likelihood(annotated, np.log(np.maximum(errors, LEAST)), n_items, n_labels)
        updated = _normalised(np.log(prior) + likelihood)
        moved = float(np.abs(updated - posterior).max())
        posterior = updated
        if moved < TOLERANCE:
            return Consensus(posterior, likelihood, prior, errors, pooled, iteration, converged=True)
    return Consensus(posterior, likelihood, prior, errors, pooled, MAX_ITERATIONS, converged=False)


def posterior_with(likelihood: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(I, K): the label's probability after what was said, from a probability of each label before. prior: (I, K) or (K,)."""
    return _normalised(np.log(np.maximum(prior, LEAST)) + likelihood)


def _error_rates(annotated: Annotated, posterior: np.ndarray, cells: np.ndarray, n_annotators: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    counted = np.empty((n_annotators, n_labels, n_labels))
    for true in range(n_labels):
        counted[:, true, :] = np.bincount(cells, weights=posterior[annotated.item, true], minlength=n_annotators * n_labels).reshape(n_annotators, n_labels)
    # One label of each kind keeps a label that nobody has used possible.
    together = counted.sum(axis=0) + 1.0 / n_labels
    pooled = together / together.sum(axis=1, keepdims=True)
    drawn = counted + BORROWED * pooled
    return drawn / drawn.sum(axis=2, keepdims=True), pooled


def _likelihood(annotated: Annotated, log_errors: np.ndarray, n_items: int, n_labels: int) -> np.ndarray:
    found = np.empty((n_items, n_labels))
    for true in range(n_labels):
        found[:, true] = np.bincount(annotated.item, weights=log_errors[annotated.annotator, true, annotated.label], minlength=n_items)
    return found


def _normalised(logs: np.ndarray) -> np.ndarray:
    shifted = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
