"""How thoroughly the first trial of each candidate is made, so that it surely fits into the budget and into memory."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.core.faults import Fault, RefusedError
from runner.core.machine import cores
from runner.core.stage import Given
from runner.features.matrices import Fold
from runner.training.budget.estimate import Size, probed_speed
from runner.training.budget.level import FEWEST_ROWS, Level, cheaper
from runner.training.budget.memory import used_gib
from runner.training.budget.plan import Plan
from runner.training.ensemble.spec import refits_of
from runner.training.models.space import CandidateSpec
from runner.training.spec import TrainingSpec
from runner.training.study import Trial

# Of what is there before the opening: the most that first trials, and that refits, are expected to cost.
OPENING, REFITTING = 0.5, 0.25
# Judging, choosing and packing, in seconds.
AFTER_S = 3.0
# A chosen setting may be larger than the declared one, and a refit has a quarter more rows than a fold.
DEARER = 1.5
# Libraries and the frames of other rooms, in GiB.
LIBRARIES_GIB = 0.5


@dataclass(frozen=True)
class Means:
    """What may be used. limit_s: seconds from `started` (on `time.monotonic()`), None without one; work: of all studies, None without one;
    memory_gib: of the process, None without one; specs: the declared candidates; refits: of each of them at the end, on average.
    """

    started: float
    limit_s: float | None
    work: float | None
    memory_gib: float | None
    lanes: int
    size: Size
    folds: Sequence[Fold]
    specs: Mapping[str, CandidateSpec]
    refits: float = 1.0

    @classmethod
    def of(cls, spec: TrainingSpec, given: Given, size: Size, folds: Sequence[Fold], specs: Mapping[str, CandidateSpec]) -> Means:
        """As declared; a deadline from outside shortens the minutes."""
        now, budget = time.monotonic(), spec.budget
        limits = [60.0 * budget.minutes] if budget is not None and budget.minutes is not None else []
        if limits and given.deadline is not None:
            limits.append(given.deadline - now)
        lanes = max(1, min(given.workers, cores()))
        return cls(now, min(limits, default=None), budget.work if budget else None, spec.memory_gb, lanes, size, folds, specs, refits_of(spec))

    def opening(self) -> Plan:
        """The most thorough level at which the first trials fit; the cheapest where none does. Raises RefusedError for want of memory."""
        speed = 1.0 if self.limit_s is None else probed_speed()
        lanes = 1 if self.limit_s is None else self.lanes
        there = self.limit_s - AFTER_S if self.limit_s is not None else self.work or 0.0
        for level in self._kept_in_memory():
            opening = self.size.opening(self.specs, level, self.folds) * speed / lanes
            if opening <= OPENING * there:
                break
        if self.limit_s is None:
            return Plan(level)
        level, refits = self._refitting(level, speed)
        clocked = {"seconds_per_work": speed, "lanes": lanes, "limit_s": self.limit_s, "expected_opening_s": opening, "reserve_s": AFTER_S + refits}
        return Plan(level, clocked={name: round(value, 4) for name, value in clocked.items()})

    def affordable(self) -> Level:
        """The level of a budget without time or work: as declared, with fewer rows only where memory asks for it."""
        levels = (level for level in self._kept_in_memory() if level.pace == 1.0 or level.rows is not None)
        found = next(levels)
        return found if found.rows is None else Level(rows=found.rows, refit_rows=found.rows)

    def _refitting(self, level: Level, speed: float) -> tuple[Level, float]:
        """The level with so few rows for the final refits that these fit too, and the seconds that they are expected to take."""
        seconds = DEARER * self.refits * self.size.refits(self.specs, level) * speed / self.lanes
        most = REFITTING * max(0.0, (self.limit_s or 0.0) - AFTER_S)
        if seconds <= most:
            return level, seconds
        rows = max(min(FEWEST_ROWS, self.size.rows), int(self.size.rows * most / seconds))
        return replace(level, refit_rows=rows), most

    def _kept_in_memory(self) -> list[Level]:
        levels = list(cheaper(len(self.folds), max(len(fold.train) for fold in self.folds)))
        if self.memory_gib is None:
            return levels
        kept = [level for level in levels if LIBRARIES_GIB + self.size.all_gib(level, len(self.folds)) <= self.memory_gib]
        least = max(LIBRARIES_GIB, used_gib()) + self.size.fit_gib(levels[-1])
        if not kept or least > self.memory_gib:
            wrong = f"is {self.memory_gib:g}, and the process needs {least:.2f} GiB with the smallest fit: {used_gib():.2f} are in use"
            raise RefusedError(
                [Fault("training.memory_gb", wrong, f"at least {max(least, LIBRARIES_GIB + self.size.all_gib(levels[-1], len(self.folds))):.2f}")]
            )
        return kept


def refit_seconds(trials: Mapping[str, Trial], level: Level, folds: Sequence[Fold], rows: int) -> float:
    """Core seconds that refitting every candidate will take, from the seconds of its first trial's folds."""
    trained = sum(min(len(fold.train), level.rows or len(fold.train)) for fold in folds[: level.folds])
    return sum(DEARER * sum(trial.seconds) * min(rows, level.refit_rows or rows) / max(1, trained) for trial in trials.values())
