"""Declared search spaces: plain data, so that a config or a report can show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

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
    weighs: its fits read `train.weights`; portfolio: strong, diverse settings that its study tries after the declared one, in this order;
    composes: it is made of the rungs below it and fits nothing itself;
    derives: its settings come from the study of another candidate, which has to be through first;
    patience_grows: its early stopping waits for a part of the best iteration where that is more than its patience (see `patience`);
    in_turn_below: values (rows times columns) below which its fits mostly hold the interpreter, so that two at once take longer than in turn.
    """

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "regression")
    weighs: ClassVar[bool] = False
    composes: ClassVar[bool] = False
    derives: ClassVar[bool] = False
    in_turn_below: ClassVar[int] = 0
    patience_grows: ClassVar[bool] = False
    interpretable: ClassVar[bool]
    space: ClassVar[Space]
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = ()

    def defaults(self) -> dict[str, float]:
        """The first trial's settings: the declared value of everything that is searched."""
        return {name: getattr(self, name) for name in self.space}

    def laid(self, params: Mapping[str, Any]) -> Self:
        """The spec with a trial's settings laid over it; a setting may be any field, searched or not."""
        return self.model_copy(update=dict(params))

    def longer(self, params: Mapping[str, Any]) -> float:
        """How many times the iterations of the declared setting one with these settings needs: half the learning rate needs twice as many."""
        return float(getattr(self, "learning_rate", 1.0) / getattr(self.laid(params), "learning_rate", 1.0))

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        """About how many seconds one fit takes one core, from its size alone, so that a plan never depends on the machine.

        params: the trial's settings; rows, columns: of the fit's matrix; classes: 1 for regression; rounds: iterations really made, 0 without any.
        """
        return 1e-3 + 1e-8 * rows * columns * max(1, classes)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna names it."""
    from optuna.distributions import FloatDistribution, IntDistribution

    return {name: IntDistribution(int(r.low), int(r.high), log=r.log) if r.whole else FloatDistribution(r.low, r.high, log=r.log) for name, r in space.items()}
