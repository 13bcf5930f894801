"""Running studies side by side, with the same result as one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock
from typing import Any

import numpy as np

from runner.core.progress import Progress
from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Matrices
from runner.training.balancing import UNTRAINED, balance_for, balanced
from runner.training.budget.clock import Clock, EndedError
from runner.training.budget.memory import Memory, held
from runner.training.course import Course, Hooks, Job, Outcome, Studied
from runner.training.fold_store import FoldResult
from runner.training.in_turn import InTurn
from runner.training.models.fitting import Fit
from runner.training.models.patience import patience_at
from runner.training.models.space import CandidateSpec
from runner.training.pruning import losses_of
from runner.training.study import propose

LOOK_UP_S = 0.5


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
    """What the studies share: rows, folds, the lag and threads that are declared, and the pool of workers that is not.

    prunes: hopeless trials end before their last fold; forgives: a candidate whose fit fails goes without that trial; memory: what holds
    fits back while there is too little of it; through: told of a candidate with each trial that ended; failures: candidate to the failure
    that ended its study, of all studies so far.
    """

    learner: Learner
    folds: list[Fold]
    matrices: Matrices
    lag: int
    threads: int
    monotone: Mapping[str, int]
    clock: Clock
    tally: Tally
    prunes: bool = False
    forgives: bool = False
    memory: Memory | None = None
    through: Callable[[str], None] | None = None
    failures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def study_all(self, jobs: list[Job], workers: int) -> dict[str, Studied]:
        """Run every job's study; results do not depend on the number of workers, nor on other processes that run the same studies.

        The first error of a fit ends all studies, unless it is forgiven: then the study ends with the trials before it. A study without a first
        trial, since it failed or the safety stop ended it, is left out.
        Raises ValueError when there is no fold to judge on.
        """
        if not self.folds:
            raise ValueError("a study needs at least one fold")
        stop = Event()
        with unhurried(workers, "fit", stop) as pool, unhurried(len(jobs), "study", stop) as studies:
            running, courses, in_turn = {}, {}, InTurn(pool)
            for job in jobs:
                course = courses[job.name] = self._course(job, pool, in_turn, stop)
                running[job.name] = studies.submit(course.run)
                # What stands first in the pool is fitted first: the cheapest, so that a stop finds as many candidates as can be.
                while not course.begun.wait(LOOK_UP_S):
                    pass
            settle(running.values())
            found = {name: future.result() for name, future in running.items()}
        self.failures.update({name: failure for name, course in courses.items() if (failure := course.failure) is not None})
        return {name: studied for name, studied in found.items() if studied is not None}

    def _course(self, job: Job, pool: ThreadPoolExecutor, in_turn: InTurn, stop: Event) -> Course:
        balance, outcome = balance_for(job.spec, self.learner.balance), self.learner.outcome
        task, space, defaults = self.learner.task, job.spec.space, job.spec.defaults()
        seed, measure = seed_for(self.learner.seed, "training", job.name), "RMSE" if task == "regression" else "log loss"
        of = f" of {job.trials}" if job.share is None else ""

        def ended(loss: float) -> None:
            self.tally.finished(job.name, loss, measure)
            if self.through is not None:
                self.through(job.name)

        def submit(params: Mapping[str, Any], fold: Fold) -> Future[Outcome]:
            fits = partial(self._fold, job, params, fold, stop)
            return in_turn.submit(fits) if len(fold.train) * self.learner.rows.width < job.spec.in_turn_below else pool.submit(fits)

        hooks = Hooks(
            submit=submit,
            ask=lambda number, visible: propose(number, space, defaults, visible, seed, job.portfolio),
            over=self.clock.over,
            losses=lambda result, fold: losses_of(balance.undone(result.predictions), outcome[fold.valid], task),
            summed=self._summed,
            tick=lambda number: self.tally.tick(f"{job.name}, trial {number + 1}{of}" if job.trials > 1 else job.name),
            ended=ended,
        )
        return Course(job, self.folds, self.lag, self.prunes, hooks)

    def _summed(self, losses: Sequence[float], sizes: Sequence[int]) -> float:
        weights = np.array(sizes, dtype=float)
        mean = float((np.array(losses) * weights).sum() / weights.sum())
        return float(np.sqrt(mean)) if self.learner.task == "regression" else mean

    def _fold(self, job: Job, params: Mapping[str, Any], fold: Fold, stop: Event) -> Outcome:
        """The stored result, or the fold fitted here; None while another process fits it."""
        if stop.is_set():
            raise StudyStoppedError
        stored = job.store.read(params, fold.number)
        if stored is not None:
            return stored, 0.0
        if job.spec.kind not in UNTRAINED:
            # Those that learn next to nothing cost next to nothing: a model is there whatever the time.
            self.clock.check()
        forgives = self.forgives and job.spec.kind not in UNTRAINED
        if forgives:
            job.store.check(params, fold.number)
        with job.store.claim(params, fold.number) as mine:
            if not mine:
                return None
            stored = job.store.read(params, fold.number)
            if stored is not None:
                return stored, 0.0
            if forgives:
                job.store.check(params, fold.number)
            with held(self.memory):
                result = self._forgiven(job, params, fold) if forgives else self._fit(job, params, fold)
            job.store.write(params, fold.number, result)
        return result, result.seconds

    def _forgiven(self, job: Job, params: Mapping[str, Any], fold: Fold) -> FoldResult:
        """The fold fitted here. Raises FailedError where its library raised anything."""
        try:
            return self._fit(job, params, fold)
        except EndedError:
            raise
        except Exception as error:
            raise job.store.fail(params, fold.number, error) from error

    def _fit(self, job: Job, params: Mapping[str, Any], fold: Fold) -> FoldResult:
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
            check=self.clock.check if self.clock.end is not None else None,
        )
        balance = balance_for(job.spec, self.learner.balance)
        fitted = part("candidate", job.spec.kind)(job.spec, balanced(given, balance))
        predictions = predicted(fitted.model, prepared.valid)
        loss = loss_of(balance.undone(predictions), prepared.valid.outcome, self.learner.task)
        rows, columns = prepared.train.values.shape
        work = job.spec.work(params, rows, columns, given.n_classes, iterations_made(job.spec.laid(params), fitted.rounds))
        return FoldResult(predictions, loss, fitted.rounds, work, time.monotonic() - started)


def iterations_made(spec: CandidateSpec, kept: int | None) -> int:
    """Iterations that a fit made, from those that it kept: it went on for its patience, unless the limit ended it; 0 where the family has none."""
    if kept is None:
        return 0
    patience = getattr(spec, "patience", 0)
    went_on = kept + (patience_at(patience, kept) if spec.patience_grows else patience)
    return min(went_on, getattr(spec, "max_iterations", went_on))


def predicted(model: Any, matrix: Any) -> np.ndarray:
    """(n, k) Float64 predictions of a matrix, through the prepared values where the family can."""
    direct: Callable[[np.ndarray], np.ndarray] | None = getattr(model, "predict_matrix", None)
    return direct(matrix.values) if direct else np.asarray(model.predict(matrix.rows))


def loss_of(predictions: np.ndarray, outcome: np.ndarray, task: str) -> float:
    """Mean squared error, or mean log loss with probabilities kept 1e-15 from 0."""
    return float(np.mean(losses_of(predictions, outcome, task)))
