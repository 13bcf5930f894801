"""Finding the workspace a command is called in."""

from __future__ import annotations

from pathlib import Path

from runner.core.faults import fault
from runner.core.workspace import Workspace


def here() -> Workspace:
    """The workspace of the current folder: the nearest folder upward that has conf/config.yaml. Raises FaultsError."""
    found = nearest_workspace(Path.cwd())
    if found is None:
        hint = "change into your project folder, or make this one yours: python -m runner init"
        raise fault(str(Path.cwd()), "no workspace here", "a folder with conf/config.yaml, here or above", hint)
    return found


def nearest_workspace(start: Path) -> Workspace | None:
    """The nearest folder upward that has conf/config.yaml; None where there is none."""
    return next((Workspace(folder) for folder in (start, *start.parents) if (folder / "conf" / "config.yaml").is_file()), None)
