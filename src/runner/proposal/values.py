"""The values of the experiment's file, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from runner.core.expressions import identifier
from runner.proposal.found import Found
from runner.proposal.infer import READ_AS_MISSING
from runner.proposal.numbers import round_down, written
from runner.proposal.payoff import priced
from runner.proposal.ranges import contract_of
from runner.proposal.rules import row_rules, table_rules
from runner.proposal.table import Column, Table
from runner.proposal.trials import fewest_rows
from runner.proposal.write import OneLine

LATENCY_MS, BUNDLE_MB = 1000, 20  # nobody has asked for less
MANY_ROWS = 50_000
STANDARD_FOLDS = {"stratified": 5, "grouped": 5, "by_time": 4}
USUAL_WINDOW, SMALLEST_WINDOW, ROWS_PER_WINDOW = 1000, 50, 10
QUARANTINE_ROOM, USUAL_QUARANTINE = 2.0, 0.03
UNIT = "points"


def values_of(found: Found) -> dict[str, Any]:
    """The whole config as plain values."""
    config: dict[str, Any] = {
        "defaults": _defaults(found),
        "name": found.asked.name,
        "problem": _problem(found),
        "data": _data(found),
        "features": _features(found),
        "training": _training(found.table),
        "evaluation": {"slices": dict(found.slices)} if found.slices else {},
        "monitoring": _monitoring(found.table),
    }
    return {section: value for section, value in config.items() if value}


def _defaults(found: Found) -> list[str | dict[str, str]]:
    split = [{"override /data/split": found.split.kind}] if found.split.kind != "stratified" else []
    return [*split, {"override /training/tuning": "quick"}, "_self_"]


def _problem(found: Found) -> dict[str, Any]:
    asked, outcome, roles = found.asked, found.outcome, found.roles
    told: dict[str, Any] = {
        "decision": asked.decision or _decision(found),
        "row": f"one row of {found.table.source.name}",
        **({"owner": asked.owner} if asked.owner else {}),
        **({"approvers": list(asked.approvers)} if asked.approvers else {}),
        "task": outcome.task,
        "target": outcome.column.name,
        **({"positive": outcome.positive} if outcome.positive is not None else {}),
        **({"key": [roles.key]} if roles.key else {}),
        **({"time": roles.time} if roles.time else {}),
        **({"open_questions": dict(found.questions)} if found.questions else {}),
        "payoff": {"unit": asked.unit or UNIT, **priced(outcome, found.prices)},
        "policy": {"kind": "per_row"},
        "baselines": _baselines(found),
        "criterion": {"baseline": "constant", "minimum_gain_per_row": float(asked.minimum_gain or 0.0), "confidence": 0.95},
        "constraints": {
            "max_latency_ms_p99": LATENCY_MS,
            "max_bundle_mb": BUNDLE_MB,
            **({"protected": list(roles.protected)} if roles.protected else {}),
        },
        "feasibility": _feasibility(found),
    }
    return {key: value for key, value in told.items() if value != {}}


def _decision(found: Found) -> str:
    outcome = found.outcome
    if outcome.task == "regression":
        return f"Set {outcome.column.name} before it is known"
    if outcome.task == "multiclass":
        return f"Treat a row by the {outcome.column.name} it is expected to have"
    return f"Act where {outcome.column.name} is likely to turn out {outcome.positive}, or leave the row alone"


def _baselines(found: Found) -> dict[str, Any]:
    if found.rule is not None:
        return {"one_cut": {"meaning": "the one cut in one column that tells most in these data; how it is decided today belongs here", "sql": found.rule}}
    if found.outcome.task == "regression":
        middle = found.split.train[found.outcome.column.name].cast(pl.Float64).median()
        number = written(float(middle)) if isinstance(middle, float) else "0"
        return {
            "usual": {"meaning": "the same middle value for every row; how it is decided today belongs here", "sql": number if "." in number else f"{number}.0"}
        }
    return {}


def _feasibility(found: Found) -> dict[str, int]:
    # At least as many as give each fold a row beside the test.
    told = {"min_rows": max(round_down(found.table.rows.height / 2), fewest_rows(found.split.folds))}
    return told | ({"min_positives": round_down(found.outcome.rarest / 2)} if found.outcome.labels else {})


def _data(found: Found) -> dict[str, Any]:
    table, roles, split = found.table, found.roles, found.split
    told: dict[str, Any] = {"sources": {table.source.name: _source(table)}, "primary": table.source.name}
    rows = _filter(found)
    if rows:
        told["filter"] = rows
    cut: dict[str, Any] = {"column": roles.time} if split.kind == "by_time" else {"group": split.group} if split.group else {}
    if split.folds != STANDARD_FOLDS[split.kind]:
        cut["folds"] = split.folds
    if cut:
        told["split"] = cut
    contract = contract_of(table, found.outcome, roles)
    if roles.time is not None:
        contract[roles.time].pop("nullable", None)
    told["columns"] = {name: OneLine(column) for name, column in contract.items()}
    rules = row_rules(table, roles)
    told |= {"rules": {name: OneLine(rule) for name, rule in rules.items()}} if rules else {}
    told["table_rules"] = {name: OneLine(rule) for name, rule in table_rules(table, found.outcome).items()}
    if roles.key and roles.n_repeated_keys:
        told["unique"] = [roles.key]
        share = roles.n_repeated_keys / table.rows.height
        if share > USUAL_QUARANTINE:
            told["max_quarantined_share"] = min(1.0, round(QUARANTINE_ROOM * share, 2))
    return told


def _source(table: Table) -> dict[str, Any]:
    source = table.source
    derive = {column.name: made for column in table.columns.values() if (made := _made(column)) is not None}
    markers = [text for text in table.markers if text not in READ_AS_MISSING]
    return {
        "kind": source.kind,
        "path": source.path,
        **(source.options or {}),
        **({"null_values": [*READ_AS_MISSING, *markers]} if markers else {}),
        **({"derive": derive} if derive else {}),
    }


def _made(column: Column) -> str | None:
    """What makes a contract column of a raw one; None where the source has it as it is."""
    if column.reading.sql is not None:
        return column.reading.sql
    return identifier(column.raw) if column.name != column.raw else None


def _filter(found: Found) -> str | None:
    rows = [found.outcome.filter] if found.outcome.filter else []
    time = found.roles.time
    if time is not None and found.table.columns[time].facts.missing:
        rows.append(f"{found.table.columns[time].sql} IS NOT NULL")
    return " AND ".join(rows) or None


def _features(found: Found) -> dict[str, Any]:
    steps = {name: _step(step) for name, step in found.recipe.steps.items()}
    told: dict[str, Any] = {"steps": steps} if steps else {}
    return told | ({"drop": list(found.recipe.drop)} if found.recipe.drop else {})


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    aggregates = step.get("aggregates")
    return {**step, "aggregates": {name: OneLine(how) for name, how in aggregates.items()}} if aggregates else dict(step)


def _training(table: Table) -> dict[str, Any]:
    """Less work per fit on a large table, so that the first look does not take an evening."""
    if table.rows.height < MANY_ROWS:
        return {}
    return {
        "tuning": {"trials": 1},
        "adjust": {
            "linear": OneLine({"max_iterations": 60}),
            "lightgbm": OneLine({"learning_rate": 0.1, "max_iterations": 200, "num_leaves": 63, "min_data_in_leaf": 100, "patience": 20}),
            "catboost": OneLine({"learning_rate": 0.2, "max_iterations": 120, "depth": 6, "patience": 15, "border_count": 64}),
        },
    }


def _monitoring(table: Table) -> dict[str, Any]:
    window = max(SMALLEST_WINDOW, round_down(table.rows.height / ROWS_PER_WINDOW))
    return {"window_rows": window} if window < USUAL_WINDOW else {}
