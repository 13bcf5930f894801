"""From what cells say to an order of the features, and how stable it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runner.features.selection.cells import Told

HALF = 0.5
PAYS, TELLS, NOISE, UNSEEN = range(4)


@dataclass(frozen=True)
class Standing:
    """What several cells say of a feature together.

    loss, payoff, gain: means of theirs; told: share of them in which it told more than chance; stability: share in which it told, and paid its cost;
    tier: PAYS what it costs, TELLS something and does not pay, NOISE, or UNSEEN because stronger or cheaper ones stood before it.
    """

    gain: float
    loss: float
    payoff: float
    told: float
    stability: float
    tier: int


def standings(folds: Sequence[Sequence[Mapping[str, Told]]], costs: Mapping[str, float], copies: Sequence[Sequence[str]]) -> dict[str, Standing]:
    """Feature to its standing over folds, each a list of cells. costs: feature to what it costs alone, in the payoff's unit per row.

    copies: sets of near-equal features; of each the cheapest and then strongest stands for all, with what the cells say of any of them.

    Whether a feature pays is asked of a fold as a whole: the payoff of a single cell is too rough a figure.
    """
    for same in copies:
        folds = _as_one(folds, same, costs)
    names = list(folds[0][0])
    found = {}
    for name in names:
        by_fold = [[cell[name] for cell in cells] for cells in folds]
        every = [told for cells in by_fold for told in cells]
        pays = [costs.get(name, 0.0) <= 0.0 or float(np.mean([t.payoff for t in cells])) > costs[name] for cells in by_fold]
        told = float(np.mean([t.significant for t in every]))
        kept = float(np.mean([t.significant and paid for cells, paid in zip(by_fold, pays, strict=True) for t in cells]))
        seen = float(np.mean([t.examined for t in every]))
        tier = PAYS if kept >= HALF else TELLS if told >= HALF else NOISE if seen >= HALF else UNSEEN
        gain, loss, payoff = (float(np.mean([getattr(t, what) for t in every])) for what in ("gain", "loss", "payoff"))
        found[name] = Standing(gain, loss, payoff, told, kept, tier)
    return found


def _as_one(folds: Sequence[Sequence[Mapping[str, Told]]], same: Sequence[str], costs: Mapping[str, float]) -> list[list[dict[str, Told]]]:
    gains = {name: sum(cell[name].gain for cells in folds for cell in cells) for name in same}
    first = min(same, key=lambda name: (costs.get(name, 0.0), -gains[name]))

    def joined(cell: Mapping[str, Told]) -> dict[str, Told]:
        # A cell looks at one of them at most.
        seen = next((cell[name] for name in same if cell[name].examined), cell[first])
        return {**cell, **{name: Told(cell[name].gain) for name in same}, first: seen}

    return [[joined(cell) for cell in cells] for cells in folds]


def n_told(found: Mapping[str, Standing]) -> int:
    """How many features told more than chance, at least 1."""
    return max(1, sum(standing.tier in (PAYS, TELLS) for standing in found.values()))


def ranked(found: Mapping[str, Standing]) -> list[str]:
    """Features from the one to keep first to the one to drop first; without those that nobody looked at closely."""
    seen = [name for name, standing in found.items() if standing.tier != UNSEEN]
    return sorted(seen, key=lambda name: (found[name].tier, -found[name].loss, -found[name].gain, name))
