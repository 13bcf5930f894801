"""The door of the training room."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.core.faults import Fault, RefusedError
from runner.core.files import read_json, write_json, write_parquet
from runner.core.seeds import seed_for
from runner.core.stage import Done, Given
from runner.features import recipe
from runner.features.balance.balance import load as load_balance
from runner.features.matrices import Fold, Learner, class_order, folds_of, prepare
from runner.problem.policies.conformal import Seen
from runner.problem.policies.tuning import Terms
from runner.training import failures, ladder
from runner.training.budget.level import drawn
from runner.training.budget.memory import peak_gib
from runner.training.calibrating import about_the_chosen
from runner.training.course import Studied
from runner.training.curves.learning import learned
from runner.training.engine import iterations_made
from runner.training.ensemble.final import Ground
from runner.training.ensemble.front import Limits
from runner.training.ensemble.rungs import composed, derived, fitting
from runner.training.ensemble.shipping import Yard, ship, wanted
from runner.training.jobs import Jobs
from runner.training.models.constant import ConstantSpec
from runner.training.models.rule import RuleSpec
from runner.training.models.space import CandidateSpec
from runner.training.probing import first_trials
from runner.training.rungs import Judged, OutOfFold, Shipping, judge
from runner.training.spec import TrainingSpec
from runner.training.standing import Standing
from runner.training.studies import Conductor, Studies
from runner.training.study import Named

# How long a fit may keep the interpreter while another waits for it, in seconds.
SWITCH_S = 5e-4


def run(spec: TrainingSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Study every candidate on fixed folds, choose the rung that ships, refit and pack each one.

    Reads problem, features, recipe, folds, split, contract; writes candidates, oof, ladder, training_report.
    """
    problem, split, contract = (read_json(given[name]) for name in ("problem", "split", "contract"))
    learner = _learner(given, problem)
    folds = folds_of(learner.rows["row_id"], pl.read_parquet(given["folds"]), split["walks_forward"])
    started = time.monotonic()
    ladder_specs = rung_specs(spec, problem)
    conductor = _conductor(spec, given, learner, folds, ladder_specs, problem, split)
    with _fitting_alike():
        studies = conductor.run()
        studies = conductor.then(studies, derived(ladder_specs, studies))
        gates = failures.judged(studies, spec.candidates)
        curve = learned(studies, spec, given) if spec.learning_curve else None
        specs, folds = {**ladder_specs, **studies.specs}, studies.folds
        studies.engine.matrices.forget()
        oof = OutOfFold.of(learner, folds, split.get("group"))
        made = composed(specs, studies.studied, learner, oof)
        studied = made.studied

        def judging(name: str, predictions: np.ndarray) -> Judged:
            return judge(specs[name], replace(studied[name], predictions=predictions), learner, oof, problem, spec)

        def shorter(name: str, iterations: int) -> tuple[CandidateSpec, Studied] | None:
            # Settings that the study found, laid over the spec: the one trial is then the declared setting of that spec.
            fewer = specs[name].laid({**studied[name].best.params, "max_iterations": iterations})
            found = conductor.again(studies, name, fewer)
            return None if found is None else (fewer, found)

        judged = {name: judge(specs[name], studied[name], learner, oof, problem, spec) for name in studied}
        standing = Standing(spec, learner, oof, problem, specs, studied, dict(judged))
        studies = conductor.refitting(studies, wanted(made, None if spec.final.rungs == "all" else standing.choice({}).chosen))
        rows = drawn(np.arange(learner.rows.height), studies.level.refit_rows, seed_for(learner.seed, "training", "rows", "final"))
        everything = prepare(learner, rows, None, ("final",))
        final, memory = studies.level.refitted(spec.final), conductor.refit_memory(studies)
        trained = [len(fold.train) for fold in folds]
        ground = Ground(learner, everything, problem["constraints"]["monotone"], spec.threads_per_fit, final, trained, memory)
        shipping = Shipping(contract, split["seal"], given.made_from)
        given.progress.say(f"refitting {'each candidate' if spec.final.rungs == 'all' else 'what ships'} on all training rows")
        yard = Yard(ground, shipping, judged, judging, Limits.of(problem), shorter, studies.level.members)
        shipped = ship(specs, made, yard, out["candidates"], given.workers, standing.would_ship if spec.final.rungs == "chosen" else None)
        standing.replaced(shipped.judged)
        studied = {name: replace(found, predictions=shipped.predictions.get(name, found.predictions)) for name, found in studied.items()}
        choice = ladder.noted(standing.choice(shipped.over), shipped.notes())
    judged = standing.judged
    front = shipped.front(spec, given.seed, oof.groups, problem["payoff"]["unit"])
    write_json(out["ladder"], standing.as_json(choice, shipped.models) | {"front": front})
    write_parquet(out["oof"], _oof_frame(learner, oof, judged))
    told = {
        "importance": shipped.importance(everything),
        "members": shipped.members(),
        "balance": learner.balance.kind,
        "chosen": _chosen(choice.chosen, studied, judged, learner, oof, problem["positive"], spec),
        "walks_forward": split["walks_forward"],
        "plan": studies.plan,
        "learning_curve": curve,
        "made_from": studies.facts,
        "failed": studies.engine.failures,
    }
    write_json(out["training_report"], _report(specs, studied, judged, spec) | told)
    for gate in gates:
        given.progress.say(gate.evidence)
    return Done(gates, _measured(spec, given, studies) | {"seconds": round(time.monotonic() - started, 3)})


def _conductor(
    spec: TrainingSpec,
    given: Given,
    learner: Learner,
    folds: list[Fold],
    specs: Mapping[str, CandidateSpec],
    problem: Mapping[str, Any],
    split: Mapping[str, Any],
) -> Conductor:
    def shipping(found: Mapping[str, Studied], judged_on: list[Fold]) -> list[Named]:
        made = composed(specs, found, learner, OutOfFold.of(learner, judged_on, split.get("group")))
        leads = min(made.studied, key=lambda name: made.studied[name].best.loss)
        return wanted(made, leads)[0]

    return Conductor.of(Jobs.of(spec, given, learner, folds, fitting(specs), problem), shipping)


@contextmanager
def _fitting_alike() -> Iterator[None]:
    """One thread for BLAS, since more may change last bits: the fits themselves are what runs side by side. No word of iterations used up."""
    import sys
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        # The declared number of iterations is a work budget; ending there is not an accident. Filters belong to the
        # whole process, so they are set once here and not in the threads that fit.
        warnings.simplefilter("ignore", ConvergenceWarning)
        usual = sys.getswitchinterval()
        # Fits of many short steps wait for the interpreter at each of them: a family that holds it long made others eight times slower.
        sys.setswitchinterval(SWITCH_S)
        try:
            yield
        finally:
            sys.setswitchinterval(usual)


def _measured(spec: TrainingSpec, given: Given, studies: Studies) -> dict[str, Any]:
    """What a clock and a meter gave."""
    measured: dict[str, Any] = {
        "fitting_seconds": {name: round(s.seconds, 3) for name, s in studies.studied.items()},
        "trial_seconds": {name: [list(t.seconds) for t in s.trials] for name, s in studies.studied.items()},
        "peak_memory_gib": round(peak_gib(), 3),
        **studies.clocked,
    }
    if studies.engine.clock.fired:
        # A plan remembers what its stop left, and a rerun does just that.
        again = "a rerun makes the same trials" if studies.decided is not None else "another run may finish more trials"
        limit = f"after {spec.safety_stop_minutes} minutes" if spec.safety_stop_minutes is not None else "before its time was used up"
        measured["safety_stop"] = f"fired {limit}; {again}"
        if studies.decided is None:
            given.progress.say("the declared safety stop fired: fewer trials ran than the budget declares, and another run may differ")
    dear = studies.clocked.get("without", ())
    late = [name for name in studies.clocked.get("left_out", ()) if name not in studies.engine.failures]
    for name in late:
        given.progress.say(f"{name} is left out: {'it is too dear for the time' if name in dear else 'time was up before its first trial was done'}")
    for name, of in failures.bereft(spec.candidates, studies, late):
        given.progress.say(f"{name} is left out with {of}, of which it is made")
    return measured


def assist(spec: TrainingSpec, given: Given) -> None:
    """Fit folds of the studies that another process is running on the same inputs, until all are done; writes nothing but those folds."""
    problem, split = read_json(given["problem"]), read_json(given["split"])
    learner = _learner(given, problem)
    folds = folds_of(learner.rows["row_id"], pl.read_parquet(given["folds"]), split["walks_forward"])
    ladder_specs = rung_specs(spec, problem)
    with _fitting_alike():
        conductor = _conductor(spec, given, learner, folds, ladder_specs, problem, split)
        studies = conductor.run()
        conductor.then(studies, derived(ladder_specs, studies))


def timed(spec: TrainingSpec, given: Given, iterations: int) -> dict[str, float]:
    """Candidate to the seconds of one fit on the last fold, with the first trial's settings; writes nothing but folds below `given.home`.

    iterations: the most that are made, where a family has them; a fit that would have gone on is taken to make all that it may.
    """
    problem, split = read_json(given["problem"]), read_json(given["split"])
    learner = _learner(given, problem)
    folds = folds_of(learner.rows["row_id"], pl.read_parquet(given["folds"]), split["walks_forward"])[-1:]
    declared = {name: candidate for name, candidate in fitting(rung_specs(spec, problem)).items() if name in spec.candidates}
    specs = {name: _shortened(candidate, iterations) for name, candidate in declared.items()}
    with _fitting_alike():
        studied = first_trials(Jobs.of(spec, given, learner, folds, specs, problem), specs, folds[0])
    return {name: found.seconds * _left_out(declared[name], found.best.rounds[0], iterations) for name, found in studied.items()}


def _shortened(candidate: CandidateSpec, iterations: int) -> CandidateSpec:
    most = getattr(candidate, "max_iterations", 0)
    return candidate.model_copy(update={"max_iterations": iterations}) if most > iterations else candidate


def _left_out(candidate: CandidateSpec, rounds: int | None, iterations: int) -> float:
    """How many times longer a fit would have taken that was ended early by the limit, not by its own patience."""
    most = getattr(candidate, "max_iterations", 0)
    return most / iterations if rounds is not None and most > iterations and iterations_made(candidate, rounds) >= iterations else 1.0


def rung_specs(spec: TrainingSpec, problem: Mapping[str, Any]) -> dict[str, CandidateSpec]:
    """The ladder from the bottom: constant, the declared baselines, the candidates that the constraints allow."""
    rules: dict[str, CandidateSpec] = {name: RuleSpec(kind="rule", sql=b["sql"]) for name, b in problem["baselines"].items()}
    readable = problem["constraints"]["interpretable_only"]
    candidates = {name: c for name, c in spec.candidates.items() if c.interpretable or not readable}
    taken = sorted(set(candidates) & {"constant", *rules})
    if taken:
        raise RefusedError([Fault(f"training.candidates.{name}", "a baseline has this name already", "a name of its own") for name in taken])
    return {"constant": ConstantSpec(), **rules, **candidates}


def _learner(given: Given, problem: Mapping[str, Any]) -> Learner:
    labels = class_order(problem)
    rows = pl.read_parquet(given["features"])
    balance = load_balance(labels, given["recipe"])
    return Learner(rows, recipe.load(given["recipe"]), problem["task"], problem["target"], labels, given.seed, balance)


def _oof_frame(learner: Learner, oof: OutOfFold, judged: Mapping[str, Judged]) -> pl.DataFrame:
    ids = learner.rows["row_id"][oof.at]
    parts = []
    for name, result in judged.items():
        columns = [ids, pl.Series("fold", oof.fold, dtype=pl.Int8), pl.repeat(name, len(ids), eager=True).alias("candidate")]
        named = [f"p_{label}" for label in learner.labels] or ["prediction"]
        columns += [pl.Series(n, result.p[:, i]) for i, n in enumerate(named)]
        parts.append(pl.DataFrame(columns).hstack(result.decided))
    return pl.concat(parts)


def _chosen(
    name: str, studied: Mapping[str, Studied], judged: Mapping[str, Judged], learner: Learner, oof: OutOfFold, positive: str | None, spec: TrainingSpec
) -> dict[str, Any]:
    """What the chapter shows of the rung that ships."""
    p, combine = judged[name].p, judged[name].combine
    terms = Terms(combine["policy"], combine["payoff"], list(learner.labels), learner.target)
    seen = Seen(learner.rows[oof.at], p, oof.outcome, oof.fold, oof.groups)
    return about_the_chosen(studied[name].predictions, p, seen, terms, positive, spec.confidence)


def _report(specs: Mapping[str, CandidateSpec], studied: Mapping[str, Studied], judged: Mapping[str, Judged], spec: TrainingSpec) -> dict[str, Any]:
    return {
        "studies": [
            {
                "candidate": name,
                "spec": candidate.model_dump(mode="json"),
                "space": {n: {"low": r.low, "high": r.high, "log": r.log} for n, r in candidate.space.items()},
                "best": studied[name].best.number,
                "calibration": judged[name].combine["calibration"],
                "policy": judged[name].combine["policy"],
                "judged": judged[name].report,
                "trials": [
                    {
                        "trial": t.number,
                        "state": "pruned" if t.pruned else "complete",
                        "params": dict(t.params),
                        "loss": t.loss,
                        "fold_losses": list(t.fold_losses),
                        "rounds": list(t.rounds),
                        "work": round(t.work, 4),
                    }
                    for t in studied[name].trials
                ],
            }
            for name, candidate in specs.items()
            if name in studied
        ],
        "tuning": spec.tuning.model_dump(mode="json"),
        "prefer": spec.prefer,
        "confidence": spec.confidence,
    }


__all__: Sequence[str] = ("assist", "run", "rung_specs", "timed")
