"""When a boosted fit is no longer worth going on with: early stopping whose patience grows with the fit."""

from __future__ import annotations

SHARE = 0.2
"""Of the iterations so far: what slowly gets better for a thousand of them pauses longer than what is through after sixty (decision 95)."""


def patience_at(patience: int, best: int) -> int:
    """Iterations that a fit goes on for after its best one. patience: the declared least; best: iterations up to the best one."""
    return max(patience, int(SHARE * best))


def is_over(patience: int, best: int, made: int) -> bool:
    """Whether a fit should end. made: iterations so far."""
    return made - best >= patience_at(patience, best)
