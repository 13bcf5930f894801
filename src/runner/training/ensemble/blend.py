"""A blend of finished trials: which of them, with what weights, and what it predicts out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.training.ensemble.selection import Terms, cross_fitted, own_values

Reader = Callable[[], np.ndarray]
Undo = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Member:
    """A finished trial of a candidate. loss: out of fold; read: gives its (n_oof, k) predictions in fold order;
    undone: what makes them fit to be scored, where the classes of its fits were balanced.
    """

    candidate: str
    trial: int
    loss: float
    read: Reader
    undone: Undo


@dataclass(frozen=True)
class Pool:
    """What a blend may be made of.

    members: in the order of the ladder; outcome: (n_oof,); part: (n_oof,) numbers by which weights are cross-fitted;
    seed: of the blend's own draws.
    """

    members: tuple[Member, ...]
    outcome: np.ndarray
    part: np.ndarray
    regression: bool
    seed: int

    def leading(self, per_candidate: int) -> Pool:
        """The pool with the best so many trials of each candidate; ties go to the earlier trial."""
        kept: list[Member] = []
        for name in dict.fromkeys(member.candidate for member in self.members):
            own = sorted((m for m in self.members if m.candidate == name), key=lambda m: (m.loss, m.trial))
            kept += own[:per_candidate]
        return replace(self, members=tuple(kept))


@dataclass(frozen=True)
class Share:
    """A trial of a candidate and its weight in the model that ships."""

    candidate: str
    trial: int
    weight: float = 1.0


@dataclass(frozen=True)
class Blend:
    """shares: of the model that ships, the heaviest first; predictions: (n_oof, k), each part by weights that the others chose;
    smaller: the same for blends of fewer members, from the largest down to a single one.
    """

    shares: tuple[Share, ...]
    predictions: np.ndarray
    smaller: tuple[Blend, ...] = ()


def blended(pool: Pool, terms: Terms) -> Blend:
    """Choose weights on all rows for the model that ships, and by part for what it is judged on.

    Raises ValueError for an empty pool.
    """
    if not pool.members:
        raise ValueError("an ensemble needs at least one finished trial")
    predictions = [member.read() for member in pool.members]
    scored = zip(pool.members, predictions, strict=True)
    own = np.column_stack([own_values(p if pool.regression else m.undone(p), pool.outcome, pool.regression) for m, p in scored])
    whole = _blend(pool, predictions, own, terms)
    fewer = (_blend(pool, predictions, own, replace(terms, most=n)) for n in range(len(whole.shares) - 1, 0, -1))
    return replace(whole, smaller=tuple(fewer))


def _blend(pool: Pool, predictions: Sequence[np.ndarray], own: np.ndarray, terms: Terms) -> Blend:
    by_part, whole = cross_fitted(own, pool.outcome, pool.part, pool.regression, terms, pool.seed)
    mixed = np.zeros_like(predictions[0])
    for number, weights in by_part.items():
        here = pool.part == number
        for at in np.flatnonzero(weights).tolist():
            mixed[here] += weights[at] * predictions[at][here]
    order = sorted(np.flatnonzero(whole).tolist(), key=lambda at: (-whole[at], at))
    return Blend(tuple(Share(pool.members[at].candidate, pool.members[at].trial, float(whole[at])) for at in order), mixed)


def described(shares: Sequence[Share]) -> list[Mapping[str, object]]:
    """Shares for a report: candidate, trial and weight of each."""
    return [{"candidate": share.candidate, "trial": share.trial, "weight": round(share.weight, 6)} for share in shares]
