"""All candidates' studies under the declared budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from runner.core.digests import of_value
from runner.features.matrices import Fold
from runner.training.budget.allot import Opened, shares
from runner.training.budget.clock import Clock, Opening
from runner.training.budget.level import Level
from runner.training.budget.memory import Memory
from runner.training.budget.opening import AFTER_S, ENOUGH, Means, Refits
from runner.training.budget.plan import Plan, PlanFile
from runner.training.course import Studied
from runner.training.engine import Engine
from runner.training.ensemble.shipping import CUTS
from runner.training.jobs import MOST_TRIALS, Jobs
from runner.training.models.space import CandidateSpec
from runner.training.probing import speeds
from runner.training.study import Named

Shipping = Callable[[Mapping[str, Studied], list[Fold]], list[Named]]
"""What studies found so far, and the folds that judged it, to the trials that would be refitted."""
# Of the time that is left after the opening: what waiting for the last fits and for each other loses.
USED = 0.8
# How often what is left over is divided again.
ROUNDS = 5
# Of the time: what final refits may take beyond it before they are given fewer rows.
LATER = 0.03
# Choosing, packing and writing, in seconds.
PACKING_S = 1.5


@dataclass(frozen=True)
class Studies:
    """studied: by candidate, without those that a safety stop ended, or that failed, before their first trial; specs: what they were
    fitted by; folds: judged on; level: how thoroughly; plan: what a person can declare to repeat the work; engine: that ran them;
    clocked: figures of no result; facts: seed and digests of data and code, as the records of the trials have them; decided: the plan of a budget and its file.
    """

    studied: Mapping[str, Studied]
    specs: Mapping[str, CandidateSpec]
    folds: list[Fold]
    level: Level
    plan: Mapping[str, Any]
    engine: Engine
    clocked: Mapping[str, Any]
    facts: Mapping[str, Any]
    decided: tuple[PlanFile, Plan] | None = None


@dataclass(frozen=True)
class Conductor:
    """Runs the studies that are due; means: time, work and memory, counted from when it is made;
    shipping: what would be refitted by now, None where that is not known before the end."""

    jobs: Jobs
    means: Means
    shipping: Shipping | None = None

    @classmethod
    def of(cls, jobs: Jobs, shipping: Shipping | None = None) -> Conductor:
        """With the declared means."""
        declared = {name: spec for name, spec in jobs.specs.items() if name in jobs.spec.candidates}
        return cls(jobs, Means.of(jobs.spec, jobs.given, jobs.size, jobs.folds, declared), shipping)

    def run(self) -> Studies:
        """Every study to the end of its budget. Raises RefusedError where the declared memory cannot be kept to."""
        budget = self.jobs.spec.budget
        if budget is None or budget.plan is not None:
            return self._by_trials()
        file = PlanFile(self.jobs.given.home / "plans" / f"{of_value([self.jobs.shared(), self.jobs.declared()])[:24]}.json")
        plan = file.opened(lambda: self.means.opening(partial(speeds, self.jobs)))
        clock = self._clock(plan)
        engine = self.jobs.engine(plan.level, clock)
        specs = {name: spec for name, spec in self.jobs.paced(plan.level).items() if name not in plan.without}
        if plan.held is not None:
            # The stop may have come before the trials that failed would be tried again.
            engine.failures.update({name: dict(failure) for name, failure in plan.failed.items()})
            found = engine.study_all(self.jobs.jobs(specs, plan.level, plan.held), self.jobs.given.workers)
            return replace(self._finished(engine, specs, plan.level, found), decided=(file, plan))
        first = self._opened(engine, specs, plan)
        if plan.rounds == 0:
            lost = [name for name in specs if name not in first and name not in engine.failures and not clock.fired]
            plan = file.extended(plan, lambda: self._shares(specs, first, plan, self._reserve(first, plan), engine.failures), lost)
        reserve = self._reserve(first, plan)
        while True:
            if self.means.limit_s is not None:
                clock.sooner(self.means.started + self.means.limit_s - reserve)
            jobs = [replace(job, share=(plan.shares or {}).get(job.name, 0.0)) for job in self.jobs.jobs(specs, plan.level, dict.fromkeys(first, MOST_TRIALS))]
            found = engine.study_all(jobs, self.jobs.given.workers)
            reserve = 0.0 if clock.fired else self._reserve(found, plan)
            known, plan = plan, self._next(file, plan, specs, found, engine, reserve)
            if plan.rounds == known.rounds:
                done = self._finished(engine, specs, plan.level, found, {"plan": file.path.name, **plan.as_json()})
                return replace(done, decided=(file, plan))

    def _opened(self, engine: Engine, specs: Mapping[str, CandidateSpec], plan: Plan) -> Mapping[str, Studied]:
        """The first trials. One that takes much longer than expected is given up rather than all the others' further trials."""
        jobs = self.jobs.jobs(specs, plan.level, dict.fromkeys(specs, 1), plan.clocked.get("rates", {}))
        if self.means.limit_s is None or plan.rounds:
            return engine.study_all(jobs, self.jobs.given.workers)
        clock = Opening(engine.clock, self.means.started + ENOUGH * self.means.limit_s)

        def through(name: str) -> None:
            clock.enough |= hasattr(specs[name], "patience") and not specs[name].interpretable

        return replace(engine, clock=clock, through=through).study_all(jobs, self.jobs.given.workers)

    def then(self, done: Studies, later: Mapping[str, CandidateSpec]) -> Studies:
        """The same with one trial each of candidates whose settings those studies have found; which of them there was no time for is recorded."""
        planned = self.jobs.spec.budget.plan if self.jobs.spec.budget else None
        without = done.decided[1].without if done.decided else ()
        due = {name: spec for name, spec in later.items() if name not in without and (planned is None or name in planned.trials)}
        found = done.engine.study_all(self.jobs.jobs(due, done.level, dict.fromkeys(due, 1)), self.jobs.given.workers) if due else {}
        lost, decided = [name for name in due if name not in found and name not in done.engine.failures], done.decided
        if lost and decided is not None:
            decided = decided[0], decided[0].left_out(decided[1], lost)
        plan = {**done.plan, "trials": {**done.plan["trials"], **dict.fromkeys(found, 1)}}
        specs = {**done.specs, **{name: due[name] for name in found}}
        told = [*done.clocked.get("left_out", ()), *lost, *(name for name in later if name in without)]
        clocked = {**done.clocked, **({"left_out": told} if told else {})}
        return replace(done, studied={**done.studied, **found}, specs=specs, plan=plan, decided=decided, clocked=clocked)

    def again(self, done: Studies, name: str, spec: CandidateSpec) -> Studied | None:
        """A candidate studied once more with other settings, whatever the clock says; None where the level has no time for it, or it fails."""
        if not done.level.cuts:
            return None
        # What fails here is no failure of the study that was there before.
        engine = replace(done.engine, clock=Clock(None), failures={})
        return engine.study_all(self.jobs.jobs({name: spec}, done.level, {name: 1}), self.jobs.given.workers).get(name)

    def _by_trials(self) -> Studies:
        """A budget of trials for each candidate: no clock decides anything, and a stop that is declared says that it did."""
        planned = self.jobs.spec.budget.plan if self.jobs.spec.budget else None
        affordable = self.means.affordable()
        level = affordable if planned is None else Level(**planned.model_dump(exclude={"trials"}))
        specs = self.jobs.paced(level)
        if planned is not None:
            specs = {name: spec for name, spec in specs.items() if name in planned.trials or name not in self.jobs.spec.candidates}
        trials = dict.fromkeys(specs, self.jobs.spec.tuning.trials) if planned is None else planned.trials
        engine = self.jobs.engine(level, Clock(self.jobs.spec.safety_stop_minutes, self.jobs.given.deadline))
        return self._finished(engine, specs, level, engine.study_all(self.jobs.jobs(specs, level, trials), self.jobs.given.workers))

    def _finished(
        self, engine: Engine, specs: Mapping[str, CandidateSpec], level: Level, found: Mapping[str, Studied], clocked: Mapping[str, Any] | None = None
    ) -> Studies:
        in_order = {name: found[name] for name in specs if name in found}
        plan = {**level.as_json(), "trials": {name: len(s.trials) for name, s in in_order.items() if name in self.jobs.spec.candidates}}
        lost = [name for name in self.jobs.specs if name not in found]
        told: dict[str, Any] = {"left_out": lost} if lost else {}
        if engine.memory is not None:
            told |= {"fits_that_waited_for_memory": engine.memory.waited}
        return Studies(in_order, {name: specs[name] for name in in_order}, engine.folds, level, plan, engine, {**(clocked or {}), **told}, self.jobs.facts())

    def _clock(self, plan: Plan) -> Clock:
        """Ends the fits early enough for what comes after the studies."""
        minutes = self.jobs.spec.safety_stop_minutes
        if self.means.limit_s is None:
            return Clock(minutes, self.jobs.given.deadline)
        ends = [self.means.started + self.means.limit_s - plan.clocked.get("reserve_s", AFTER_S)]
        return Clock(minutes, min(ends + ([self.jobs.given.deadline] if self.jobs.given.deadline is not None else [])))

    def _next(self, file: PlanFile, plan: Plan, specs: Mapping[str, CandidateSpec], found: Mapping[str, Studied], engine: Engine, reserve: float) -> Plan:
        """The plan for what the last shares left over: a share ends before a trial that it does not pay for, and a guess is often too dear.

        The same plan, settled, where nothing is left to divide.
        """

        def decide() -> dict[str, float] | None:
            shares, before = self._shares(specs, found, plan, reserve, engine.failures), plan.shares or {}
            return shares if plan.rounds < ROUNDS and any(shares[name] > before.get(name, 0.0) for name in shares) else None

        more = plan if engine.clock.fired else file.extended(plan, decide)
        if more.rounds > plan.rounds:
            return more
        trials = {name: len(studied.trials) for name, studied in found.items() if name in self.jobs.spec.candidates}
        return file.settled(plan, trials if engine.clock.fired else None, engine.failures)

    def refitting(self, done: Studies, versions: Sequence[Sequence[Named]]) -> Studies:
        """The studies with a level whose final refits fit into what is left of the time: each made once, with fewer members, with fewer rows; recorded.

        versions: trials that are refitted, from the most to the fewest.
        """
        kept = replace(done.level, refit_rows=self.means.refit_rows(done.level.refit_rows))
        done = replace(done, level=kept, plan={**done.plan, **kept.as_json()})
        if done.decided is None or self.means.limit_s is None:
            return done
        file, plan = done.decided
        limit, level = self.means.limit_s, kept
        declared, single = self._refits(kept), self._refits(replace(kept, once=True))

        def decide() -> Level:
            in_time = max(0.0, limit - (time.monotonic() - self.means.started) - PACKING_S)
            left = in_time + LATER * limit
            # For what can be left out nobody waits longer.
            refits, fits = declared, versions[0]
            if declared.seconds(fits) > in_time:
                # Where even the smallest one takes longer, those that take no longer than it may ship.
                longest = max(left, single.seconds(versions[-1]))
                refits, fits = single, next(fits for fits in versions if single.seconds(fits) <= longest)
            rows = [most for most in (level.refit_rows, refits.rows_for(fits, left)) if most is not None]
            # A cut is a study and a refit, and may be made several times for each rung.
            cut = (1 + CUTS) * refits.seconds(fits) + CUTS * sum(sum(trial.seconds) for _, trial in fits) / self.means.lanes
            members = None if fits is versions[0] else len(fits)
            return replace(level, members=members, refit_rows=min(rows, default=None), cuts=cut <= left, once=level.once or refits.final != declared.final)

        trials = [[[name, trial.number, trial.work, dict(trial.params)] for name, trial in fits] for fits in versions]
        asked = of_value([declared.final.model_dump(mode="json"), trials])
        plan = file.refitting(plan, asked, decide)
        level = plan.refits[asked]
        return replace(done, level=level, plan={**done.plan, **level.as_json()}, clocked={**done.clocked, **plan.as_json()}, decided=(file, plan))

    def refit_memory(self, done: Studies) -> Memory | None:
        """What holds final refits back while there is too little memory; None without a limit."""
        rows = done.level.refit_rows or self.jobs.size.rows
        return None if self.means.memory_gib is None else Memory(self.means.memory_gib, self.jobs.size.fit_gib(Level(rows=rows)))

    def _shares(
        self, specs: Mapping[str, CandidateSpec], found: Mapping[str, Studied], plan: Plan, reserve: float, failed: Collection[str] = ()
    ) -> dict[str, float]:
        """What the trials so far say about the others: the work of all trials after the first, for each candidate that has something more to try.

        reserve: seconds that are kept; failed: candidates whose studies are over.
        """
        timed = self.means.limit_s is not None
        opened = {}
        for name, studied in found.items():
            work, seconds = sum(t.work for t in studied.trials), sum(sum(t.seconds) for t in studied.trials)
            more_to_try = len(studied.trials) < self.jobs.trials(specs[name], MOST_TRIALS, plan.level) and name not in failed
            if more_to_try and work > 0:
                rate = max(1e-9, seconds / work) if timed else 1.0
                upcoming = self.jobs.upcoming(name, specs[name], plan.level, studied.trials)
                opened[name] = Opened(studied.best.loss, studied.trials[0].work, rate, _used(studied), upcoming)
        more = shares(opened, self._left(found, reserve), found["constant"].best.loss if "constant" in found else None)
        # A share never falls: a study that is gone through again has to come to the same trials at least.
        before = plan.shares or {}
        return {name: max(before.get(name, 0.0), opened[name].used + more[name] if more.get(name) else 0.0) for name in found}

    def _left(self, found: Mapping[str, Studied], reserve: float) -> float:
        """Core seconds for more trials; work where no time is declared."""
        if self.means.limit_s is None:
            return (self.means.work or 0.0) - sum(trial.work for studied in found.values() for trial in studied.trials)
        fitted = sum(sum(trial.seconds) for studied in found.values() for trial in studied.trials) / self.means.lanes
        spent = max(time.monotonic() - self.means.started, fitted)
        return (self.means.limit_s - spent - reserve) * self.means.lanes * USED

    def _reserve(self, found: Mapping[str, Studied], plan: Plan) -> float:
        """Seconds of the limit for what comes after the studies, by what they know; none without a limit, or where nothing is left to decide."""
        if self.means.limit_s is None or plan.settled:
            return 0.0
        # Further refits of each are made where there is time in the end: a trial gives more.
        reserve = AFTER_S + self._refits(replace(plan.level, once=True)).seconds(self._refitted(found, plan))
        if self.jobs.spec.learning_curve:
            reserve += 1.5 * max((sum(studied.trials[0].seconds) for studied in found.values()), default=0.0) / self.means.lanes
        return reserve

    def _refits(self, level: Level) -> Refits:
        return Refits.of(self.jobs.learner.rows.height, level, self.jobs.folds, self.means.lanes, self.jobs.spec.final)

    def _refitted(self, found: Mapping[str, Studied], plan: Plan) -> list[Named]:
        """The trials whose refits have to be waited for. One trial of each candidate says little of what will ship in the end."""
        if plan.rounds == 0 or self.shipping is None or self.jobs.spec.final.rungs != "chosen":
            return self._dearest(found)
        now = self.shipping(found, plan.level.cut(self.jobs.folds, self.jobs.learner.seed))
        return [*now, max(now, key=_seconds)]

    def _dearest(self, found: Mapping[str, Studied]) -> list[Named]:
        """The trials whose refits would take the longest of all that may be asked for, with one more of the dearest candidate."""
        best = [(name, studied.best) for name, studied in found.items() if name in self.jobs.spec.candidates]
        whole = [(name, trial) for name, studied in found.items() for trial in studied.trials if not trial.pruned]
        most = max((getattr(c, "max_members", 0) for c in self.jobs.spec.candidates.values() if c.composes), default=0)
        longest = sorted([*whole, *sorted(best, key=_seconds)[-1:]], key=_seconds, reverse=True)
        return longest[: max(1, most)] if self.jobs.spec.final.rungs == "chosen" else [*best, *longest[:most]]


def _seconds(named: Named) -> float:
    """What the folds of a trial took together."""
    return sum(named[1].seconds)


def _used(studied: Studied) -> float:
    """Work of the trials after the first."""
    return sum(trial.work for trial in studied.trials[1:])
