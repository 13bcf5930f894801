"""From measured gains and limits to go or no go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.faults import ExitCode
from runner.core.gates import SURELY_AT_LEAST, SURELY_MORE, Gate, any_failed
from runner.core.stage import TestUse


def criterion_gate(criterion: Mapping[str, Any], gain: Mapping[str, Any], chosen: str, unit: str) -> Gate:
    """Whether the low end of the paired gain clears the declared minimum."""
    baseline, minimum = criterion["baseline"], criterion["minimum_gain_per_row"]
    limit, terms = f"{SURELY_AT_LEAST} {minimum:g} {unit} per row over {baseline}", (f"{unit} per row", SURELY_AT_LEAST)
    if chosen == baseline:
        return Gate(
            "success criterion", "evaluation", "failed", limit, 0.0, f"no candidate surely beats {baseline}: it is itself the rung that would ship", *terms
        )
    if gain["low"] is None:
        return Gate("success criterion", "evaluation", "failed", limit, None, f"the gain cannot be told: {gain['why']}", *terms)
    span = f"{gain['low']:+.4g} to {gain['high']:+.4g} at {100 * gain['confidence']:.6g}% confidence"
    told = f"{chosen} earns {gain['value']:+.4g} {unit} per row against {baseline} ({span})"
    return Gate("success criterion", "evaluation", "passed" if gain["low"] >= minimum else "failed", limit, round(gain["low"], 10), told, *terms)


def baseline_gates(gains: Mapping[str, Mapping[str, Any]], criterion: Mapping[str, Any], unit: str) -> list[Gate]:
    """Every other baseline should be surely beaten too; where it is not, people should know."""
    gates = []
    for name, gain in gains.items():
        if name == criterion["baseline"] or gain["low"] is None:
            continue
        told = f"{gain['value']:+.4g} {unit} per row ({gain['low']:+.4g} to {gain['high']:+.4g})"
        gates.append(
            Gate(f"beats {name}", "evaluation", "passed" if gain["low"] > 0 else "warned", 0.0, round(gain["low"], 10), told, f"{unit} per row", SURELY_MORE)
        )
    return gates


def verdict(gates: Sequence[Gate], adopted: bool, use: TestUse | None) -> dict[str, Any]:
    """verdict.json: refused when an earlier room failed a gate, no_go when this one did, else go."""
    refused = any(gate.status == "failed" and gate.room != "evaluation" for gate in gates)
    word = "refused" if refused else "no_go" if any_failed(list(gates)) else "go"
    return {
        "verdict": word,
        "on": "test" if adopted else "out_of_fold",
        "use": {"number": use.number, "allowed": use.allowed} if use else None,
        "gates": [gate.as_json() for gate in gates],
        "exit_code": int(ExitCode.PASSED if word == "go" else ExitCode.REFUSED),
    }
