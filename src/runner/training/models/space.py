"""Declared search spaces: plain data, so that a config or a report can show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from runner.core.spec import KindSpec

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Range:
    """Numbers from low to high; whole ones when `whole`; on a logarithmic scale when `log`."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


Space = dict[str, Range]


class CandidateSpec(KindSpec):
    """A candidate of the ladder. interpretable: its reasoning can be read; space: what its study searches; tasks: those it can learn;
    weighs: its fits read `train.weights`; composes: it is made of the rungs below it and fits nothing itself;
    derives: its settings come from the study of another candidate, which has to be through first.
    """

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "regression")
    weighs: ClassVar[bool] = False
    composes: ClassVar[bool] = False
    derives: ClassVar[bool] = False
    interpretable: ClassVar[bool]
    space: ClassVar[Space]

    def defaults(self) -> dict[str, float]:
        """The first trial's settings: the declared value of everything that is searched."""
        return {name: getattr(self, name) for name in self.space}


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna names it."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {name: IntDistribution(int(r.low), int(r.high), log=r.log) if r.whole else FloatDistribution(r.low, r.high, log=r.log) for name, r in space.items()}
