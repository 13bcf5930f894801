"""The whole experiment of a fit as plain values, and as a file that repeats it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from runner.core.expressions import identifier
from runner.proposal.outcome import Outcome
from runner.proposal.plain.found import FEWEST_ROWS, PlainFound
from runner.proposal.recipe import slug, unique
from runner.proposal.remarks import target_told
from runner.proposal.write import KeyPath, OneLine, Remark, text

SPACED = frozenset({"name", "problem", "data", "features", "training"})
UNIT = "points"
MOST_ACTIONS = 12
DRAWS = 200
# Whose fits that ship are averaged: families that predict fast, and whose fits differ with their start.
REFITS = {"mlp": 2, "catboost": 2}
BELIEVE, LEAVE = "believe", "leave"


def values_of(found: PlainFound, candidates: Mapping[str, Mapping[str, Any]], budget: Mapping[str, Any]) -> dict[str, Any]:
    """The config; candidates, budget: of `training`."""
    folds = found.folds
    split = [{"override /data/split": folds.kind}] if folds.kind != "stratified" else []
    return {
        "defaults": [*split, {"override /training/model": None}, "_self_"],
        "name": found.wanted.name,
        "seed": found.wanted.seed,
        "problem": _problem(found),
        "data": _data(found),
        "features": _features(found),
        "training": _training(found, candidates, budget),
    }


def _problem(found: PlainFound) -> dict[str, Any]:
    outcome, wanted = found.outcome, found.wanted
    key = found.roles.key
    return {
        "decision": f"Predict {outcome.column.name}",
        "row": f"one row of {found.table.source.name}",
        "task": outcome.task,
        "target": outcome.column.name,
        **({"positive": outcome.positive} if outcome.positive is not None else {}),
        **({"key": [found.table.columns[key].raw if key in found.read.made else key]} if key else {}),
        "open_questions": {"payoff": "What is a right prediction worth, and what does a wrong one cost? What stands under payoff only stands in for it."},
        "payoff": {"unit": UNIT, **stand_in(outcome)},
        "policy": {"kind": "per_row"},
        "criterion": {"baseline": "constant", "minimum_gain_per_row": 0.0},
        "constraints": {"max_latency_ms_p99": wanted.latency_ms, "max_bundle_mb": wanted.bundle_mb},
        "feasibility": {
            "min_rows": max(FEWEST_ROWS, ceil((found.folds.folds + 1) / (1 - wanted.test_share))),
            **({"min_positives": 2} if outcome.labels else {}),
        },
    }


def stand_in(outcome: Outcome) -> dict[str, Any]:
    """A payoff where nobody has said one: the share of right labels, or the squared error.

    Of very many labels the answer is believed whatever it is: who wins is told by the scoring rule anyway.
    """
    if outcome.task == "regression":
        return {"sql": "-1.0 * (decision - actual) * (decision - actual)"}
    labels = list(outcome.labels)
    if len(labels) > MOST_ACTIONS:
        return {"actions": {BELIEVE: dict.fromkeys(labels, "1.0"), LEAVE: dict.fromkeys(labels, "0.0")}}
    actions: dict[str, OneLine] = {}
    for label in labels:
        name = unique(f"as_{slug(label).removeprefix('column_')}", actions)
        actions[name] = OneLine({other: "1.0" if other == label else "0.0" for other in labels})
    return {"actions": actions}


def _data(found: PlainFound) -> dict[str, Any]:
    source, outcome = found.table.source, found.outcome
    made = _derived(found)
    rows = _filter(found)
    columns = {outcome.column.name: _target(outcome), **_ordered(found), **found.read.contract}
    return {
        "sources": {
            source.name: {"kind": source.kind, "path": source.path, **(source.options or {}), **({"derive": made} if made else {})},
        },
        "primary": source.name,
        **({"filter": rows} if rows else {}),
        "split": OneLine(found.folds.declared),
        "columns": {name: OneLine(column) for name, column in columns.items()},
        "quality": OneLine({"detail": "counts"}),
    }


def _derived(found: PlainFound) -> dict[str, str]:
    """Columns that are made where the file is read: what no model sees, and what config must not call by its own name."""
    told: dict[str, str] = {}
    for name, column in found.table.columns.items():
        if name in found.read.made:
            continue
        if column.reading.sql is not None:
            told[name] = column.reading.sql
        elif name != column.raw:
            told[name] = identifier(column.raw)
    return told | dict(found.order)


def _target(outcome: Outcome) -> dict[str, Any]:
    column = outcome.column
    allowed = {"allowed": list(outcome.labels)} if outcome.labels and column.type == "string" else {}
    return {"type": column.type, **allowed}


def _ordered(found: PlainFound) -> dict[str, dict[str, Any]]:
    """The contract of the columns that the split reads; those that are features too stand with the features."""
    told: dict[str, dict[str, Any]] = {}
    for name in (found.time, found.group):
        if name is not None and name not in found.read.contract:
            column = found.table.columns[name]
            told[name] = {"type": column.type, **({} if name == found.group or not found.order else {"nullable": True, "on_fail": "warn"})}
    return told | {name: {"type": "datetime", "available": "after_event"} for name in found.order}


def _filter(found: PlainFound) -> str | None:
    rows = [found.outcome.filter] if found.outcome.filter else []
    rows += [f"{identifier(name)} IS NOT NULL" for name in (found.time, found.group) if name is not None]
    return " AND ".join(rows) or None


def _features(found: PlainFound) -> dict[str, Any]:
    steps: dict[str, Any] = {}
    if found.read.made:
        steps["read"] = {"kind": "sql", "expressions": dict(found.read.made)}
    taken = dict(found.recipe.steps)
    steps |= {unique(name, steps): step for name, step in taken.items()}
    raw = list(found.read.raw)
    key = [found.roles.key] if found.roles.key in found.read.made else []
    drop = list(dict.fromkeys([*raw, *found.recipe.drop, *key]))
    return {
        **({"steps": steps} if steps else {}),
        **({"drop": drop} if drop else {}),
        "explore": "none",
        "leakage": OneLine({"detail": "quick", "suspected": "warns"}),
    }


def _training(found: PlainFound, candidates: Mapping[str, Mapping[str, Any]], budget: Mapping[str, Any]) -> dict[str, Any]:
    refits = {name: times for name, times in REFITS.items() if name in candidates}
    return {
        "candidates": {name: OneLine(spec) for name, spec in candidates.items()},
        "budget": dict(budget),
        "tuning": {"trials": 1},
        "prefer": "best",
        "choose_by": "score",
        "on_failure": "leave_out",
        # What earlier months show of the scores does not hold for later ones.
        **({"calibration": OneLine({"kind": "none"})} if found.time is not None and found.outcome.labels else {}),
        "final": {"rungs": "chosen", **({"refits": OneLine(refits)} if refits else {})},
        "bootstrap_draws": DRAWS,
    }


def file_text(found: PlainFound, config: Mapping[str, Any]) -> str:
    """The content of an experiment's file."""
    source = found.table.source
    size = f"{found.table.size[0]:,} rows x {found.table.size[1]} columns"
    head = (
        f"Written by `python -m runner fit` for {source.shown}, {size}. {target_told(found.outcome)}",
        f"Put into conf/experiment/ of a workspace that has the table at {source.path}, it gives the same model again.",
        "Nobody has said what a decision is worth: answer problem.open_questions and set a test apart before this is adopted.",
    )
    lines = "".join(f"# {''.join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)}\n" for line in head)
    return f"# @package _global_\n{lines}{text(config, _remarks(found), SPACED)}"


def _remarks(found: PlainFound) -> dict[KeyPath, Remark]:
    told: dict[KeyPath, Remark] = {
        ("problem", "payoff"): Remark(beside="a stand-in: right labels, or the squared error; the model is chosen by the scoring rule"),
        ("features", "leakage"): Remark(beside="suspects are told of and used all the same"),
    }
    if not found.folds.declared.get("test_share"):
        told[("data", "split")] = Remark(beside="no test: every row is learned from")
    if found.recipe.drop:
        told[("features", "drop")] = Remark(above=tuple(f"{name}: {why}" for name, why in found.recipe.drop.items()))
    return told
