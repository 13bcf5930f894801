"""What a fit costs, told from a small part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Matrices
from runner.training.budget.clock import Clock
from runner.training.budget.level import Level, drawn
from runner.training.course import Studied
from runner.training.jobs import Jobs
from runner.training.models.space import CandidateSpec

# Iterations of the fits from which the speed of a candidate is told, the first of which only warms up; and their most rows.
PROBE_STEPS, PROBE_ROWS = (1, 2, 12), 50_000


def speeds(jobs: Jobs, specs: Mapping[str, CandidateSpec]) -> dict[str, float]:
    """Seconds of a unit of work of those that learn step by step, from a few steps on the last fold."""
    fold = replace(jobs.folds[-1], train=drawn(jobs.folds[-1].train, PROBE_ROWS, seed_for(jobs.learner.seed, "training", "probe")))
    stepwise = {name: spec for name, spec in specs.items() if hasattr(spec, "patience") and not spec.derives}
    engine = replace(jobs.engine(Level(), Clock(None)), folds=[fold], matrices=Matrices(jobs.learner, [fold]))
    tried = []
    for steps in PROBE_STEPS:
        short = {name: spec.model_copy(update={"max_iterations": steps}) for name, spec in stepwise.items()}
        tried.append(engine.study_all(jobs.jobs(short, Level(rows=PROBE_ROWS), dict.fromkeys(short, 1), recorded=False), 1))
    few, more = ({name: studied.trials[0] for name, studied in found.items()} for found in tried[1:])
    # One that fails here fails in its first trial too, which tells of it.
    there = [name for name in stepwise if name in few and name in more]
    slopes = {name: (sum(more[name].seconds) - sum(few[name].seconds)) / (more[name].work - few[name].work) for name in there}
    return {name: slope for name, slope in slopes.items() if slope > 0}


def first_trials(jobs: Jobs, candidates: Mapping[str, CandidateSpec], fold: Fold) -> Mapping[str, Studied]:
    """The first trial of some candidates on one fold, for those who want to know what a fit costs."""
    engine = replace(jobs.engine(Level(), Clock(None)), folds=[fold])
    return engine.study_all(jobs.jobs(candidates, Level(), dict.fromkeys(candidates, 1), recorded=False), 1)
