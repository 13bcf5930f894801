"""How long one row takes to score: an estimate from the model's own size, the same on every machine.

Clocked times differ from run to run, so nothing may be chosen by them; `runner.evaluation` clocks what ships against its limit.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

OVERHEAD_MS = 1.5
"""Of a row that is scored alone: checking it, the matrix, calibration and decision."""
OPERATION_MS = 0.02
"""Of one operation of the recipe on one row."""


@runtime_checkable
class SaysLatency(Protocol):
    """A model that estimates the milliseconds of a core that one row takes; families need not. None: it cannot say."""

    def latency_ms(self) -> float | None: ...


def latency_of(model: object) -> float | None:
    """The model's own estimate in milliseconds a row, or None where its family says nothing."""
    return model.latency_ms() if isinstance(model, SaysLatency) else None


def trees_ms(call_ms: float, trees: int, depth: float, node_ns: float) -> float:
    """Milliseconds of an ensemble of trees: one call, and a step down for each level of each tree.

    >>> round(trees_ms(0.05, 100, 6, 20.0), 3)
    0.062
    """
    return call_ms + trees * depth * node_ns / 1e6


def scoring_ms(model: object, operations: int) -> float | None:
    """Estimated milliseconds of one row from its columns to its decision. operations: of the recipe."""
    own = latency_of(model)
    return None if own is None else OVERHEAD_MS + operations * OPERATION_MS + own
