"""Finding the workspace a command is called in."""

from __future__ import annotations

from pathlib import Path

from runner.core.faults import fault
from runner.core.workspace import Workspace


def here() -> Workspace:
    """The workspace of the current folder: the nearest folder upward that has conf/config.yaml. Raises FaultsError."""
    workspace = Workspace.around(Path.cwd())
    if workspace is None:
        raise fault(str(Path.cwd()), "no workspace here", "a folder with conf/config.yaml, here or above", "change into your project folder")
    return workspace
