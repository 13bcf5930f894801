"""Dividing what is left of a budget among the candidates, once the first trial of each is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Each place further down gets so much of the share above it: the leaders get most, and a slow starter still a chance.
NEXT = 0.6
# More trials than this are hardly worth their work; what a cheap candidate cannot use goes to the others.
MOST_TRIALS = 60


@dataclass(frozen=True)
class Opened:
    """A candidate's first trial. loss: out of fold; work: of all its folds; rate: cost of a unit of work, in the budget's unit (core seconds, or work)."""

    loss: float
    work: float
    rate: float


def shares(opened: Mapping[str, Opened], left: float) -> dict[str, float]:
    """Candidate to the work that its further trials may cost. left: in the budget's unit; opened: candidates that have something more to try.

    What one candidate cannot use up is divided again.
    """
    ranked = sorted(opened, key=lambda name: (opened[name].loss, name))
    weights = {name: NEXT**place for place, name in enumerate(ranked)}
    found: dict[str, float] = {}
    while weights and left > 0:
        whole = sum(weights.values())
        full = {
            name: MOST_TRIALS * opened[name].work
            for name, weight in weights.items()
            if left * weight / whole / opened[name].rate >= MOST_TRIALS * opened[name].work
        }
        if not full:
            return found | {name: left * weight / whole / opened[name].rate for name, weight in weights.items()}
        found |= full
        left -= sum(work * opened[name].rate for name, work in full.items())
        weights = {name: weight for name, weight in weights.items() if name not in full}
    return found | dict.fromkeys(weights, 0.0)
