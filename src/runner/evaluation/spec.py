"""What may be declared of evaluation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runner.core.around import RoomSpec
from runner.core.registry import Registered
from runner.stats.metrics import MetricSpec


class EvaluationSpec(RoomSpec):
    """How the finalist is judged."""

    test_uses: int = Field(default=5, ge=1)
    """How many different declarations may open one sealed test; every interval holds for all of them at once."""
    bootstrap_draws: int = Field(default=2000, ge=100, le=20000)
    """The least number of draws; more are made where the confidence that `test_uses` asks for reaches further into the tails."""
    metrics: dict[str, Annotated[MetricSpec, Registered("metric")]] = {}
    """Name to a score of one's own, shown beside the field's; its kind comes from a plugin."""
    slices: dict[str, str] = {}
    """Slice name to SQL that is TRUE for the rows of the slice."""
    min_slice_rows: int = Field(default=50, ge=2)
    """Smaller slices are reported as unknown."""
    max_slice_loss_per_row: float | None = Field(default=None, ge=0)
    """A slice that is surely worse than the criterion's baseline by more than this fails the verdict (payoff unit per row)."""
    latency_rows: int = Field(default=200, ge=20)
    """Single-row scorings timed for the latency constraint."""
