"""One experiment in one workspace: what it reads, where it writes, and who may write there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from runner.core import plugins
from runner.core.digests import of_file
from runner.core.faults import Fault, FaultsError, fault
from runner.core.progress import Progress
from runner.core.workspace import RunFolders, Workspace
from runner.data.labels.spec import CORRECTIONS
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError
from runner.experiment.model import Experiment
from runner.experiment.params import is_adopted
from runner.experiment.plugins import digests
from runner.pipeline.cache import Store
from runner.pipeline.stages import Stage

LOOK_AGAIN_S = 1.0


@dataclass(frozen=True)
class Run:
    """One experiment in one workspace: where it writes, and whether it is adopted.

    deadline: on `time.monotonic()`, when training must be about done (see `Given.deadline`), None without one. Set it with `dataclasses.replace`.
    """

    workspace: Workspace
    experiment: Experiment
    adopted: bool
    folders: RunFolders
    workers: int
    progress: Progress
    deadline: float | None = None

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
        """Where the raw sources lie that a stage reads: a file, or a folder or pattern of several. Raises FaultsError (2) for each that is not there."""
        found = self._sources(stage)
        files = {given: spec.located(self.workspace, f"data.sources.{name}") for given, (name, spec) in found.items()}
        faults = [f for given, (name, spec) in found.items() for f in _unreadable(f"data.sources.{name}.path", self.workspace, spec, files[given])]
        corrections = self._corrections(stage)
        faults += [f for path in corrections.values() for f in _no_file("data.label.corrections", self.workspace.shown(path), path, is_fetched=False)]
        if faults:
            raise FaultsError(faults)
        return files | corrections

    def source_digests(self, stage: Stage) -> dict[str, str]:
        """SHA-256 of each raw source that a stage reads, by the name the stage knows it by. Raises FaultsError as `source_files`."""
        found, files = self._sources(stage), self.source_files(stage)
        try:
            digests = {given: spec.digest(files[given]) for given, (_, spec) in found.items()}
        except UnreadableError as error:
            raise fault("data.sources", error.wrong, error.expected, error.hint) from None
        return digests | {name: of_file(path) for name, path in self._corrections(stage).items()}

    def _sources(self, stage: Stage) -> dict[str, tuple[str, FileSourceSpec]]:
        data = self.experiment.data
        if stage.sources == "primary":
            return {"primary": (data.primary, data.sources[data.primary])}
        return {f"source.{name}": (name, spec) for name, spec in data.sources.items()} if stage.sources == "all" else {}

    def _corrections(self, stage: Stage) -> dict[str, Path]:
        """The file with reviewers' verdicts on labels, where one is declared and the stage reads it."""
        label = self.experiment.data.label
        if stage.sources != "all" or label is None or label.corrections is None:
            return {}
        return {f"source.{CORRECTIONS}": self.workspace.inside(label.corrections, "data.label.corrections")}


def _unreadable(at: str, workspace: Workspace, spec: FileSourceSpec, path: Path) -> tuple[Fault, ...]:
    try:
        files = spec.files(path)
    except UnreadableError as error:
        return fault(at, f"{workspace.shown(path)}: {error.wrong}", error.expected, error.hint).faults
    return tuple(f for file in files for f in _no_file(at, workspace.shown(file), file, spec.is_fetched))


def _no_file(at: str, shown: str, path: Path, is_fetched: bool) -> tuple[Fault, ...]:
    if not path.exists() and is_fetched:
        hint = "bring it with `dvc pull`, or fetch it with `python -m runner data fetch +experiment=NAME`"
        return fault(at, f"there is no snapshot {shown}", "a snapshot that was fetched", hint).faults
    if not path.exists():
        return fault(at, f"there is no file {shown}", "a file inside the workspace", "check the path, or fetch it with `dvc pull`").faults
    if not path.is_file():
        # A device or a pipe may never end.
        return fault(at, f"{shown} is {'a folder' if path.is_dir() else 'no plain file'}", "a file").faults
    return ()


class exclusive:  # noqa: N801 - reads as a statement: `with exclusive(run)`
    """Hold a run's folders: a second process on the same run waits, and says so.

    help_along: what it does every moment while it waits; it may take as long as it likes.
    """

    def __init__(self, run: Run, help_along: Callable[[Run], None] | None = None) -> None:
        self._run, self._help_along = run, help_along
        locks = run.workspace.home / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        name = "adopted" if run.adopted else run.experiment.digest[:8]
        self._lock = FileLock(locks / f"run-{run.experiment.name}-{name}.lock")

    def __enter__(self) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._run.progress.say(f"another process is running {self._run.experiment.name}; waiting for it")
            while not self._acquired():
                if self._help_along is not None:
                    self._help_along(self._run)

    def _acquired(self) -> bool:
        try:
            self._lock.acquire(timeout=LOOK_AGAIN_S)
        except Timeout:
            return False
        return True

    def __exit__(self, *exception: object) -> None:
        self._lock.release()
