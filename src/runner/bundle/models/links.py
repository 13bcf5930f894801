"""From raw scores to what a model answers."""

from __future__ import annotations

from typing import Literal

import numpy as np

Link = Literal["logistic", "softmax", "identity"]
LINKS: dict[str, Link] = {"binary": "logistic", "multiclass": "softmax", "regression": "identity"}


def answered(raw: np.ndarray, link: str) -> np.ndarray:
    """(n, k) Float64 from raw scores (n, k): probabilities per class, or the scores themselves. 'logistic' has one score, of the second class."""
    if link == "identity":
        return np.asarray(raw)
    if link == "logistic":
        p = 1.0 / (1.0 + np.exp(-np.clip(raw, -500.0, 500.0)))
        return np.concatenate([1.0 - p, p], axis=1)
    return softmax(raw)


def softmax(raw: np.ndarray) -> np.ndarray:
    """Shares of one along the last axis."""
    raised = np.exp(raw - raw.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
