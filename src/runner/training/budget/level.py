"""How thoroughly each trial is made: cheaper where even one trial of every candidate would not fit into the budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.features.matrices import Fold
from runner.training.ensemble.spec import FinalSpec
from runner.training.models.space import CandidateSpec

FASTEST, HIGHEST_RATE = 8.0, 0.5
FEWEST_FOLDS, FEWEST_ROWS = 2, 1000
FEWEST_ITERATIONS, LEAST_PATIENCE = 10, 5


@dataclass(frozen=True)
class Level:
    """folds: judged on, the last ones; rows: most training rows of a fold;
    refit_rows: of the final refits; members: of an ensemble that ships; None is all of them;
    pace: candidate to what its learning rates are taken times, and its iterations divided by, 1 where it is not named;
    cuts: whether a rung over a declared size or time is studied again with fewer iterations;
    once: whether what ships is refitted once only, however often is declared.
    """

    folds: int | None = None
    rows: int | None = None
    refit_rows: int | None = None
    pace: Mapping[str, float] = field(default_factory=dict)
    members: int | None = None
    cuts: bool = True
    once: bool = False

    def as_json(self) -> dict[str, Any]:
        """The fields, as a config may declare them."""
        return asdict(self)

    def refitted(self, final: FinalSpec) -> FinalSpec:
        """How often what ships is refitted."""
        return final.model_copy(update={"refits": 1}) if self.once else final

    def judged(self, folds: Sequence[Fold]) -> Sequence[Fold]:
        """The folds that are judged on: in time order the latest, which learn from the most rows and are nearest to what comes."""
        return folds[-(self.folds or len(folds)) :]

    def cut(self, folds: Sequence[Fold], seed: int) -> list[Fold]:
        """The folds that are judged on, with the training rows that are kept. Validation rows are all kept."""
        judged = self.judged(folds)
        return [replace(fold, train=drawn(fold.train, self.rows, seed_for(seed, "training", "rows", fold.number))) for fold in judged]

    def paced(self, name: str, spec: CandidateSpec) -> CandidateSpec:
        """A candidate with its pace; a family without a learning rate has none to change."""
        return spec.model_copy(update=self.settings(name, {setting: getattr(spec, setting) for setting in PACED if hasattr(spec, setting)}))

    def settings(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of a candidate's fit with its pace."""
        pace = self.pace.get(name, 1.0)
        if pace == 1.0 or ("learning_rate" not in given and "max_iterations" not in given):
            return dict(given)
        return {setting: PACED[setting](value, pace) if setting in PACED else value for setting, value in given.items()}

    def faster(self, name: str, most: float) -> Level | None:
        """The level with twice the pace of a candidate; None where that is more than the most."""
        pace = 2.0 * self.pace.get(name, 1.0)
        return replace(self, pace={**self.pace, name: pace}) if pace <= most else None


def _rate(value: float, pace: float) -> float:
    return max(value, min(HIGHEST_RATE, value * pace))


def _iterations(value: int, pace: float) -> int:
    return min(value, max(FEWEST_ITERATIONS, ceil(value / pace)))


def _patience(value: int, pace: float) -> int:
    return min(value, max(LEAST_PATIENCE, ceil(value / pace)))


PACED: Mapping[str, Any] = {"learning_rate": _rate, "max_iterations": _iterations, "patience": _patience}


def drawn(at: np.ndarray, most: int | None, seed: int) -> np.ndarray:
    """At most so many of the positions, at random and in their order; fewer are always part of more."""
    if most is None or len(at) <= most:
        return at
    return np.sort(at[np.random.default_rng(seed).permutation(len(at))[:most]])


def cheaper(folds: int, rows: int) -> Iterator[tuple[Level, float]]:
    """Levels from the most thorough to the cheapest, each with the fastest pace that its candidates may go. folds, rows: as many as there are.

    A faster pace costs the least quality, then come fewer judged folds, then fewer rows: learning from less costs the most.
    """
    few = max(min(folds, FEWEST_FOLDS), min(folds, 3))
    fewest = min(folds, FEWEST_FOLDS)
    some, judged = few if few < folds else None, fewest if fewest < folds else None
    yield Level(), 2.0
    yield Level(folds=some), 2.0
    yield Level(folds=some), 4.0
    yield Level(folds=judged), 4.0
    kept = rows
    while kept > FEWEST_ROWS:
        kept = max(FEWEST_ROWS, kept // 2)
        yield Level(folds=judged, rows=kept), 4.0
    yield Level(folds=judged, rows=kept if kept < rows else None), FASTEST
