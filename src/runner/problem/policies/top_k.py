"""Act on the best rows up to a capacity."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from runner.core.registry import register
from runner.core.spec import KindSpec, Spec


class CapacitySpec(Spec):
    """How many rows can be acted on: `rows` of every `of_rows`, or `rows` per calendar period of the problem's time column."""

    rows: int = Field(ge=1)
    """The most rows that can be acted on, of every `of_rows` or in each `per`."""
    of_rows: int | None = Field(default=None, ge=1)
    """The capacity holds for every so many rows of a batch."""
    per: Literal["day", "week", "month"] | None = None
    """The capacity holds for each calendar period of `problem.time`."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.of_rows is None) == (self.per is None):
            raise ValueError("give exactly one of of_rows and per")
        if self.of_rows is not None and self.rows > self.of_rows:
            raise ValueError(f"rows is more than of_rows; at most {self.of_rows:,}")
        return self


class TopKSpec(KindSpec):
    """Act on the rows with the highest expected gain, up to the capacity of each period."""

    kind: Literal["top_k"]
    act: str
    """The action taken on the best rows, a name under `payoff.actions`."""
    otherwise: str
    """The action taken on all other rows, a name under `payoff.actions`."""
    capacity: CapacitySpec
    """How many rows can be acted on."""
    even_at_a_loss: bool = False
    """Use the whole capacity even where acting is expected to lose money."""


@register("policy", TopKSpec)
def resolve(spec: TopKSpec, positive: str | None) -> dict[str, Any]:
    """The policy as the bundle knows it."""
    return {
        "kind": "top_k",
        "act": spec.act,
        "otherwise": spec.otherwise,
        "rows": spec.capacity.rows,
        "of_rows": spec.capacity.of_rows,
        "per": spec.capacity.per,
        "even_at_a_loss": spec.even_at_a_loss,
    }
