"""What running the head costs: fits, counted from what is declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runner.core.registry import kinds
from runner.experiment.diff import same
from runner.pipeline.review.rerun import StageRun
from runner.report.reading import at

# What beside its own spec names a study (see training.stage): another value makes every fit anew.
SHARED = (
    ("seed",),
    ("problem", "task"),
    ("problem", "target"),
    ("problem", "positive"),
    ("problem", "constraints", "monotone"),
    ("training", "threads_per_fit"),
)
UPSTREAM = ("data", "features")


@dataclass(frozen=True)
class Cost:
    """Fits are trials x folds at most, added over the candidates; hopeless trials are pruned sooner, and a budget of time or work decides on all but the
    first trial of each when it runs. The constant and the rules cost next to nothing.

    before, after: of the two declarations, None where there is none; new: those at the head that no run of the base made, which is all that
    is fitted where the private folder .runner is kept; heavier: candidates whose settings differ, so that one fit may take longer or shorter;
    minutes: (before, new), clocked on the machine of a former run and scaled, only when asked for.
    """

    before: int | None
    after: int | None
    new: int
    heavier: tuple[str, ...] = ()
    minutes: tuple[float, float] | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the fits of the base."""
        return self.after / self.before if self.before and self.after is not None else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def cost(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, runs: Sequence[StageRun], seconds: Mapping[str, float]) -> Cost:
    """Compare two entries of params.yaml. runs: how the stages fare; seconds: candidate to the clocked seconds of all fits of the base, if known."""
    before, after = _fits(old), _fits(new)
    fresh = _new_fits(old, new, after, {run.room: run for run in runs})
    changed = tuple(name for name in after if name in before and not same(_candidate(old, name), _candidate(new, name)))
    per_fit = {name: seconds[name] / n for name, n in before.items() if n and name in seconds}
    known = bool(per_fit) and all(name in per_fit for name, n in fresh.items() if n)
    minutes = (sum(per_fit[n] * before[n] for n in per_fit) / 60.0, sum(per_fit[n] * fresh[n] for n in fresh if fresh[n]) / 60.0) if known else None
    return Cost(sum(before.values()) if old else None, sum(after.values()) if new else None, sum(fresh.values()), changed, minutes)


def _fits(entry: Mapping[str, Any] | None) -> dict[str, int]:
    """Candidate to the fits of its study: what the declared constraints let onto the ladder."""
    if entry is None:
        return {}
    folds, readable = _whole(at(entry, "data", "split", "folds"), 1), bool(at(entry, "problem", "constraints", "interpretable_only"))
    families: Mapping[str, Any] = kinds("candidate")
    budget = at(entry, "training", "budget")
    planned = at(budget, "plan", "trials") if budget is not None else None
    found = {}
    for name, candidate in (at(entry, "training", "candidates") or {}).items():
        family = families.get(str(at(candidate, "kind")))
        if readable and family is not None and not family.interpretable:
            continue
        searched = family is None or bool(family.space)
        most = _whole(at(entry, "training", "tuning", "trials"), 1) if budget is None else 1
        alone = min(most, 1 + len(family.portfolio)) if family is not None else 1
        if planned is None:
            found[str(name)] = folds * (most if searched else alone)
        elif name in planned:
            found[str(name)] = min(folds, _whole(at(budget, "plan", "folds"), folds)) * _whole(planned[name], 1)
    return found


def _new_fits(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, after: Mapping[str, int], runs: Mapping[str, StageRun]) -> dict[str, int]:
    """Candidate to the fits that no run of the base made. A trial is proposed from earlier ones, so more trials only add to a study."""
    training = runs.get("training")
    if new is None or training is None or training.status == "kept":
        return dict.fromkeys(after, 0)
    upstream = any(runs[room].status != "kept" and not _only_priced(runs[room], new) for room in UPSTREAM)
    if old is None or upstream or training.code or training.libraries or any(not same(at(old, *key), at(new, *key)) for key in SHARED):
        return dict(after)
    before = _fits(old)
    lag = same(at(old, "training", "tuning", "lag"), at(new, "training", "tuning", "lag"))
    return {name: max(0, n - before[name]) if lag and name in before and same(_candidate(old, name), _candidate(new, name)) else n for name, n in after.items()}


def _only_priced(run: StageRun, entry: Mapping[str, Any]) -> bool:
    """Whether the features room only follows the problem, and nothing of what it hands to training is chosen by payoff."""
    chosen = at(entry, "features", "balance", "kind") == "auto" or at(entry, "features", "selection", "ship") == "smallest"
    return run.room == "features" and run.status == "follows" and run.after == ("problem",) and not chosen


def _candidate(entry: Mapping[str, Any] | None, name: str) -> Any:
    return at(entry, "training", "candidates", name)


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
