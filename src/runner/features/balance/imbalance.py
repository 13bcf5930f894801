"""What the shares of the classes mean for the figures that judge a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.features.matrices import Fold

WIDE = 1.959964
HALF = 0.5


def imbalance(outcome: np.ndarray, labels: Sequence[str], folds: Sequence[Fold]) -> dict[str, Any]:
    """Shares, and what follows from them for accuracy, log loss and average precision.

    outcome: (n,) class positions in labels. The half width of an average precision is that of a 95% interval around 0.5, where it is widest,
    with the number of rarest rows as its sample size (Boyd, Eng & Page 2013).
    """
    counts = np.bincount(outcome.astype(int), minlength=len(labels))
    shares = counts / max(1, counts.sum())
    rarest = int(np.argmin(counts))
    per_fold = [{"fold": fold.number, "rows": len(fold.valid), "rarest": int((outcome[fold.valid] == rarest).sum())} for fold in folds]
    known = shares[shares > 0]
    fewest = min((int(fold["rarest"]) for fold in per_fold), default=0)
    judged = sum(int(fold["rarest"]) for fold in per_fold)
    return {
        "labels": [{"label": label, "rows": int(n), "share": float(share)} for label, n, share in zip(labels, counts, shares, strict=True)],
        "rarest": labels[rarest],
        "constant_accuracy": float(shares.max()),
        "constant_log_loss": float(-(known * np.log(known)).sum()),
        "folds": per_fold,
        "average_precision": {"chance": float(shares[rarest]), "half_width": _half_width(judged), "half_width_in_a_fold": _half_width(fewest)},
    }


def _half_width(n: int) -> float | None:
    return WIDE * float(np.sqrt(HALF * HALF / n)) if n else None
