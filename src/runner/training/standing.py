"""How the rungs stand at a moment: their payoffs and scores, and which of them would ship."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.core.seeds import seed_for
from runner.features.matrices import Learner
from runner.stats.bootstrap import Resampled
from runner.stats.scores import score_intervals
from runner.training import ladder
from runner.training.course import Studied
from runner.training.ensemble.shipping import Shipped
from runner.training.ladder import Choice, Rung
from runner.training.models.space import CandidateSpec
from runner.training.pruning import losses_of
from runner.training.rungs import Judged, OutOfFold
from runner.training.spec import TrainingSpec

SCORE_DRAWS = 200


@dataclass
class Standing:
    """specs, studied: by rung, the ladder from the bottom; judged: as each rung stands now, replaced where a smaller version of it ships."""

    spec: TrainingSpec
    learner: Learner
    oof: OutOfFold
    problem: Mapping[str, Any]
    specs: Mapping[str, CandidateSpec]
    studied: Mapping[str, Studied]
    judged: dict[str, Judged]
    _scored: dict[str, tuple[Judged, Rung]] = field(default_factory=dict)
    _drawn: tuple[list[Rung], Resampled] | None = None
    _scores: tuple[list[Rung], Resampled] | None = None

    def replaced(self, judged: Mapping[str, Judged]) -> None:
        """Some rungs are judged anew."""
        self.judged |= judged

    def rungs(self) -> list[Rung]:
        """From the bottom; what did not change is not scored again."""
        for name, judged in self.judged.items():
            if name not in self._scored or self._scored[name][0] is not judged:
                self._scored[name] = (judged, self._rung(name, judged))
        return [self._scored[name][1] for name in self.studied]

    @property
    def _metric(self) -> str:
        return "rmse" if self.learner.task == "regression" else "log_loss"

    def _payoffs(self) -> tuple[list[Rung], Resampled]:
        """The rungs and the draws of their payoffs, drawn again only where one of them changed."""
        rungs = self.rungs()
        if self._drawn is None or not _same(rungs, self._drawn[0]):
            self._drawn = (rungs, ladder.resampled(rungs, self.spec, self.learner.seed, self.oof.groups))
        return self._drawn

    def _losses(self) -> Resampled:
        """The same of their scores."""
        rungs = self.rungs()
        if self._scores is None or not _same(rungs, self._scores[0]):
            self._scores = (rungs, ladder.resampled_scores(rungs, self._metric, self.spec, self.learner.seed, self.oof.groups))
        return self._scores[1]

    def choice(self, over: Mapping[str, str]) -> Choice:
        """over: rung to why the declared size or latency refuses it."""
        rungs, drawn = self._payoffs()
        scored = self._losses() if self.spec.choose_by == "score" else None
        return ladder.choose(rungs, drawn, self.spec, self.problem["payoff"]["unit"], over, scored)

    def would_ship(self, shipped: Shipped) -> str:
        """The rung that would ship, with what is known of those that were made."""
        self.replaced(shipped.judged)
        return self.choice(shipped.over).chosen

    def as_json(self, choice: Choice, refitted: Collection[str]) -> dict[str, Any]:
        """The standing for ladder.json. refitted: rungs that have a bundle."""
        rungs, drawn = self._payoffs()
        return ladder.as_json(rungs, drawn, self._losses(), choice, refitted, self.spec, self.problem["payoff"]["unit"], self._metric)

    def _rung(self, name: str, judged: Judged) -> Rung:
        learner, candidate, positive = self.learner, self.specs[name], self.problem["positive"]
        actual = learner.rows[learner.target][self.oof.at]
        seed = seed_for(learner.seed, "scores", name)
        confidence, groups = self.spec.confidence, self.oof.groups
        scores = score_intervals(learner.task, actual, judged.p, list(learner.labels), positive, confidence, SCORE_DRAWS, seed, groups)
        baseline = name == "constant" or name in self.problem["baselines"]
        payoff, loss = judged.decided["payoff"].to_numpy(), losses_of(judged.p, self.oof.outcome, learner.task)
        return Rung(name, candidate.kind, baseline, candidate.interpretable, len(self.studied[name].trials), payoff, loss, scores, candidate.composes)


def _same(some: Sequence[Rung], others: Sequence[Rung]) -> bool:
    return all(a is b for a, b in zip(some, others, strict=True))
