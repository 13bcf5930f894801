"""The last rung: a weighted mean of trials of the candidates below it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from runner.core.registry import register
from runner.training.ensemble.blend import Blend, Pool, blended
from runner.training.ensemble.selection import Terms
from runner.training.models.space import CandidateSpec, Space


class EnsembleSpec(CandidateSpec):
    """A weighted mean of finished trials of all candidates below it, chosen greedily by the proper score out of fold.

    It fits nothing in the folds. Each fold is predicted with weights that the other folds chose.
    """

    composes: ClassVar[bool] = True
    weighs: ClassVar[bool] = True
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {}
    kind: Literal["ensemble"]
    rounds: int = Field(default=40, ge=1, le=1000)
    """Steps of the selection; each adds one trial once more to the mean."""
    max_members: int = Field(default=5, ge=1, le=100)
    """The most trials that may be left: size and latency are the sum of theirs."""
    pool_per_candidate: int = Field(default=5, ge=1, le=1000)
    """Of each candidate the best so many finished trials are looked at."""
    min_gain: float = Field(default=0.001, ge=0, lt=1)
    """Share of the loss that a member must take away to stay."""


@register("candidate", EnsembleSpec)
def compose(spec: EnsembleSpec, pool: Pool) -> Blend:
    """Chooses weights over the pool; unlike a kind that fits, it is given predictions."""
    return blended(pool.leading(spec.pool_per_candidate), Terms(spec.rounds, spec.max_members, spec.min_gain))
