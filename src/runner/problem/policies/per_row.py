"""Take, for each row, the action with the best expected payoff."""

from __future__ import annotations

from typing import Any, Literal

from runner.core.registry import register
from runner.core.spec import KindSpec


class PerRowSpec(KindSpec):
    """The action with the best expected payoff on each row; in regression the prediction moved by a quantile of the errors, tuned out of fold."""

    kind: Literal["per_row"]


@register("policy", PerRowSpec)
def resolve(spec: PerRowSpec, positive: str | None) -> dict[str, Any]:
    """The policy as the bundle knows it."""
    return {"kind": "per_row", "shift": None}
