"""Act where the probability of one label reaches a threshold."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from runner.core.registry import register
from runner.core.spec import KindSpec


class ThresholdSpec(KindSpec):
    """Act on a row when the probability of `label` is at least `at`; the threshold is tuned out of fold for payoff when `at` is left out."""

    kind: Literal["threshold"]
    act: str
    """The action taken at or above the threshold."""
    otherwise: str
    """The action taken below it."""
    label: str | None = None
    """The label whose probability is compared; the positive one when left out."""
    at: float | None = Field(default=None, ge=0, le=1)
    """A fixed threshold between 0 and 1; tuned out of fold when left out."""


@register("policy", ThresholdSpec)
def resolve(spec: ThresholdSpec, positive: str | None) -> dict[str, Any]:
    """The policy as the bundle knows it, with `at` null where it is still to be tuned."""
    return {"kind": "threshold", "act": spec.act, "otherwise": spec.otherwise, "label": spec.label or positive, "at": spec.at}
