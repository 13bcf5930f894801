"""One experiment in one workspace: what it reads, where it writes, and who may write there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner.core import plugins
from runner.core.faults import FaultsError, fault
from runner.core.progress import Progress
from runner.core.workspace import RunFolders, Workspace
from runner.data.labels.spec import CORRECTIONS
from runner.experiment.model import Experiment
from runner.experiment.params import is_adopted
from runner.experiment.plugins import digests
from runner.pipeline.cache import Store
from runner.pipeline.stages import Stage


@dataclass(frozen=True)
class Run:
    """One experiment in one workspace: where it writes, and whether it is adopted."""

    workspace: Workspace
    experiment: Experiment
    adopted: bool
    folders: RunFolders
    workers: int
    progress: Progress

    @classmethod
    def of(cls, workspace: Workspace, experiment: Experiment, workers: int, progress: Progress) -> Run:
        """Adopted when params.yaml holds just this experiment; otherwise exploring, below runs/."""
        plugins.use_again(digests(experiment))
        adopted = is_adopted(workspace, experiment)
        digest = experiment.digest
        folders = RunFolders.adopted(workspace, experiment.name) if adopted else RunFolders.exploring(workspace, experiment.name, digest)
        return cls(workspace, experiment, adopted, folders, workers, progress)

    @property
    def store(self) -> Store:
        return Store(self.workspace.home / "cache")

    def source_files(self, stage: Stage) -> dict[str, Path]:
        """The raw files a stage reads. Raises FaultsError (2) for each one that is missing or is no file."""
        data = self.experiment.data
        names = {"none": [], "primary": [data.primary], "all": list(data.sources)}[stage.sources]
        at = {name: f"data.sources.{name}.path" for name in names}
        files = {name: data.sources[name].located(self.workspace, f"data.sources.{name}") for name in names}
        faults = [f for name, path in files.items() for f in _unreadable(at[name], self.workspace.shown(path), path)]
        corrections = self._corrections() if stage.sources == "all" else {}
        faults += [f for path in corrections.values() for f in _unreadable("data.label.corrections", self.workspace.shown(path), path)]
        if faults:
            raise FaultsError(faults)
        return {("primary" if stage.sources == "primary" else f"source.{name}"): path for name, path in files.items()} | corrections

    def _corrections(self) -> dict[str, Path]:
        """The file with reviewers' verdicts on labels, where one is declared."""
        label = self.experiment.data.label
        if label is None or label.corrections is None:
            return {}
        return {f"source.{CORRECTIONS}": self.workspace.inside(label.corrections, "data.label.corrections")}


def _unreadable(at: str, shown: str, path: Path) -> tuple[Any, ...]:
    if not path.exists():
        return fault(at, f"there is no file {shown}", "a file inside the workspace", "check the path, or fetch it with `dvc pull`").faults
    if not path.is_file():
        # A device or a pipe may never end.
        return fault(at, f"{shown} is {'a folder' if path.is_dir() else 'no plain file'}", "a file").faults
    return ()


class exclusive:  # noqa: N801 - reads as a statement: `with exclusive(run)`
    """Hold a run's folders: a second process on the same run waits, and says so."""

    def __init__(self, run: Run) -> None:
        self._run = run
        locks = run.workspace.home / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        name = "adopted" if run.adopted else run.experiment.digest[:8]
        self._lock = FileLock(locks / f"run-{run.experiment.name}-{name}.lock")

    def __enter__(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._run.progress.say(f"another process is running {self._run.experiment.name}; waiting for it")
            self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()
