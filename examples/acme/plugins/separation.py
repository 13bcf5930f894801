"""How far the scores of the two outcomes lie apart, the figure that Acme's planners are used to."""

from typing import ClassVar, Literal

import numpy as np

from runner.extend import MetricSpec, Predicted, register


class SeparationSpec(MetricSpec):
    """Largest gap between the two outcomes' cumulative shares along the score (Kolmogorov & Smirnov): 0 for none, 1 for a clean cut."""

    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    kind: Literal["separation"]


@register("metric", SeparationSpec)
def separation(spec: SeparationSpec, predicted: Predicted) -> float:
    """One number of all rows; NaN where one of the outcomes is missing."""
    score, hit = predicted.p[:, predicted.positive], predicted.actual == predicted.positive
    if hit.all() or not hit.any():
        return float("nan")
    order = np.argsort(score, kind="stable")
    steps = np.where(hit[order], 1.0 / hit.sum(), -1.0 / (~hit).sum())
    # A cut can only fall between different scores.
    cuts = np.append(score[order][1:] > score[order][:-1], True)
    return float(np.abs(np.cumsum(steps)[cuts]).max())
