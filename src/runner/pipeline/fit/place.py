"""The folder a fit writes: its model, its experiment, its leaderboard, and the work that a second call continues."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.core.faults import fault
from runner.core.files import clear, read_json, write_json
from runner.core.workspace import Workspace

BUNDLE, EXPERIMENT, LEADERBOARD, REPORT, WORK, ASKED = "bundle", "experiment.yaml", "leaderboard.json", "report.html", ".runner", "fit.json"
OURS = (BUNDLE, EXPERIMENT, LEADERBOARD, REPORT, WORK)
AGAIN = "name another --output, or replace what is there with --force"


@dataclass(frozen=True)
class Place:
    """root: the folder; what is ours in it has the names of OURS."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        """Where the stages work: a workspace inside, with the table, the composed experiment, and all that was finished."""
        return Workspace(self.root / WORK / "work")

    @property
    def lock(self) -> FileLock:
        """Held while a fit runs here."""
        (self.root / WORK).mkdir(parents=True, exist_ok=True)
        return FileLock(self.root / WORK / "fit.lock")

    def open(self, force: bool) -> None:
        """Make room. Raises FaultsError for a folder that holds a finished fit or files of somebody else."""
        if self.root.exists() and not self.root.is_dir():
            raise fault("--output", f"{self.root} is a file", "a folder", "name another --output")
        if self.root.is_dir():
            others = sorted(path.name for path in self.root.iterdir() if path.name not in OURS)
            if others:
                raise fault("--output", f"{self.root} holds other files, such as {others[0]}", "a new or an empty folder", "name another --output")
            if (self.root / BUNDLE).exists() and not force:
                raise fault("--output", f"{self.root} holds a finished fit already", "a new or an empty folder", AGAIN)
        if force:
            self.clear()

    def clear(self) -> None:
        """Remove everything of ours."""
        for name in OURS:
            clear(self.root / name)

    def remember(self, asked: Mapping[str, Any]) -> bool:
        """Whether this continues an earlier call that asked for the same. Raises FaultsError where that one asked for something else."""
        path = self.root / WORK / ASKED
        if not path.exists():
            write_json(path, dict(asked))
            return False
        before = read_json(path)
        differs = [name for name in asked if before.get(name) != asked[name]]
        if differs:
            was = f"{self.root} holds an unfinished fit that was asked for something else: {', '.join(differs)}"
            raise fault("--output", was, "the same call as before, which continues it", AGAIN)
        return True

    def copy_to(self, folder: Path) -> None:
        """Copy what a person keeps; nothing is overwritten. Raises FaultsError where the folder is there and not empty."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise fault("save", f"{folder} exists already", "a new or an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        for name in (BUNDLE, EXPERIMENT, LEADERBOARD, REPORT):
            path = self.root / name
            if path.is_dir():
                shutil.copytree(path, folder / name)
            elif path.exists():
                shutil.copyfile(path, folder / name)
