"""Declared sources against what is there, each gap with its consequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.core.faults import Fault, FaultsError
from runner.core.gates import Gate
from runner.core.workspace import Workspace
from runner.data.plan import plan, unprovided
from runner.data.reach import Reached, reach
from runner.experiment.model import Experiment
from runner.experiment.uses import broken_by, in_words
from runner.problem import feasibility
from runner.problem.stage import task_of


@dataclass(frozen=True)
class Gap:
    """A contract column that nothing provides, and what cannot be built without it."""

    column: str
    consequence: str

    def as_json(self) -> dict[str, str]:
        return {"column": self.column, "consequence": self.consequence}


@dataclass(frozen=True)
class Inventory:
    """sources: as found; gaps: what is missing; faults: all that keeps the declared table from being made; gates: is there enough to try;
    declared: source to its columns that the contract names, with the type there."""

    sources: Sequence[Reached]
    gaps: Sequence[Gap]
    faults: Sequence[Fault]
    gates: Sequence[Gate]
    declared: Mapping[str, Mapping[str, str]]

    def as_json(self) -> dict[str, Any]:
        return {
            "sources": [source.as_json() | {"declared": dict(self.declared.get(source.name, {}))} for source in self.sources],
            "gaps": [gap.as_json() for gap in self.gaps],
            "faults": [str(fault) for fault in self.faults],
            "feasibility": [gate.as_json() for gate in self.gates],
        }


def take(workspace: Workspace, experiment: Experiment, *, live: bool = False) -> Inventory:
    """Look at every declared source; nothing is written. live: ask databases and stores too.

    A source that cannot be reached is a fault of the inventory, not of the call.
    """
    spec, problem = experiment.data, experiment.problem
    task = task_of(problem, feasibility.priced_labels(problem))
    found = reach(spec, workspace.root, live=live)
    faults = [fault for source in found for fault in source.faults]
    opened = {source.name: source.source for source in found if source.source is not None}
    missing = unprovided(spec, task, opened)
    gaps = [Gap(column, in_words(broken_by(experiment, [column]))) for column in missing]
    if all(source.source is not None for source in found):
        try:
            plan(spec, task, opened)
        except FaultsError as error:
            faults += error.faults
    return Inventory(found, gaps, faults, _enough(workspace, experiment, found), _declared(experiment))


def _declared(experiment: Experiment) -> dict[str, dict[str, str]]:
    """Columns of each source that come into the contract as they are: of the primary one under their name, of others through a join."""
    data = experiment.data
    types = {name: column.type for name, column in data.columns.items()}
    made = {*data.derive, *(mine for join in data.joins.values() for mine in join.makes())}
    found: dict[str, dict[str, str]] = {data.primary: {name: kind for name, kind in types.items() if name not in made}}
    for join in data.joins.values():
        found.setdefault(join.source, {}).update({theirs: types[mine] for mine, theirs in join.taken().items() if mine in types})
    return found


def _enough(workspace: Workspace, experiment: Experiment, found: Sequence[Reached]) -> list[Gate]:
    primary = next((source for source in found if source.name == experiment.data.primary and source.source is not None), None)
    if primary is None or primary.source is None:
        return []
    try:
        return feasibility.judge(feasibility.measure(primary.source.raw, experiment.problem, primary.shown), experiment.problem)
    except FaultsError:
        # The source's own fault says the same in better words.
        return []
