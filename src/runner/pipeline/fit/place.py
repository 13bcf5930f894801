"""The folder a fit writes: its model, its experiment, its leaderboard, and the work that a second call continues."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner.core.faults import FaultsError, fault
from runner.core.files import WRITING, clear, clear_leftovers, read_json, write_json
from runner.core.workspace import Workspace

BUNDLE, EXPERIMENT, LEADERBOARD, REPORT, WORK, ASKED = "bundle", "experiment.yaml", "leaderboard.json", "report.html", ".runner", "fit.json"
LOCK, ENDED = "fit.lock", "ended"
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

    @contextmanager
    def held(self) -> Iterator[None]:
        """While a fit runs here. Raises FaultsError where another one does."""
        (self.root / WORK).mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.root / WORK / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise fault("--output", f"another fit is running in {self.root}", "a folder of its own", "name another --output, or wait for it") from None
        try:
            yield
        finally:
            lock.release()

    def check(self, force: bool) -> None:
        """Raise FaultsError for a folder that holds files of somebody else, or a model whose fit cannot be gone on with."""
        if self.root.exists() and not self.root.is_dir():
            raise fault("--output", f"{self.root} is a file", "a folder", "name another --output")
        if self.root.is_dir():
            others = sorted(path.name for path in self.root.iterdir() if path.name not in OURS and not path.name.startswith(WRITING))
            if others:
                raise fault("--output", f"{self.root} holds other files, such as {others[0]}", "a new or an empty folder", "name another --output")
            if (self.root / BUNDLE).exists() and not (self.root / WORK / ASKED).exists() and not force:
                raise self._finished()

    def tidy(self) -> None:
        """Remove what a killed fit left half written. Only for those who hold the folder."""
        for name in OURS:
            clear_leftovers(self.root / name)

    def begin_anew(self) -> None:
        """Forget the work of earlier fits. What a person keeps of them stays until it is replaced. Only for those who hold the folder."""
        for path in (self.root / WORK).iterdir():
            if path.name != LOCK:
                clear(path)

    def remember(self, asked: Mapping[str, Any], time: Mapping[str, float]) -> bool:
        """Whether this goes on with an earlier call that asked for the same, be it for other time. time: minutes, or work.

        Raises FaultsError where that one asked for something else, or one has ended that had as much time, or time of the other kind.
        """
        path = self.root / WORK / ASKED
        before = read_json(path) if path.exists() else None
        if before is not None:
            differs = [name for name in asked if before.get(name) != asked[name]]
            ended = before.get(ENDED)
            if ended and (differs or any(given <= ended.get(name, inf) for name, given in time.items())):
                raise self._finished()
            if differs:
                was = f"{self.root} holds an unfinished fit that was asked for something else: {', '.join(differs)}"
                raise fault("--output", was, "the same call as before, which continues it", AGAIN)
        write_json(path, {**asked, ENDED: before.get(ENDED) if before is not None else None})
        return before is not None

    def end(self, time: Mapping[str, float]) -> None:
        """Say that all is written, with so many minutes, or so much work."""
        path = self.root / WORK / ASKED
        write_json(path, {**read_json(path), ENDED: dict(time)})

    def _finished(self) -> FaultsError:
        return fault(
            "--output", f"{self.root} holds a finished fit already", "a new folder, or the same call with more --minutes, which goes on with it", AGAIN
        )

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
