"""What a run would bring back from the store, and from where on it would compute."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from runner.core.faults import FaultsError
from runner.core.files import read_json
from runner.core.workspace import RunFolders
from runner.pipeline.execute import recall
from runner.pipeline.run import Run
from runner.pipeline.stages import EVALUATION, STAGES

Outcome = Literal["re-used", "computed", "withheld"]


@dataclass(frozen=True)
class Foreseen:
    """What would happen to a stage, and why."""

    room: str
    outcome: Outcome
    why: str


def foresee(run: Run) -> list[Foreseen]:
    """Walk the stages on copies from the store, until one is not there; nothing of the run's own folders is touched."""
    run.workspace.home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=run.workspace.home, prefix="foresee-") as scratch:
        root = Path(scratch)
        apart = replace(run, folders=RunFolders(root / "data", root / "models", root / "reports"))
        found: list[Foreseen] = []
        for stage in STAGES:
            if stage.room == "deployment" and (verdict := read_json(EVALUATION["verdict"].under(apart.folders))["verdict"]) != "go":
                why = f"the verdict is {verdict.replace('_', ' ')}"
                return [*found, *(Foreseen(room, "withheld", why) for room in ("deployment", "monitoring"))]
            try:
                came = recall(apart, stage)
            except FaultsError as error:
                return [*found, Foreseen(stage.room, "computed", str(error.faults[0].wrong)), *_after(stage.room)]
            if came == "unknown":
                why = "nothing is stored for this declaration, data and code"
                return [*found, Foreseen(stage.room, "computed", why), *_after(stage.room)]
            if came == "withheld":
                found.append(Foreseen(stage.room, "withheld", "an earlier room refuses"))
                continue
            found.append(Foreseen(stage.room, "re-used", "its declaration, inputs and code are those of a former run"))
    return found


def _after(room: str) -> list[Foreseen]:
    rooms = [stage.room for stage in STAGES]
    later = rooms[rooms.index(room) + 1 :]
    return [Foreseen(name, "computed", f"unless {room} comes out as in a former run") for name in later]
