"""Outputs after a refusal: empty, so that nothing can be built on what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.core.files import clear, folder_beside, write_bytes
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
