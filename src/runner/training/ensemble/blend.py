"""A blend of finished trials: which of them, with what weights, and what it predicts out of fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.training.ensemble.selection import Chosen, Terms, cross_fitted, own_values

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
    own = np.column_stack([_own(member, pool) for member in pool.members])
    found = cross_fitted(own, pool.outcome, pool.part, pool.regression, terms, pool.seed)
    largest = np.count_nonzero(found[terms.most].whole)
    whole, *fewer = _blends(pool, [found[terms.most], *(found[most] for most in range(largest - 1, 0, -1))])
    return replace(whole, smaller=tuple(fewer))


def _own(member: Member, pool: Pool) -> np.ndarray:
    p = member.read()
    return own_values(p if pool.regression else member.undone(p), pool.outcome, pool.regression)


def _blends(pool: Pool, found: Sequence[Chosen]) -> list[Blend]:
    """A blend for each set of weights. One member is read at a time: with many classes the predictions of a whole pool would not fit into memory."""
    mixed: list[np.ndarray | None] = [None] * len(found)
    for at, member in enumerate(pool.members):
        taken = [number for number, chosen in enumerate(found) if any(weights[at] for weights in chosen.by_part.values())]
        p = member.read() if taken else np.zeros(0)
        for number in taken:
            weight = np.zeros(len(p))
            for part, weights in found[number].by_part.items():
                weight[pool.part == part] = weights[at]
            before = mixed[number]
            mixed[number] = weight[:, None] * p if before is None else before + weight[:, None] * p
    return [Blend(_shares(pool, chosen.whole), np.zeros((len(pool.outcome), 1)) if p is None else p) for chosen, p in zip(found, mixed, strict=True)]


def _shares(pool: Pool, weights: np.ndarray) -> tuple[Share, ...]:
    order = sorted(np.flatnonzero(weights).tolist(), key=lambda at: (-weights[at], at))
    return tuple(Share(pool.members[at].candidate, pool.members[at].trial, float(weights[at])) for at in order)


def described(shares: Sequence[Share]) -> list[Mapping[str, object]]:
    """Shares for a report: candidate, trial and weight of each."""
    return [{"candidate": share.candidate, "trial": share.trial, "weight": round(share.weight, 6)} for share in shares]
