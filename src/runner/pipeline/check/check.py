"""The whole check of one experiment, as facts; the command line prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from runner.core.faults import ExitCode, FaultsError
from runner.core.gates import any_failed
from runner.core.progress import Silent
from runner.core.workspace import Workspace
from runner.experiment.model import Experiment
from runner.pipeline.check.cost import Cost, cost
from runner.pipeline.check.inventory import Inventory, take
from runner.pipeline.check.reuse import Foreseen, foresee
from runner.pipeline.run import Run


@dataclass(frozen=True)
class Checked:
    """inventory: None when data was not looked at; cost, foreseen: None where the data does not allow to tell."""

    name: str
    adopted: bool
    inventory: Inventory | None = None
    cost: Cost | None = None
    foreseen: Sequence[Foreseen] = ()

    @property
    def exit_code(self) -> ExitCode:
        """2 where a source is wrong, 3 where there is too little to try, else 0."""
        if self.inventory is None:
            return ExitCode.PASSED
        if self.inventory.faults:
            return ExitCode.BAD_INPUT
        return ExitCode.REFUSED if any_failed(list(self.inventory.gates)) else ExitCode.PASSED

    def as_json(self) -> dict[str, Any]:
        return {
            "experiment": self.name,
            "adopted": self.adopted,
            "exit_code": int(self.exit_code),
            "inventory": None if self.inventory is None else self.inventory.as_json(),
            "cost": None if self.cost is None else self.cost.as_json(),
            "stages": [asdict(stage) for stage in self.foreseen],
        }


def check(workspace: Workspace, experiment: Experiment, workers: int, *, data: bool, probe: bool) -> Checked:
    """Check a composed experiment. data: look at its sources; probe: time one trial of each candidate on some of the rows."""
    run = Run.of(workspace, experiment, workers, Silent())
    if not data:
        return Checked(experiment.name, run.adopted, cost=cost(run, None, probe=False))
    inventory = take(workspace, experiment)
    primary = next((source for source in inventory.sources if source.name == experiment.data.primary), None)
    if inventory.faults:
        return Checked(experiment.name, run.adopted, inventory, cost(run, primary, probe=False))
    foreseen = _foreseen(run)
    fits = any(stage.room == "training" and stage.outcome == "computed" for stage in foreseen)
    told = cost(run, primary, probe and fits and not any_failed(list(inventory.gates)))
    if not fits and told.minutes is None:
        told = Cost(told.rows, told.fits, told.work, None, "training is re-used: nothing is fitted")
    return Checked(experiment.name, run.adopted, inventory, told, foreseen)


def _foreseen(run: Run) -> list[Foreseen]:
    try:
        return foresee(run)
    except FaultsError:
        return []
