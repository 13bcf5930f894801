"""How thoroughly the first trial of each candidate is made, so that it surely fits into the budget and into memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from runner.core.faults import Fault, RefusedError
from runner.core.machine import cores
from runner.core.stage import Given
from runner.features.matrices import Fold
from runner.training.budget.estimate import Size, probed_speed
from runner.training.budget.level import FEWEST_ROWS, Level, cheaper
from runner.training.budget.memory import used_gib
from runner.training.budget.plan import Plan
from runner.training.ensemble.spec import FinalSpec, refits_of
from runner.training.models.space import CandidateSpec
from runner.training.spec import TrainingSpec
from runner.training.study import Named

Probing = Callable[[Mapping[str, CandidateSpec]], Mapping[str, float]]
"""Candidates to the seconds of a unit of work, for those of which a small part was tried."""
# Of what is there before the opening: the most that first trials, and that refits, are expected to cost; and the most that first trials may
# cost where one of them learns to the last iteration.
OPENING, REFITTING, LONGEST = 0.5, 0.2, 0.5
# Judging, choosing and packing, in seconds.
AFTER_S = 3.0
# Of the time: when first trials end that are not through, once boosted trees are.
ENOUGH = 0.6
# Candidates are only tried out where first trials may take more than this part of the time, and where there are so many seconds.
UNPROBED, PROBED_S = 0.1, 10.0
# A refit makes some more iterations than the folds kept, and waits for no patience.
ROUNDS_MORE = 1.1
# How much smaller a refit is tried that memory does not allow.
FEWER = 0.9
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

    def opening(self, probed: Probing) -> Plan:
        """The most thorough level at which the first trials fit; the cheapest where none does. Raises RefusedError for want of memory."""
        speed = 1.0 if self.limit_s is None else probed_speed()
        lanes = 1 if self.limit_s is None else self.lanes
        there = self.limit_s - AFTER_S if self.limit_s is not None else self.work or 0.0
        rates = dict.fromkeys(self.specs, speed)
        levels = self._kept_in_memory()
        if self.limit_s is not None and max(self._expected(Level(), rates, lanes)[1].values(), default=0.0) > UNPROBED * there >= UNPROBED * PROBED_S:
            rates |= probed(self.specs)
        level = next((found for level, most in levels if (found := self._paced(level, most, rates, lanes, there)) is not None), None)
        if level is None:
            cheapest, most = levels[-1]
            level = replace(cheapest, pace=dict.fromkeys(self.specs, most))
        if self.limit_s is None:
            return Plan(level)
        refits = self.size.refits(self.specs, level, rates)
        reserve = AFTER_S + min(max(max(refits.values(), default=0.0), self.refits * sum(refits.values()) / lanes), REFITTING * max(0.0, there))
        opening = sum(self.size.opening(self.specs, level, self.folds, rates, lanes)[0].values())
        clocked = {"seconds_per_work": speed, "lanes": lanes, "limit_s": self.limit_s, "expected_opening_s": opening, "reserve_s": reserve}
        rounded = {name: round(value, 4) for name, value in clocked.items()}
        return Plan(level, clocked={**rounded, "rates": {name: round(rate, 4) for name, rate in rates.items()}})

    def _paced(self, level: Level, most: float, rates: Mapping[str, float], lanes: int, there: float) -> Level | None:
        """The level with as slow a pace of each candidate as the time allows: the dearest one goes faster first. None where it does not fit at all."""
        paced: Level | None = level
        while paced is not None:
            expected, late = self._expected(paced, rates, lanes)
            whole = sum(expected.values())
            if whole <= OPENING * there and max(late.values(), default=0.0) <= LONGEST * there:
                return paced
            costs = expected if whole > OPENING * there else late
            faster = {name: found for name in costs if hasattr(self.specs[name], "learning_rate") and (found := paced.faster(name, most)) is not None}
            paced = faster[max(faster, key=lambda name: (costs[name], name))] if faster else None
        return None

    def _expected(self, level: Level, rates: Mapping[str, float], lanes: int) -> tuple[dict[str, float], dict[str, float]]:
        """Candidate to the seconds of its first trial, and to those of all first trials where this one makes all iterations that it may."""
        expected, longest = self.size.opening(self.specs, level, self.folds, rates, lanes)
        whole = sum(expected.values())
        return expected, {name: whole - expected[name] + longest[name] for name in expected}

    def affordable(self) -> Level:
        """The level of a budget without time or work: as declared, with fewer rows, and then fewer folds, only where memory asks for it."""
        kept = self._kept_in_memory()
        fewer = dict.fromkeys(level.rows for level, _ in cheaper(len(self.folds), max(len(fold.train) for fold in self.folds)))
        rows = next((rows for rows in fewer if self._bears(Level(rows=rows))), kept[0][0].rows)
        return Level(rows=rows, refit_rows=rows) if self._bears(Level(rows=rows)) else replace(kept[0][0], refit_rows=rows)

    def refit_rows(self, most: int | None) -> int | None:
        """The most rows of a final refit that memory allows, at most so many; None for all."""
        rows = most or self.size.rows
        while self.memory_gib is not None and rows > FEWEST_ROWS and LIBRARIES_GIB + self.size.refit_gib(rows) > self.memory_gib:
            rows = max(FEWEST_ROWS, int(FEWER * rows))
        return most if rows == (most or self.size.rows) else rows

    def _bears(self, level: Level) -> bool:
        return self.memory_gib is None or LIBRARIES_GIB + self.size.all_gib(level, len(self.folds)) <= self.memory_gib

    def _kept_in_memory(self) -> list[tuple[Level, float]]:
        levels = list(cheaper(len(self.folds), max(len(fold.train) for fold in self.folds)))
        if self.memory_gib is None:
            return levels
        kept = [(level, most) for level, most in levels if self._bears(level)]
        least = max(LIBRARIES_GIB, used_gib()) + self.size.fit_gib(levels[-1][0])
        if not kept or least > self.memory_gib:
            wrong = f"is {self.memory_gib:g}, and the process needs {least:.2f} GiB with the smallest fit: {used_gib():.2f} are in use"
            raise RefusedError(
                [Fault("training.memory_gb", wrong, f"at least {max(least, LIBRARIES_GIB + self.size.all_gib(levels[-1][0], len(self.folds))):.2f}")]
            )
        return kept


@dataclass(frozen=True)
class Refits:
    """What final refits take, from the seconds of the folds of their trials. rows: of all training data; trained: of a trial's folds together;
    final: how often each trial is refitted."""

    rows: int
    trained: int
    lanes: int
    final: FinalSpec

    @classmethod
    def of(cls, rows: int, level: Level, folds: Sequence[Fold], lanes: int, final: FinalSpec) -> Refits:
        return cls(rows, sum(min(len(fold.train), level.rows or len(fold.train)) for fold in level.judged(folds)), lanes, level.refitted(final))

    def seconds(self, trials: Sequence[Named], rows: int | None = None) -> float:
        """Of the wall clock: the fits run side by side, and none is shorter than itself. rows: of each fit, None for all."""
        each = [ROUNDS_MORE * sum(t.seconds) * min(self.rows, rows or self.rows) / max(1, self.trained) for _, t in trials]
        together = sum(self.final.times(name) * one for (name, _), one in zip(trials, each, strict=True))
        return max(together / self.lanes, max(each, default=0.0))

    def rows_for(self, trials: Sequence[Named], left: float) -> int | None:
        """So few rows that the fits take no longer than what is left; None where all may take part."""
        seconds = self.seconds(trials)
        if seconds <= left:
            return None
        return max(min(FEWEST_ROWS, self.rows), int(self.rows * max(0.0, left) / seconds))
