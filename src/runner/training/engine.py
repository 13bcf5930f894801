"""Running studies side by side, with the same result as one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import numpy as np

from runner.core.progress import Progress
from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Matrices
from runner.training.balancing import balance_for, balanced
from runner.training.fold_store import FoldResult, FoldStore
from runner.training.models.fitting import Fit
from runner.training.models.space import CandidateSpec
from runner.training.study import Record, Trial, propose

LOOK_UP_S = 0.5


@dataclass(frozen=True)
class Job:
    """One candidate's study: its name, its spec, how many trials, where finished folds are, and the record (None for a single fit)."""

    name: str
    spec: CandidateSpec
    trials: int
    store: FoldStore
    record: Record | None


@dataclass(frozen=True)
class Studied:
    """trials: all finished, by number; predictions: (n_oof, k) of the best trial in fold order; best: that trial; seconds: fitting time (clocked)."""

    trials: tuple[Trial, ...]
    best: Trial
    predictions: np.ndarray
    seconds: float


class Clock:
    """The declared wall-clock stop, and the fits' own time."""

    def __init__(self, limit_minutes: float | None) -> None:
        self._end = None if limit_minutes is None else time.monotonic() + 60.0 * limit_minutes
        self.fired = False

    def over(self) -> bool:
        self.fired = self.fired or (self._end is not None and time.monotonic() > self._end)
        return self.fired


@dataclass
class Tally:
    """Units of work done of all studies, for the progress display."""

    progress: Progress
    total: int
    done: int = 0
    best: str = ""
    least: float = math.inf
    lock: Lock = field(default_factory=Lock)

    def tick(self, doing: str) -> None:
        with self.lock:
            self.done += 1
            self.progress.step("training", doing, self.done, self.total, self.best)

    def finished(self, name: str, loss: float, measure: str) -> None:
        """A trial's mean out-of-fold loss; the least of all candidates is shown from then on."""
        with self.lock:
            if loss < self.least:
                self.least, self.best = loss, f"best so far {name} ({measure} {loss:.4g})"


class StudyStoppedError(Exception):
    """Another study failed, or a person interrupted: nothing more is fitted."""


@contextmanager
def unhurried(workers: int, name: str, stop: Event) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads that sets `stop` at its end and waits for what still runs; after an interrupt it waits for nothing.

    Work that waits in the pool has to look at `stop` itself: a future that a pool cancels never wakes those who wait for it.
    """
    pool, patient = ThreadPoolExecutor(max(1, workers), name), True
    try:
        yield pool
    except KeyboardInterrupt:
        patient = False
        raise
    finally:
        stop.set()
        pool.shutdown(wait=patient)


def settle(futures: Collection[Future[Any]]) -> None:
    """Wait until all are done, or raise the first error among them as soon as there is one.

    Looks up twice a second: polars has a wait without end begin again after an interrupt, so that nobody would hear of it.
    """
    waiting = set(futures)
    while waiting:
        waiting = wait(waiting, LOOK_UP_S, FIRST_EXCEPTION).not_done
        failed = [error for future in futures if future.done() and (error := future.exception())]
        if failed:
            raise failed[0]


@dataclass(frozen=True)
class Engine:
    """What the studies share: rows, folds, the lag and threads that are declared, and the pool of workers that is not."""

    learner: Learner
    folds: list[Fold]
    matrices: Matrices
    lag: int
    threads: int
    monotone: Mapping[str, int]
    clock: Clock
    tally: Tally

    def study_all(self, jobs: list[Job], workers: int) -> dict[str, Studied]:
        """Run every job's study; results do not depend on the number of workers. The first error of a fit ends all studies.

        Raises ValueError when there is no fold to judge on.
        """
        if not self.folds:
            raise ValueError("a study needs at least one fold")
        stop = Event()
        with unhurried(workers, "fit", stop) as pool, unhurried(len(jobs), "study", stop) as studies:
            running = {job.name: studies.submit(self._study, job, pool, stop) for job in jobs}
            settle(running.values())
            return {name: future.result() for name, future in running.items()}

    def _study(self, job: Job, pool: ThreadPoolExecutor, stop: Event) -> Studied:
        finished: dict[int, Trial] = {}
        results: dict[int, dict[int, FoldResult]] = {}
        asked: dict[int, dict[str, Any]] = {}
        running: dict[Future[tuple[FoldResult, float]], tuple[int, int]] = {}
        seconds, last = 0.0, job.trials
        while len(finished) < last:
            while len(asked) < last and all(n in finished for n in range(len(asked) - self.lag)):
                number = len(asked)
                if number and self.clock.over():
                    last = number
                    break
                asked[number] = self._ask(job, number, finished)
                results[number] = {}
                running |= {pool.submit(self._fit, job, asked[number], fold, stop): (number, fold.number) for fold in self.folds}
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, fold_number = running.pop(future)
                results[number][fold_number], spent = future.result()
                seconds += spent
                self.tally.tick(f"{job.name}, trial {number + 1} of {last}" if last > 1 else job.name)
                if len(results[number]) == len(self.folds):
                    finished[number] = self._finish(job, number, asked[number], results[number])
                    self.tally.finished(job.name, finished[number].loss, "RMSE" if self.learner.task == "regression" else "log loss")
        best = min(finished.values(), key=lambda t: (t.loss, t.number))
        chosen = results[best.number]
        predictions = np.concatenate([chosen[fold.number].predictions for fold in self.folds])
        return Studied(tuple(finished[n] for n in sorted(finished)), best, predictions, seconds)

    def _ask(self, job: Job, number: int, finished: Mapping[int, Trial]) -> dict[str, Any]:
        visible = [finished[n] for n in range(max(0, number - self.lag))]
        space, defaults = job.spec.space, job.spec.defaults()
        return propose(number, space, defaults, visible, seed_for(self.learner.seed, "training", job.name))

    def _fit(self, job: Job, params: Mapping[str, Any], fold: Fold, stop: Event) -> tuple[FoldResult, float]:
        if stop.is_set():
            raise StudyStoppedError
        stored = job.store.read(params, fold.number)
        if stored is not None:
            return stored, 0.0
        prepared = self.matrices.fold(fold.number)
        started = time.monotonic()
        if prepared.valid is None:
            raise ValueError(f"fold {fold.number} has no validation rows")
        given = Fit(
            task=self.learner.task,
            n_classes=max(1, len(self.learner.labels)),
            inputs=prepared.inputs,
            train=prepared.train,
            valid=prepared.valid,
            params=params,
            rounds=None,
            monotone=self.monotone,
            seed=seed_for(self.learner.seed, "training", job.name, "fold", fold.number),
            threads=self.threads,
        )
        balance = balance_for(job.spec, self.learner.balance)
        fitted = part("candidate", job.spec.kind)(job.spec, balanced(given, balance))
        predictions = predicted(fitted.model, prepared.valid)
        result = FoldResult(predictions, loss_of(balance.undone(predictions), prepared.valid.outcome, self.learner.task), fitted.rounds)
        job.store.write(params, fold.number, result)
        return result, time.monotonic() - started

    def _finish(self, job: Job, number: int, params: Mapping[str, Any], results: Mapping[int, FoldResult]) -> Trial:
        losses = tuple(results[fold.number].loss for fold in self.folds)
        sizes = np.array([len(fold.valid) for fold in self.folds], dtype=float)
        mean = float((np.array(losses) * sizes).sum() / sizes.sum())
        loss = float(np.sqrt(mean)) if self.learner.task == "regression" else mean
        trial = Trial(number, params, loss, losses, tuple(results[fold.number].rounds for fold in self.folds))
        if job.record is not None:
            job.record.add(trial)
        return trial


def predicted(model: Any, matrix: Any) -> np.ndarray:
    """(n, k) Float64 predictions of a matrix, through the prepared values where the family can."""
    direct: Callable[[np.ndarray], np.ndarray] | None = getattr(model, "predict_matrix", None)
    return direct(matrix.values) if direct else np.asarray(model.predict(matrix.rows))


def loss_of(predictions: np.ndarray, outcome: np.ndarray, task: str) -> float:
    """Mean squared error, or mean log loss with probabilities kept 1e-15 from 0."""
    if task == "regression":
        return float(np.mean((predictions[:, 0] - outcome) ** 2))
    own = predictions[np.arange(len(outcome)), outcome.astype(int)]
    return float(-np.mean(np.log(np.clip(own, 1e-15, 1.0))))
