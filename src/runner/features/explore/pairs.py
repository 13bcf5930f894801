"""How far each feature tells the outcome and every other feature, on a draw of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.features.explore import association
from runner.features.explore.parts import equal_parts
from runner.features.explore.view import View, rounded

PAIR_ROWS, PAIRED, LEVELS, PARTS = 10_000, 100, 100, 10
SHOWN, WORTH_SHOWING = 50, 0.3
RANK, RATIO, CRAMER = "rank correlation", "correlation ratio", "Cramér's V"
BENT, SEEN = 0.5, 0.005


@dataclass(frozen=True)
class Paired:
    """names: (p,) features, the strongest alone first; strength: (p, p) association of either kind, signed for two numbers;
    tells: (p, p) how far the row's feature tells the column's: 1 is fully; rows: of the draw."""

    names: tuple[str, ...]
    strength: np.ndarray
    tells: np.ndarray
    is_number: np.ndarray
    rows: int

    def measure(self, i: int, j: int) -> str:
        """Of a pair."""
        numbers = int(self.is_number[i]) + int(self.is_number[j])
        return (CRAMER, RATIO, RANK)[numbers]

    def strongest(self) -> list[dict[str, Any]]:
        """At most SHOWN pairs of at least WORTH_SHOWING, the strongest first."""
        i, j = np.triu_indices(len(self.names), 1)
        size = np.abs(self.strength[i, j])
        order = [k for k in np.argsort(-size, kind="stable")[:SHOWN] if size[k] >= WORTH_SHOWING]
        return [
            {"a": self.names[i[k]], "b": self.names[j[k]], "measure": self.measure(i[k], j[k]), "value": rounded(float(self.strength[i[k], j[k]]), 4)}
            for k in order
        ]


def paired(view: View) -> Paired:
    """All pairs of the PAIRED strongest features."""
    names = view.ranked[:PAIRED]
    at = view.draw(PAIR_ROWS)
    is_number = np.array([view.is_numeric(name) for name in names], dtype=bool)
    strength = np.eye(len(names))
    tells = np.eye(len(names))
    numbers, texts = np.flatnonzero(is_number), np.flatnonzero(~is_number)
    values = [view.numbers(names[k], at) for k in numbers]
    ranks = np.column_stack([association.doubled_ranks(v) for v in values]) if values else np.zeros((len(at), 0))
    known = np.column_stack([~np.isnan(v) for v in values]) if values else np.zeros((len(at), 0), dtype=bool)
    if len(numbers) > 1:
        between = association.rank_correlations(ranks, known)
        strength[np.ix_(numbers, numbers)], tells[np.ix_(numbers, numbers)] = between, np.abs(between)
    codes = {int(k): equal_parts(view, names[k], at, PARTS if is_number[k] else LEVELS) for k in range(len(names))} if len(texts) else {}
    for place, k in enumerate(texts.tolist()):
        if len(numbers):
            ratio = association.correlation_ratios(codes[k], ranks, known)
            strength[k, numbers] = strength[numbers, k] = tells[k, numbers] = ratio
        for other in (*numbers.tolist(), *texts[:place].tolist()):
            counts = association.contingency(codes[k], codes[other])
            of_other, tells[other, k] = association.uncertainty(counts)
            if not is_number[other]:
                tells[k, other] = of_other
                strength[k, other] = strength[other, k] = association.cramers_v(counts)
    np.fill_diagonal(strength, 1.0)
    np.fill_diagonal(tells, 1.0)
    return Paired(tuple(names), strength, tells, is_number, len(at))


def with_outcome(view: View, name: str) -> dict[str, Any]:
    """How far a feature tells the outcome: by the measure of its kind, and for a number whatever the shape.

    {"measure", "value", "of", "parts_ratio": correlation ratio over parts of equal rows, "xi", "shape"}; of several labels the one it tells most of.
    """
    at = view.drawn
    outcome = view.outcome[at]
    codes = equal_parts(view, name, at, PARTS if view.is_numeric(name) else LEVELS)
    ratio = association.correlation_ratios(codes, outcome - outcome.mean(axis=0), np.ones(outcome.shape, dtype=bool)) if len(at) else np.zeros(1)
    best = int(ratio.argmax())
    found: dict[str, Any] = {"of": view.classes[best], "parts_ratio": rounded(float(ratio[best]), 4), "xi": None}
    if view.is_numeric(name):
        return found | _of_number(view, name, at, outcome[:, best], float(ratio[best]))
    if view.is_share:
        labels = outcome.argmax(axis=1) if outcome.shape[1] > 1 else outcome[:, 0].astype(np.int64)
        value, measure = association.cramers_v(association.contingency(codes, labels)), CRAMER
    else:
        value, measure = float(ratio[best]), RATIO
    return found | {"measure": measure, "value": rounded(value, 4), "shape": "differs" if ratio[best] ** 2 >= SEEN else "flat"}


def _of_number(view: View, name: str, at: np.ndarray, y: np.ndarray, ratio: float) -> dict[str, Any]:
    values = view.numbers(name, at)
    known = ~np.isnan(values)
    ranks = np.column_stack([association.doubled_ranks(values), association.doubled_ranks(np.where(known, y, np.nan))])
    rank = float(association.rank_correlations(ranks, np.column_stack([known, known]))[0, 1]) if known.any() else 0.0
    told = association.xi(values[known], y[known], seed_for(view.seed, "features", "explore", "xi", name))
    # What the parts tell beyond what a line of ranks would: the outcome turns somewhere in between.
    shape = "flat" if ratio**2 < SEEN else "bends" if rank**2 < BENT * ratio**2 else "rises" if rank > 0 else "falls"
    return {"measure": RANK, "value": rounded(rank, 4), "xi": rounded(told, 4), "shape": shape}
