"""How good each annotator is, and what is told of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from runner.core.seeds import seed_for
from runner.data.labels.agreement import alpha_of

if TYPE_CHECKING:
    from runner.data.labels.annotations import Annotated
    from runner.data.labels.consensus import Consensus

# The interval of alpha must not move with the experiment's seed: what annotators said is the same.
SEED = 0


def told_of(annotated: Annotated, consensus: Consensus) -> dict[str, Any]:
    """The annotations in figures: agreement, shares of the labels, and each annotator."""
    n_items = annotated.keys.height
    said = np.bincount(annotated.item, minlength=n_items) if n_items else np.zeros(0, dtype=np.int64)
    return {
        "annotations": len(annotated.item),
        "skipped": annotated.skipped,
        "items": n_items,
        "items_with_two": int((said >= 2).sum()),
        "alpha": alpha_of(annotated, seed_for(SEED, "labels", "alpha")),
        "converged": consensus.converged,
        "iterations": consensus.iterations,
        "shares": {label: float(share) for label, share in zip(annotated.labels, consensus.prior, strict=True)},
        "annotators": annotators(annotated, consensus),
    }


def annotators(annotated: Annotated, consensus: Consensus) -> list[dict[str, Any]]:
    """Each annotator, the most informative first.

    accuracy: share of right labels on rows like these; information: bits of the true label that one of its labels tells (mutual information);
    most_often: the mistake it makes most. All from the error rates of the model, so that what is hard to label counts against nobody twice.
    """
    n_said = np.bincount(annotated.annotator, minlength=len(annotated.annotators))
    found = [
        {
            "annotator": name,
            "labels": int(n_said[j]),
            "accuracy": float((consensus.prior * np.diag(consensus.errors[j])).sum()),
            "information": information(consensus.prior, consensus.errors[j]),
            "most_often": _mistake(annotated.labels, consensus.prior, consensus.errors[j]),
        }
        for j, name in enumerate(annotated.annotators)
    ]
    return sorted(found, key=lambda one: (-float(one["information"]), one["annotator"]))


def information(prior: np.ndarray, errors: np.ndarray) -> float:
    """Mutual information in bits between the true label and what an annotator says. prior: (K,); errors: (K, K) P(says l | true k).

    >>> round(information(np.array([0.5, 0.5]), np.array([[0.5, 0.5], [0.5, 0.5]])), 9)
    0.0
    """
    joint = prior[:, None] * errors
    apart = prior[:, None] * joint.sum(axis=0)[None, :]
    there = joint > 0
    return max(0.0, float((joint[there] * np.log2(joint[there] / apart[there])).sum()))


def _mistake(labels: tuple[str, ...], prior: np.ndarray, errors: np.ndarray) -> dict[str, Any] | None:
    if len(labels) < 2:
        return None
    joint = prior[:, None] * errors
    np.fill_diagonal(joint, -1.0)
    true, said = divmod(int(joint.argmax()), len(labels))
    return {"says": labels[said], "for": labels[true], "share": float(errors[true, said])}
