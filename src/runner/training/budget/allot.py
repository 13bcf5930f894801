"""Dividing what is left of a budget among the candidates, once the first trial of each is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

# Each place further down gets so much of the share above it: the leaders get most, and a slow starter still a chance.
NEXT = 0.6
# How fast a share falls with the part of the leader's gain over the constant that a candidate lacks, and what is left of it at least.
FALLS, LEAST = 5.0, 0.05
# More trials than this are hardly worth their work; what a cheap candidate cannot use goes to the others.
MOST_TRIALS = 60


@dataclass(frozen=True)
class Opened:
    """A candidate whose first trial is known. loss: the least out of fold; work: of all folds of the first trial; rate: cost of a unit of work,
    in the budget's unit (core seconds, or work); used: work of the trials after the first; upcoming: what the next trial is expected to work, 0 for as
    much as the first."""

    loss: float
    work: float
    rate: float
    used: float = 0.0
    upcoming: float = 0.0

    @property
    def trial(self) -> float:
        """Cost of one more trial, in the budget's unit."""
        return (self.upcoming or self.work) * self.rate

    @property
    def most(self) -> float:
        """Work that is worth its while."""
        return max(0.0, MOST_TRIALS * self.work - self.used)


def shares(opened: Mapping[str, Opened], left: float, constant: float | None = None) -> dict[str, float]:
    """Candidate to the work that more trials of it may cost. left: in the budget's unit; opened: candidates that have something more to try;
    constant: loss of always the same answer, None where it is not known.

    What one candidate cannot use up is divided again: also a share that does not pay for one trial.
    """
    found = dict.fromkeys(opened, 0.0)
    ranked = sorted((name for name in opened if opened[name].trial <= left), key=lambda name: (opened[name].loss, name))
    while ranked and left > 0:
        weights = {name: NEXT**place * _promise(opened[name].loss, opened[ranked[0]].loss, constant) for place, name in enumerate(ranked)}
        whole = sum(weights.values())
        costs = {name: left * weight / whole for name, weight in weights.items()}
        full = [name for name in ranked if costs[name] >= opened[name].most * opened[name].rate]
        short = [name for name in ranked if costs[name] < opened[name].trial and name not in full]
        if not full and not short:
            return found | {name: costs[name] / opened[name].rate for name in ranked}
        if full:
            found |= {name: opened[name].most for name in full}
            left -= sum(found[name] * opened[name].rate for name in full)
            ranked = [name for name in ranked if name not in full]
        else:
            # The last of them gives its share to the others.
            ranked.remove(short[-1])
    return found


def _promise(loss: float, least: float, constant: float | None) -> float:
    """What a candidate's share is taken times: one that is far behind will hardly catch up, nor help an ensemble."""
    if constant is None or constant <= least:
        return 1.0
    return max(LEAST, exp(-FALLS * (loss - least) / (constant - least)))
