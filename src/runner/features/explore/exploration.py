"""The whole exploration, as the report and programs read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.features.explore.interactions import interactions
from runner.features.explore.over_time import over_time
from runner.features.explore.pairs import Paired, paired, with_outcome
from runner.features.explore.profiles import profile
from runner.features.explore.redundant import clusters
from runner.features.explore.skew import free_step, long_tails
from runner.features.explore.stakes import stakes
from runner.features.explore.view import Declared, View, rounded
from runner.features.recipe import Recipe
from runner.features.selection.costs import needed_anyway
from runner.features.spec import FeaturesSpec


@dataclass(frozen=True)
class Gathered:
    """found: how far the features tell each other; clusters: those that say the same."""

    found: Paired
    clusters: list[dict[str, Any]]

    @property
    def same(self) -> dict[str, tuple[str, ...]]:
        """Feature to the others that say the same."""
        every = [[cluster["keep"], *(told["name"] for told in cluster["told"])] for cluster in self.clusters]
        return {name: tuple(other for other in names if other != name) for names in every for name in names}


def gather(view: View) -> Gathered:
    """Which features say the same."""
    found = paired(view)
    return Gathered(found, clusters(view, found))


def explore(view: View, gathering: Gathered | None = None) -> dict[str, Any]:
    """What exploration.json holds: "rows", "drawn", "outcome", "stakes", "features", "pairs", "clusters", "drop", "skewed", "over_time", "interactions".

    Counts and means are of all rows; measures of association and interactions of a seeded draw, whose size is told.
    gathering: of the same view, where it is made already.
    """
    gathering = gathering or gather(view)
    found, gathered = gathering.found, gathering.clusters
    doomed = [name for cluster in gathered for name in cluster["drop"]]
    same = {told["name"]: cluster["keep"] for cluster in gathered for told in cluster["told"]}
    return {
        "rows": view.rows.height,
        "drawn": len(view.drawn),
        "outcome": {"target": view.problem["target"], "task": view.task, "labels": list(view.classes), "unit": view.units.get(view.problem["target"], "")},
        "stakes": stakes(view),
        "features": [_feature(view, name) for name in view.ranked],
        "pairs": {"of": len(found.names), "rows": found.rows, "strongest": found.strongest()},
        "clusters": gathered,
        "drop": {"already": list(view.declared.drop), "more": doomed},
        "scales": free_step(view),
        "skewed": long_tails(view, doomed),
        "over_time": over_time(view),
        "interactions": interactions(view, same),
    }


def _feature(view: View, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "kind": "numeric" if view.is_numeric(name) else "categorical",
        "unit": view.units.get(name, ""),
        "whole": view.rows.schema[name].is_integer(),
        "power": rounded(view.power.get(name)),
        "missing": rounded(view.rows[name].null_count() / max(1, view.rows.height)),
        "profile": profile(view, name),
        "with_outcome": with_outcome(view, name),
    }


def view_of(
    rows: pl.DataFrame,
    features: Sequence[Mapping[str, str]],
    outcome: np.ndarray,
    problem: Mapping[str, Any],
    contract: Mapping[str, Any],
    power: Mapping[str, float],
    seed: int,
    declared: Declared | None = None,
) -> View:
    """What is explored: the training rows with the features that models see. problem, contract: as their files have them."""
    classes = list(problem["labels"]) if problem["task"] == "multiclass" else [problem["positive"] or ""]
    columns = contract["columns"]
    units = {name: column["unit"] for name, column in columns.items() if column.get("unit")}
    costs = {name: float(column["cost"]) for name, column in columns.items() if column.get("cost") is not None}
    return View(rows, features, outcome, classes, problem, power, units, costs, seed, declared or Declared())


def declared_by(spec: FeaturesSpec, planned: Recipe, problem: Mapping[str, Any], contract: Mapping[str, Any]) -> Declared:
    """How the features are made. problem, contract: as their files have them."""
    kinds = {column: spec.steps[step].kind for column, step in planned.makers.items()}
    return Declared(kinds, planned.origins, tuple(spec.steps), tuple(spec.drop), tuple(contract["columns"]), needed_anyway(problem))
