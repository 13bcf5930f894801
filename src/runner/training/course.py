"""One study as it runs: which trials start, which of their folds are fitted, and when a trial ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import numpy as np

from runner.features.matrices import Fold
from runner.training.budget.clock import EndedError
from runner.training.fold_store import FailedError, FoldResult, FoldStore
from runner.training.models.space import CandidateSpec
from runner.training.pruning import is_hopeless
from runner.training.study import Record, Trial

# How often it is looked whether another process has finished the fold that it claimed.
LOOK_AGAIN_S = 0.05

Outcome = tuple[FoldResult, float] | None
"""A fold's result with the seconds spent here, 0 where it was stored; None while another process is at it."""


@dataclass(frozen=True)
class Job:
    """One candidate's study: its name, its spec, how many trials at most, where finished folds are, and the record (None for a single fit).

    share: the work that trials after the first may cost, None for as much as they need; portfolio: settings that are tried after the first;
    dear: how many times the work of the first trial one with these settings is expected to cost, from the iterations that its folds kept.
    """

    name: str
    spec: CandidateSpec
    trials: int
    store: FoldStore
    record: Record | None
    share: float | None = None
    portfolio: Sequence[Mapping[str, Any]] = ()
    dear: Callable[[Mapping[str, Any], Sequence[int | None]], float] = lambda *_: 1.0

    def affords(self, params: Mapping[str, Any], first: Trial, known: Sequence[float], unknown: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a trial after the first fits into the share.

        known: of the trials after it that this one may see; unknown: settings of those that it may not see.
        """
        if self.share is None:
            return True
        return sum(known) + first.work * sum(self.dear(settings, first.rounds) for settings in (*unknown, params)) <= self.share


@dataclass(frozen=True)
class Studied:
    """trials: all that ended, by number; predictions: (n_oof, k) of the best trial in fold order; best: that trial, never a pruned one;
    seconds: fitting time of this process (clocked); store: where every ended trial's folds can be read.
    """

    trials: tuple[Trial, ...]
    best: Trial
    predictions: np.ndarray
    seconds: float
    store: FoldStore

    def out_of_fold(self, number: int, folds: Sequence[Fold]) -> np.ndarray | None:
        """(n_oof, k) predictions of a trial in fold order, before calibration; None for a pruned one."""
        return self.store.out_of_fold(self.trials[number].params, [fold.number for fold in folds])


@dataclass
class Hooks:
    """What a course asks of its engine.

    submit: put the fit of a fold of these settings into the pool; ask: settings of a trial from the trials it sees; over: no new trial;
    losses: (n,) losses of the rows of a fold by its result; summed: one loss from those of folds with so many rows;
    tick: a fold is done; ended: a trial has ended with a loss.
    """

    submit: Callable[[Mapping[str, Any], Fold], Future[Outcome]]
    ask: Callable[[int, Sequence[Trial]], dict[str, Any]]
    over: Callable[[], bool]
    losses: Callable[[FoldResult, Fold], np.ndarray]
    summed: Callable[[Sequence[float], Sequence[int]], float]
    tick: Callable[[int], None]
    ended: Callable[[float], None]


@dataclass
class Course:
    """The state of one study; the same trials come out of it however its folds are finished.

    A trial that sees an earlier one goes through its folds one by one, and is pruned after the first at which it is hopeless.
    begun: its first fits stand in the pool.
    """

    job: Job
    folds: Sequence[Fold]
    lag: int
    prunes: bool
    hooks: Hooks
    ended: dict[int, Trial] = field(default_factory=dict)
    seconds: float = 0.0
    begun: Event = field(default_factory=Event)
    _asked: dict[int, dict[str, Any]] = field(default_factory=dict)
    _rivals: dict[int, int] = field(default_factory=dict)
    _results: dict[int, dict[int, FoldResult]] = field(default_factory=dict)
    _running: dict[Future[Outcome], tuple[int, Fold]] = field(default_factory=dict)
    _elsewhere: list[tuple[int, Fold]] = field(default_factory=list)
    _closed: bool = False
    _given_up: set[int] = field(default_factory=set)
    _failed: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    _recorded: int = 0

    def run(self) -> Studied | None:
        """The whole study; None where the safety stop ended its very first trial, or a fit of it failed that may."""
        try:
            self._start()
        finally:
            self.begun.set()
        while self._running or self._elsewhere:
            self._collect()
            self._start()
        # Trials after one that was given up are no part of the study: a study of fewer trials is what a rerun can repeat.
        last = min(self._given_up, default=len(self._asked))
        self.ended = {n: trial for n, trial in sorted(self.ended.items()) if n < last}
        whole = [trial for trial in self.ended.values() if not trial.pruned]
        if not whole:
            return None
        best = min(whole, key=lambda t: (t.loss, t.number))
        chosen = self._results[best.number]
        predictions = np.concatenate([chosen[fold.number].predictions for fold in self.folds])
        return Studied(tuple(self.ended.values()), best, predictions, self.seconds, self.job.store)

    @property
    def failure(self) -> dict[str, Any] | None:
        """The failure that ended the study: of its first trial with one, on the first fold with one. None where none did."""
        last = min(self._given_up, default=-1)
        return {"trial": last, **min(self._failed[last], key=lambda told: int(told["fold"]))} if last in self._failed else None

    def _start(self) -> None:
        """Start each trial that may start now: those below its number minus the lag have ended, and the budget allows it."""
        while not self._closed and not self._given_up and all(n in self.ended for n in range(len(self._asked) - self.lag)):
            number = len(self._asked)
            # With a share, every trial knows what the first one cost.
            if number >= self.job.trials or (number and self.hooks.over()) or (number and self.job.share is not None and 0 not in self.ended):
                return
            visible = [self.ended[n] for n in range(max(0, number - self.lag))]
            params = self.hooks.ask(number, visible)
            if number and self.job.share is not None:
                unknown = [self._asked[n] for n in range(max(1, len(visible)), number)]
                self._closed = not self.job.affords(params, self.ended[0], [t.work for t in visible[1:]], unknown)
                if self._closed:
                    return
            self._asked[number], self._results[number] = params, {}
            whole = [t for t in visible if not t.pruned]
            if whole and self.prunes:
                self._rivals[number] = min(whole, key=lambda t: (t.loss, t.number)).number
                self._submit(number, self.folds[0])
                continue
            for fold in self.folds:
                self._submit(number, fold)

    def _submit(self, number: int, fold: Fold) -> None:
        self._running[self.hooks.submit(self._asked[number], fold)] = (number, fold)

    def _collect(self) -> None:
        """Wait for a fold, or for a moment where another process is at one."""
        if not self._running:
            time.sleep(LOOK_AGAIN_S)
        done = wait(self._running, LOOK_AGAIN_S if self._elsewhere else None, FIRST_COMPLETED).done
        waited, self._elsewhere = self._elsewhere, []
        for future in done:
            number, fold = self._running.pop(future)
            try:
                outcome = future.result()
            except EndedError:
                self._given_up.add(number)
                continue
            except FailedError as error:
                self._given_up.add(number)
                self._failed.setdefault(number, []).append(error.told)
                continue
            if outcome is None:
                self._elsewhere.append((number, fold))
                continue
            self._results[number][fold.number], spent = outcome
            self.seconds += spent
            self.hooks.tick(number)
            self._went_on(number)
        for number, fold in waited:
            self._submit(number, fold)

    def _went_on(self, number: int) -> None:
        """A fold of a trial is there: the next one, or its end."""
        known = self._results[number]
        if len(known) == len(self.folds):
            self._end(number, pruned=False)
        elif number in self._rivals:
            if self._is_hopeless(number):
                self._end(number, pruned=True)
            else:
                self._submit(number, self.folds[len(known)])

    def _is_hopeless(self, number: int) -> bool:
        known, best = self._results[number], self._results[self._rivals[number]]
        seen = self.folds[: len(known)]
        own, others = (np.concatenate([self.hooks.losses(of[fold.number], fold) for fold in seen]) for of in (known, best))
        return is_hopeless(own, others)

    def _end(self, number: int, pruned: bool) -> None:
        seen = [(fold, self._results[number][fold.number]) for fold in self.folds if fold.number in self._results[number]]
        losses = tuple(result.loss for _, result in seen)
        self.ended[number] = Trial(
            number,
            self._asked[number],
            self.hooks.summed(losses, [len(fold.valid) for fold, _ in seen]),
            losses,
            tuple(result.rounds for _, result in seen),
            pruned,
            sum(result.work for _, result in seen),
            tuple(round(result.seconds, 4) for _, result in seen),
        )
        if not pruned:
            self.hooks.ended(self.ended[number].loss)
        # In the order of their numbers, whatever finished first.
        while self._recorded in self.ended:
            if self.job.record is not None:
                self.job.record.add(self.ended[self._recorded])
            self._recorded += 1
