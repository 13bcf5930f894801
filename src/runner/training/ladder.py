"""The ladder: rungs from simple to complex, and which of them ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.stats.bootstrap import mean_interval, paired_gain
from runner.training.spec import TrainingSpec

Interval = dict[str, Any]


@dataclass(frozen=True)
class Rung:
    """A candidate as it did out of fold.

    payoff: (n_oof,) what its decisions earned; scores: metric to interval; baseline: declared or constant, not trained for.
    """

    name: str
    kind: str
    baseline: bool
    trials: int
    payoff: np.ndarray
    scores: Mapping[str, Interval]


@dataclass(frozen=True)
class Choice:
    """chosen: the rung that ships; reasons: rung to a sentence; gains: complex rung to its paired gain over the chosen one."""

    chosen: str
    reasons: Mapping[str, str]


def choose(rungs: Sequence[Rung], spec: TrainingSpec, seed: int, unit: str) -> Choice:
    """The simplest rung that no later one surely beats; with `prefer: best`, the one that earned most."""
    if spec.prefer == "best":
        best = max(rungs, key=lambda rung: float(rung.payoff.mean()))
        return Choice(best.name, {r.name: "earned most out of fold" if r is best else f"earned less than {best.name}" for r in rungs})
    reasons: dict[str, str] = {}
    for i, rung in enumerate(rungs):
        beaten_by = _beaten_by(rung, rungs[i + 1 :], spec, seed, unit)
        if beaten_by is None:
            reasons[rung.name] = f"no more complex rung surely earns more ({spec.confidence:.0%} confidence)"
            reasons |= {later.name: f"does not surely earn more than {rung.name}" for later in rungs[i + 1 :]}
            return Choice(rung.name, reasons)
        reasons[rung.name] = beaten_by
    raise AssertionError("the last rung has no later one to be beaten by")


def _beaten_by(rung: Rung, later: Sequence[Rung], spec: TrainingSpec, seed: int, unit: str) -> str | None:
    for other in later:
        gain = paired_gain(other.payoff, rung.payoff, spec.confidence, spec.bootstrap_draws, seed_for(seed, "ladder", rung.name, other.name), unit)
        if gain["low"] is not None and gain["low"] > 0:
            return f"{other.name} earns {gain['value']:.4g} {unit} more (at least {gain['low']:.4g})"
    return None


def as_json(rungs: Sequence[Rung], choice: Choice, spec: TrainingSpec, seed: int, unit: str, metric: str) -> dict[str, Any]:
    """ladder.json: every rung with its payoff, its paired gain over the rung below, and why it ships or not."""
    written = []
    for i, rung in enumerate(rungs):
        below = rungs[i - 1] if i else None
        settings = (spec.confidence, spec.bootstrap_draws)
        written.append(
            {
                "name": rung.name,
                "kind": rung.kind,
                "baseline": rung.baseline,
                "payoff": mean_interval(rung.payoff, *settings, seed_for(seed, "ladder", rung.name), unit),
                "gain_over_below": paired_gain(rung.payoff, below.payoff, *settings, seed_for(seed, "ladder", below.name, rung.name), unit) if below else None,
                "scores": dict(rung.scores),
                "trials": rung.trials,
                "chosen": rung.name == choice.chosen,
                "reason": choice.reasons[rung.name],
            }
        )
    return {"chosen": choice.chosen, "metric": metric, "on": "out_of_fold", "rows": len(rungs[0].payoff), "rungs": written}
