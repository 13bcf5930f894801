"""Outputs after a refusal: empty, so that nothing can be built on what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.core.files import clear, folder_beside, read_json, write_bytes
from runner.core.workspace import RunFolders
from runner.pipeline.stages import ROOMS, STAGES, Stage

WITHHELD = "WITHHELD.txt"


def retract(folders: RunFolders) -> None:
    """The gate is closed: what an earlier run put behind it must not be taken for this one's."""
    for stage in STAGES[ROOMS.index("deployment") :]:
        # What a step before deployment found explains the refusal.
        around = [] if stage.room == "deployment" else [stage.around]
        for place in (*stage.writes.values(), stage.gate, stage.measurements, *around):
            clear(place.under(folders))


def withheld_upstream(files: Mapping[str, Path]) -> bool:
    """Whether an earlier room refused and left its outputs empty. files: what a stage reads."""
    return any((path / WITHHELD).exists() if path.is_dir() else path.stat().st_size == 0 for name, path in files.items() if not _is_raw(name))


def _is_raw(name: str) -> bool:
    return name == "primary" or name.startswith("source.")


def withhold(stage: Stage, folders: RunFolders, keep_reports: bool = True) -> None:
    """Leave empty outputs, so that nothing can be built on what was refused; what explains the refusal stays."""
    for name, place in stage.writes.items():
        path = place.under(folders)
        if place.root == "reports" and keep_reports and path.exists() and path.stat().st_size:
            continue
        clear(path)
        if "." in place.path:
            write_bytes(path, b"{}\n" if place.root == "reports" and path.suffix == ".json" and name != "problem" else b"")
            continue
        with folder_beside(path) as folder:
            write_bytes(folder / WITHHELD, b"an earlier gate refused; see verdict.json\n")


def forget(stage: Stage, folders: RunFolders) -> None:
    """A room that failed leaves nothing of an earlier call, as when DVC calls it: the rooms after it would be judged by what is out of date."""
    if stage.room in ROOMS[: ROOMS.index("evaluation")]:
        for place in (*stage.writes.values(), stage.gate):
            clear(place.under(folders))


def why_stopped(room: str, folders: RunFolders) -> list[str]:
    """For a person: that a room refused, or passed an earlier refusal on, and which gates failed; empty where it did its work."""
    status, own = _judged(room, folders)
    if status == "refused":
        return [f"{room} refused; the rooms after it pass that on, and evaluation makes it the verdict", *own]
    if status != "withheld":
        return []
    earlier = [(name, failed) for name in ROOMS[: ROOMS.index(room)] for came, failed in [_judged(name, folders)] if came == "refused"]
    named = " and ".join(name for name, _ in earlier) or "an earlier room"
    return [f"{room} did nothing, since {named} refused: its outputs are empty", *(line for _, failed in earlier for line in failed)]


def _judged(room: str, folders: RunFolders) -> tuple[str, list[str]]:
    path = STAGES[ROOMS.index(room)].gate.under(folders)
    if not path.is_file():
        return "", []
    found = read_json(path)
    return found["status"], [f"  {gate['name']}: {gate['evidence']}" for gate in found["gates"] if gate["status"] == "failed"]
