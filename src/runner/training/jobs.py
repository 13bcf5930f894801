"""The studies of a run before they run: engine, settings, what each is named by, and where its folds are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from runner.core.digests import of_file, of_tree, of_value
from runner.core.stage import Given
from runner.features.matrices import Fold, Learner, Matrices
from runner.training.budget.clock import Clock
from runner.training.budget.estimate import Size
from runner.training.budget.level import Level
from runner.training.budget.memory import Memory
from runner.training.course import Job
from runner.training.engine import Engine, Tally, iterations_made
from runner.training.fold_store import FoldStore
from runner.training.models.space import CandidateSpec
from runner.training.spec import TrainingSpec
from runner.training.storage import Shared
from runner.training.study import Record, Trial

MOST_TRIALS = 10_000


@dataclass(frozen=True)
class Jobs:
    """What the studies of a run are made from. folds: of the split; specs: the ladder from the bottom; size: of the training rows."""

    spec: TrainingSpec
    given: Given
    learner: Learner
    folds: list[Fold]
    specs: Mapping[str, CandidateSpec]
    problem: Mapping[str, Any]
    size: Size

    @classmethod
    def of(cls, spec: TrainingSpec, given: Given, learner: Learner, folds: list[Fold], specs: Mapping[str, CandidateSpec], problem: Mapping[str, Any]) -> Jobs:
        """With the size of the rows that are learned from."""
        return cls(spec, given, learner, folds, specs, problem, Size(learner.rows.height, learner.rows.width, max(1, len(learner.labels))))

    def paced(self, level: Level) -> dict[str, CandidateSpec]:
        """The candidates as fast as a level has them learn."""
        return {name: level.paced(name, spec) for name, spec in self.specs.items()}

    def engine(self, level: Level, clock: Clock) -> Engine:
        """What runs studies of a level until the clock ends them."""
        folds = level.cut(self.folds, self.learner.seed)
        budget = self.spec.budget
        each = [self.trials(spec, self.spec.tuning.trials if budget is None else 1, level) for spec in self.specs.values()]
        tally = Tally(self.given.progress, sum(each) * len(folds))
        memory = Memory(self.spec.memory_gb, self.size.fit_gib(level)) if self.spec.memory_gb is not None else None
        monotone = self.problem["constraints"]["monotone"]
        tuning, threads = self.spec.tuning, self.spec.threads_per_fit
        forgives = self.spec.on_failure == "leave_out"
        return Engine(self.learner, folds, Matrices(self.learner, folds), tuning.lag, threads, monotone, clock, tally, tuning.prune, forgives, memory)

    def trials(self, candidate: CandidateSpec, most: int, level: Level) -> int:
        """How many trials a candidate has at most: one without a space has no more than its portfolio."""
        return most if candidate.space else min(most, 1 + len(candidate.portfolio))

    def upcoming(self, name: str, candidate: CandidateSpec, level: Level, trials: Sequence[Trial]) -> float:
        """What the next trial of a study is expected to work. trials: its trials so far, one at least.

        Where the portfolio is through nobody knows what will be tried: as much as the first, or as whole ones did on average.
        """
        first, number = trials[0].work, len(trials)
        if number > len(candidate.portfolio):
            whole = [trial.work for trial in trials if not trial.pruned]
            return max(first, sum(whole) / len(whole))
        params = {**candidate.defaults(), **level.settings(name, candidate.portfolio[number - 1])}
        return first * self.dear(candidate, level, params, trials[0].rounds)

    def dear(self, candidate: CandidateSpec, level: Level, params: Mapping[str, Any], first: Sequence[int | None]) -> float:
        """How many times the work of a study's first trial one with these settings is expected to cost. first: iterations that its folds kept."""
        return self.size.relative(candidate, params, self._rows(level), made_by(candidate, first))

    def _rows(self, level: Level) -> int:
        """The most training rows of a fold."""
        return min(level.rows or self.size.rows, max(len(fold.train) for fold in self.folds))

    def jobs(
        self,
        specs: Mapping[str, CandidateSpec],
        level: Level,
        trials: Mapping[str, int],
        rates: Mapping[str, float] = MappingProxyType({}),
        recorded: bool = True,
    ) -> list[Job]:
        """Cheapest first, as far as it is known: rates are seconds of a unit of work; recorded: whether their trials are told to storage.

        A study is named by all that its folds' results depend on: payoff and policy do not count, so a new price re-uses every fit.
        """
        shared, storage, size, found = self.shared(), self._storage(), self.size, []
        for name, candidate in specs.items():
            if name not in trials and name in self.spec.candidates:
                continue
            fits = {**shared, "name": name, "spec": candidate.model_dump(mode="json"), "rows": level.rows}
            record = {**fits, "lag": self.spec.tuning.lag, "prune": self.spec.tuning.prune, "folds": level.folds}
            journal, store = of_value(record)[:24], FoldStore(self.given.home / "fits" / of_value(fits)[:24])
            kept = None
            if recorded and self.trials(candidate, MOST_TRIALS, level) > 1:
                where = storage or self.given.home / "studies" / f"{journal}.log"
                called = f"{self.given.experiment}/{name}" + (f"/{journal[:12]}" if storage else "")
                kept = Record(where, called, candidate.space, self.facts())
            portfolio = [level.settings(name, entry) for entry in candidate.portfolio]
            most = self.trials(candidate, trials.get(name, 1), level)
            found.append(Job(name, candidate, most, store, kept, portfolio=portfolio, dear=partial(self.dear, candidate, level)))
        return sorted(found, key=lambda job: rates.get(job.name, 1.0) * size.fit_work(job.name, job.spec, Level(), size.rows))

    def _storage(self) -> Shared | None:
        declared = self.spec.tuning.storage
        return None if declared is None else Shared.at(declared.url_env, self.given.home / "locks")

    def shared(self) -> dict[str, Any]:
        """What the results of all fits depend on."""
        problem, given = self.problem, self.given
        data = [of_file(given["features"]), of_tree(given["recipe"]), of_file(given["folds"])]
        return {
            "data": of_value(data),
            "target": [problem["task"], problem["target"], problem["positive"]],
            "monotone": problem["constraints"]["monotone"],
            "threads": self.spec.threads_per_fit,
            "seed": given.seed,
            "code": given.made_from.get("code"),
            "lock": given.made_from.get("lock"),
        }

    def facts(self) -> dict[str, Any]:
        """Seed and digests of data and code, as the records of trials have them."""
        shared = self.shared()
        return {name: shared[name] for name in ("seed", "data", "code")}

    def declared(self) -> Any:
        """What a plan depends on beside the data."""
        kept = {"candidates", "order", "tuning", "budget", "memory_gb", "learning_curve", "on_failure", "safety_stop_minutes"}
        return self.spec.model_dump(mode="json", include=kept)


def made_by(candidate: CandidateSpec, kept: Sequence[int | None]) -> float:
    """Iterations that the folds of a trial with the declared setting made, on average; 0 where its family has none. kept: those of each fold."""
    return sum(iterations_made(candidate, rounds) for rounds in kept) / max(1, len(kept))
