"""The gate as the features room asks for it: suspicions, what they cost, and what they mean for the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from runner.core.gates import Gate
from runner.features.leakage.case import Case
from runner.features.leakage.gates import gates
from runner.features.leakage.look import look
from runner.features.leakage.price import canary, prices
from runner.features.leakage.spec import LeakageSpec
from runner.features.probe import Probe
from runner.features.steps.fitting import StepSpec

MOST_PRICED, STRONGEST = 8, 3


@dataclass(frozen=True)
class Judgement:
    """gates: what the run must answer for; report: suspicions with their price, the strongest features with theirs."""

    gates: tuple[Gate, ...]
    report: dict[str, Any]


def case_of(
    own: pl.DataFrame,
    features: Sequence[Mapping[str, str]],
    outcome: np.ndarray,
    task: Mapping[str, Any],
    contract: Mapping[str, Any],
    split: Mapping[str, Any],
    steps: Mapping[str, StepSpec],
    seed: int,
) -> Case:
    """The training rows as the detectors see them: features, and contract columns that are said to be known at the decision.

    own: training rows with the values of every step, as they were fitted on them; outcome: (n, k); task, contract, split: as in
    task.json, contract.json and split.json; steps: the declared ones.
    """
    after = {name for name, column in contract["columns"].items() if column.get("available") == "after_event"}
    hidden = {"row_id", task["target"], *after, *task["forbidden"], *contract["dropped"]}
    kept = [name for name in own.columns if name not in hidden]
    identities = [*task["key"], *([split["group"]] if split.get("group") else [])]
    read = frozenset(column for step in steps.values() for column in step.columns_read)
    time = task["time"] if task["time"] in kept else None
    made = frozenset(name for name in kept if name not in contract["columns"])
    named = [c for c in identities if c in kept]
    late = [name for name in own.columns if name in after and name != task["target"] and own.schema[name].is_numeric()]
    return Case(own.select(kept), features, outcome, task["task"], task["target"], seed, time, named, read, made, own.select(late) if late else None)


def judge(spec: LeakageSpec, case: Case, power: Mapping[str, float], probe: Probe, same: Mapping[str, Sequence[str]] | None = None) -> Judgement:
    """All suspicions of a run at once.

    power: feature to what it can do alone; probe: the recipe and the folds, to price with; same: feature to the others that say the same.
    """
    suspicions = look(case, spec.max_single_power) if spec.detail != "none" else []
    if spec.suspected == "warns":
        suspicions = [replace(s, severity="warns") for s in suspicions]
    ranked = sorted(power, key=lambda name: (-power[name], name))
    suspected = list(dict.fromkeys(s.column for s in suspicions))
    worth_it = [*suspected[:MOST_PRICED], *_strongest(ranked, suspected, same or {})] if spec.detail == "full" else []
    found_prices = prices(probe, worth_it, same)
    priced = {name: replace(p, column=name, alike=tuple(n for n in (p.column, *p.alike) if n != name)) for p in found_prices for name in (p.column, *p.alike)}
    strongest = (ranked[0], power[ranked[0]]) if ranked else ("", 0.0)
    found = gates(suspicions, strongest, spec, case.measure, priced, probe.terms.payoff["unit"], case.made)
    if spec.detail == "full":
        found.append(canary(probe))
    report = {
        "suspicions": [{**s.as_json(), "accepted": _accepted(spec, s.column)} for s in suspicions],
        "prices": [p.as_json() for p in found_prices],
        "unit": probe.terms.payoff["unit"],
    }
    return Judgement(tuple(found), report)


def _strongest(ranked: Sequence[str], suspected: Sequence[str], same: Mapping[str, Sequence[str]]) -> list[str]:
    """The strongest features that are priced as such: one of those that say the same, and none that is suspected already."""
    found: list[str] = []
    for name in ranked:
        if len(found) == STRONGEST:
            break
        if name not in suspected and not any(name in same.get(other, ()) for other in (*found, *suspected[:MOST_PRICED])):
            found.append(name)
    return found


def _accepted(spec: LeakageSpec, column: str) -> dict[str, str] | None:
    accepted = spec.accept.get(column)
    return {"reason": accepted.reason, "by": accepted.by} if accepted else None
