"""Which candidates are worth their time on a table, the cheapest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import TypeAdapter

from runner.core.registry import Registered, kinds
from runner.proposal.plain.found import PlainFound
from runner.training.budget.estimate import Size
from runner.training.budget.level import Level
from runner.training.models.space import CandidateSpec

# By what they bring for their time; the first two are tried whatever the time.
WANTED = ("lightgbm", "linear", "catboost", "mlp", "extra_trees", "additive", "forest")
ALWAYS = 2
SHOWN = ("linear", "additive", "mlp", "extra_trees", "forest", "lightgbm", "catboost")
ENSEMBLE = "ensemble"
# Combinations of categories took CatBoost two to six times as long on eight tables, and made it no better.
SETTINGS: Mapping[str, Mapping[str, Any]] = {"catboost": {"max_ctr_complexity": 1, "patience": 60}}
SMALL_ROWS, MANY_CLASSES = 20_000, 30
# Before the first fit and after the last one, in seconds; lanes and pace of a usual machine; the part of the time that first trials may take.
AROUND_S, LANES, SLOWER, OPENING = 8.0, 2, 2.0, 0.3
# How much faster first trials may go where they would be too dear.
FASTER = 4.0


def candidates_of(found: PlainFound) -> dict[str, dict[str, Any]]:
    """Name to candidate: those whose first trials surely leave time for more, by the families' own estimates and the time that is asked for."""
    wanted, outcome = found.wanted, found.outcome
    rows, folds = found.table.rows.height, found.folds.folds
    size = Size(rows, len(found.table.columns) + len(found.recipe.made_of), max(1, len(outcome.labels)))
    there = wanted.work if wanted.work is not None else max(1.0, 60.0 * wanted.minutes - AROUND_S) * LANES / SLOWER
    left, kept = OPENING * there, set[str]()
    for place, name in enumerate(WANTED):
        if name not in kinds("candidate") or (name == "additive" and (rows > SMALL_ROWS or len(outcome.labels) > MANY_CLASSES)):
            continue
        cost = folds * size.fit_work(name, _spec(name), Level(pace={name: FASTER}), rows * (folds - 1) // folds)
        if place < ALWAYS or cost <= left:
            kept.add(name)
            left -= cost
    return {name: {"kind": name, **SETTINGS.get(name, {})} for name in (*(n for n in SHOWN if n in kept), ENSEMBLE)}


def _spec(kind: str) -> CandidateSpec:
    adapter: TypeAdapter[CandidateSpec] = TypeAdapter(Annotated[CandidateSpec, Registered("candidate")])
    return adapter.validate_python({"kind": kind})
