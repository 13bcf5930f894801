"""The ladder: rungs from simple to complex, and which of them ships."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.stats.bootstrap import Resampled
from runner.training.spec import TrainingSpec

Interval = dict[str, Any]


@dataclass(frozen=True)
class Rung:
    """A candidate as it did out of fold.

    payoff: (n_oof,) what its decisions earned; loss: (n_oof,) log loss, or squared error; scores: metric to interval;
    baseline: declared or constant, not trained for; interpretable: its reasoning can be read; composes: it is a mean of trials of others.
    """

    name: str
    kind: str
    baseline: bool
    interpretable: bool
    trials: int
    payoff: np.ndarray
    loss: np.ndarray
    scores: Mapping[str, Interval]
    composes: bool = False


@dataclass(frozen=True)
class Choice:
    """chosen: the rung that ships; reasons: rung to a sentence."""

    chosen: str
    reasons: Mapping[str, str]


def resampled(rungs: Sequence[Rung], spec: TrainingSpec, seed: int, groups: np.ndarray | None = None) -> Resampled:
    """All rungs' payoffs on the same draws of rows. groups: (n_oof,) codes of rows that belong together."""
    return Resampled.of({rung.name: rung.payoff for rung in rungs}, spec.bootstrap_draws, seed_for(seed, "ladder"), groups)


def resampled_scores(rungs: Sequence[Rung], metric: str, spec: TrainingSpec, seed: int, groups: np.ndarray | None = None) -> Resampled:
    """All rungs' scores, higher is better, on the draws that `resampled` makes: minus the mean loss, or for `rmse` minus its root, in the target's unit."""
    drawn = Resampled.of({rung.name: rung.loss for rung in rungs}, spec.bootstrap_draws, seed_for(seed, "ladder"), groups)
    return drawn.of_means(lambda loss: -np.sqrt(loss) if metric == "rmse" else -loss)


def choose(
    rungs: Sequence[Rung], drawn: Resampled, spec: TrainingSpec, unit: str, over: Mapping[str, str] | None = None, scored: Resampled | None = None
) -> Choice:
    """The simplest rung that no later one surely beats; with `prefer: best`, the one that is best.

    over: rung to why the declared size or latency refuses it; where it refuses all, they are chosen from as if it refused none;
    scored: draws of the scores, higher is better, where they choose instead of the payoff.
    """
    refused = dict(over or {})
    allowed = [rung for rung in rungs if rung.name not in refused]
    if refused and allowed:
        among = choose(allowed, drawn, spec, unit, scored=scored)
        return Choice(among.chosen, {**among.reasons, **refused})
    if spec.prefer == "best":
        return _best(rungs, drawn, scored, spec)
    beaten = {rung.name: _beaten_by(rung, rungs[i + 1 :], drawn, spec, unit) for i, rung in enumerate(rungs)}
    # The last rung has nothing above it, so one rung is always unbeaten.
    place = next(i for i, rung in enumerate(rungs) if beaten[rung.name] is None)
    chosen = rungs[place].name
    reasons = {name: reason for name, reason in beaten.items() if reason is not None}
    reasons |= {rung.name: f"does not surely earn more than {chosen}" for rung in rungs[place + 1 :]}
    reasons[chosen] = f"no more complex rung surely earns more ({spec.confidence:.0%} confidence)"
    return Choice(chosen, reasons)


def _best(rungs: Sequence[Rung], drawn: Resampled, scored: Resampled | None, spec: TrainingSpec) -> Choice:
    """The rung that earned most; by score the best one, in whose place a mean of trials ships unless it is surely worse: it errs less where the
    folds cannot tell (decision 98)."""
    by = drawn if scored is None else scored
    told, less = ("earned most", "earned less than") if scored is None else ("scored best", "scored worse than")
    best = max(rungs, key=lambda rung: by.points[rung.name])
    reasons = {rung.name: f"{told} out of fold" if rung is best else f"{less} {best.name}" for rung in rungs}
    if scored is None or best.baseline or best.composes or not by.means:
        return Choice(best.name, reasons)
    means = [rung for rung in rungs if rung.composes and by.gain(best.name, rung.name, spec.confidence, "")["low"] <= 0]
    if not means:
        return Choice(best.name, reasons)
    chosen = max(means, key=lambda rung: by.points[rung.name]).name
    told_best = f"scored best out of fold, but not surely better than {chosen}, which averages trials"
    return Choice(chosen, {**reasons, best.name: told_best, chosen: f"not surely worse than {best.name}, and averages trials"})


def noted(choice: Choice, notes: Mapping[str, str]) -> Choice:
    """The choice with a note behind the reasons of some rungs."""
    return Choice(choice.chosen, {name: f"{reason}; {notes[name]}" if name in notes else reason for name, reason in choice.reasons.items()})


def _beaten_by(rung: Rung, later: Sequence[Rung], drawn: Resampled, spec: TrainingSpec, unit: str) -> str | None:
    for other in later:
        gain = drawn.gain(other.name, rung.name, spec.confidence, unit)
        if gain["low"] is not None and gain["low"] > 0:
            return f"{other.name} earns {gain['value']:.4g} {unit} a row more (at least {gain['low']:.4g})"
    return None


def simplest_within_one_se(rungs: Sequence[Rung], drawn: Resampled, by: str) -> dict[str, str] | None:
    """The lowest rung within one standard error of the best one, by their paired difference: a mark, which chooses nothing.

    by: what the draws are of, higher is better. None where nothing was drawn.
    Source: the one-standard-error rule of Breiman et al. (1984), with the error of the paired difference.
    """
    if not drawn.means:
        return None
    best = max(rungs, key=lambda rung: drawn.points[rung.name]).name
    behind = {rung.name: drawn.points[best] - drawn.points[rung.name] for rung in rungs}
    return {"rung": next(name for name, short in behind.items() if short <= drawn.standard_error(best, name)), "best": best, "by": by}


def as_json(
    rungs: Sequence[Rung], drawn: Resampled, scored: Resampled, choice: Choice, refitted: Collection[str], spec: TrainingSpec, unit: str, metric: str
) -> dict[str, Any]:
    """ladder.json: every rung with its payoff, its paired gains over the rung below, and why it ships or not.

    drawn: payoffs; scored: scores, whose gain is positive too where the rung is better; refitted: rungs that have a bundle.
    """
    by = "payoff" if spec.choose_by == "payoff" else metric
    written = []
    for i, rung in enumerate(rungs):
        below = rungs[i - 1].name if i else None
        written.append(
            {
                "name": rung.name,
                "kind": rung.kind,
                "baseline": rung.baseline,
                "interpretable": rung.interpretable,
                "payoff": drawn.mean(rung.name, spec.confidence, f"{unit} per row"),
                "gain_over_below": drawn.gain(rung.name, below, spec.confidence, f"{unit} per row") if below else None,
                "score_gain_over_below": scored.gain(rung.name, below, spec.confidence, metric) if below else None,
                "scores": dict(rung.scores),
                "trials": rung.trials,
                "chosen": rung.name == choice.chosen,
                "refitted": rung.name in refitted,
                "reason": choice.reasons[rung.name],
            }
        )
    return {
        "chosen": choice.chosen,
        "simplest_within_one_se": simplest_within_one_se(rungs, drawn if by == "payoff" else scored, by),
        "metric": metric,
        "on": "out_of_fold",
        "rows": drawn.rows,
        "rungs": written,
    }
