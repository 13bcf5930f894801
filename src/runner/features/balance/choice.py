"""Which balance pays: options compared row by row in payoff out of fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.core.seeds import seed_for
from runner.features.balance.balance import NONE, Balance, balance_of
from runner.features.balance.spec import BalanceSpec
from runner.features.probe import Judged, Probe
from runner.stats.bootstrap import Resampled, enough_draws, groups_of

STRENGTHS = (0.5, 1.0)
DRAWS = 1000
UNBALANCED = "none"


@dataclass(frozen=True)
class Chosen:
    """balance: what the fits use; kind, strength: as it was chosen; why: a sentence; options: a row of the table each, empty where nothing was compared."""

    balance: Balance
    kind: str
    strength: float
    why: str
    options: tuple[dict[str, Any], ...] = ()


def declared(spec: BalanceSpec, outcome: np.ndarray, n_classes: int) -> Chosen:
    """The balance of a spec that names one. outcome: (n,) class positions of all training rows."""
    if spec.kind == "none":
        return Chosen(NONE, "none", spec.strength, "no balancing is declared")
    return Chosen(balance_of(spec.kind, spec.strength, outcome, n_classes), spec.kind, spec.strength, f"{spec.kind} is declared")


def compared(spec: BalanceSpec, probe: Probe, unit: str, group: str | None) -> Chosen:
    """The option that surely pays more than no balancing, or none.

    The paired interval of each option's gain is as wide as all of them at once ask for (Bonferroni).
    group: the column whose equal values belong together.
    """
    outcome, n_classes, seed = probe.learner.outcome, len(probe.learner.labels), probe.learner.seed
    options = dict(_options(outcome, n_classes))
    judged = {name: _judged(probe, made, seed_for(seed, "features", "balance", name)) for name, (made, _) in options.items()}
    at = judged[UNBALANCED].at
    confidence = 1.0 - (1.0 - spec.confidence) / (len(options) - 1)
    draws = enough_draws(DRAWS, confidence)
    drawn = Resampled.of(
        {name: found.payoff for name, found in judged.items()},
        draws,
        seed_for(seed, "features", "balance"),
        groups_of(probe.learner.rows[at], group),
    )
    gains = {name: drawn.gain(name, UNBALANCED, confidence, f"{unit} per row") for name in options if name != UNBALANCED}
    sure = [name for name, gain in gains.items() if gain["low"] is not None and gain["low"] > 0]
    chosen = max(sure, key=lambda name: drawn.points[name], default=UNBALANCED)
    made, strength = options[chosen]
    rows = tuple(
        {
            "name": name,
            "kind": balance.kind,
            "strength": how if balance else None,
            "payoff": drawn.mean(name, spec.confidence, f"{unit} per row"),
            "gain": gains.get(name),
            "log_loss": float(judged[name].loss.mean()),
            "chosen": name == chosen,
        }
        for name, (balance, how) in options.items()
    )
    return Chosen(made, made.kind, strength, _why(chosen, gains, unit), rows)


def _options(outcome: np.ndarray, n_classes: int) -> Iterator[tuple[str, tuple[Balance, float]]]:
    yield UNBALANCED, (NONE, 1.0)
    for kind in ("weights", "undersample"):
        for strength in STRENGTHS:
            yield f"{kind} {strength:g}", (balance_of(kind, strength, outcome, n_classes), strength)


def _judged(probe: Probe, balance: Balance, seed: int) -> Judged:
    if not balance:
        return probe.judge()
    outcome = probe.learner.outcome
    if balance.kind == "weights":
        return probe.judge(weights=balance.weights(outcome))
    kept = np.zeros(len(outcome))
    kept[balance.kept(outcome, seed)] = 1.0
    return probe.judge(weights=kept)


def _why(chosen: str, gains: dict[str, Any], unit: str) -> str:
    if chosen != UNBALANCED:
        gain = gains[chosen]
        return f"{chosen} earns {gain['value']:.4g} {unit} a row more than no balancing (at least {gain['low']:.4g})"
    name, best = max(gains.items(), key=lambda item: item[1]["value"])
    if best["low"] is None:
        return f"nothing can be told from chance: {best['why']}"
    return f"no option surely earns more than no balancing: the best, {name}, is {best['value']:+.4g} {unit} a row ({best['low']:.4g} to {best['high']:.4g})"
