"""Which stages run again, and why: read off the table of stages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from runner.experiment.diff import Change
from runner.experiment.model import Experiment
from runner.pipeline.dvc import LOCK, PINS
from runner.pipeline.keys import LIBRARIES
from runner.pipeline.review.revision import Revision, source_paths
from runner.pipeline.stages import PROBLEM, STAGES, Place, Stage

SOURCE = "src/runner/"
# This repository locks everything, a workspace of its own pins what its results depend on.
LOCKS = (LOCK, PINS)
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
Status = Literal["runs", "follows", "kept"]


@dataclass(frozen=True)
class Touched:
    """What differs beside params.yaml. code: Python files below src/runner; paths: everything; libraries: `name 1.0 to 1.1` of those that can
    change a result, runner itself among them; lock: whether a file that pins them differs at all.
    """

    code: frozenset[str]
    paths: frozenset[str]
    libraries: tuple[str, ...]
    lock: bool

    @classmethod
    def between(cls, base: Revision, head: Revision) -> Touched:
        """Compare two revisions of one repository."""
        paths = head.repository.changed(str(base.commit), head.commit)
        # Chapters of the report are views: a stage's key does not count them.
        code = {p.removeprefix(SOURCE) for p in paths if p.startswith(SOURCE) and p.endswith(".py") and not p.endswith("/report.py")}
        before, after = ({name: version for lock in LOCKS for name, version in _pinned(side.read(lock)).items()} for side in (base, head))
        decides = ("runner", *LIBRARIES)
        moved = [f"{name} {before.get(name, 'none')} to {after.get(name, 'none')}" for name in decides if before.get(name) != after.get(name)]
        return cls(frozenset(code), paths, tuple(moved), any(lock in paths for lock in LOCKS))

    def code_of(self, stage: Stage) -> tuple[str, ...]:
        """The files that differ in the packages a stage declares."""
        return tuple(sorted(path for path in self.code if any(path == package or path.startswith(f"{package}/") for package in stage.code)))


@dataclass(frozen=True)
class StageRun:
    """How one stage fares.

    status: `runs` when what it declares, its code, its raw files or a library differ; `follows` when only stages before it do, so that it
    runs if their outputs come out different; `kept` otherwise. sections, code, data, libraries: what differs; after: the stages it waits for.
    """

    room: str
    status: Status
    sections: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    first: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def stage_runs(entry: Mapping[str, Any], changes: Sequence[Change], touched: Touched, same_task: bool, is_new: bool) -> tuple[StageRun, ...]:
    """Every stage of an experiment at the head.

    entry: as the head declares it; same_task: whether task.json stays as it is, so that a change of payoff or policy stops at what reads
    problem.json; is_new: whether the base does not have the experiment.
    """
    if is_new:
        return tuple(StageRun(stage.room, "runs", first=True) for stage in STAGES)
    found: dict[str, StageRun] = {}
    for stage in STAGES:
        sections = tuple(dict.fromkeys(change.at for change in changes if _declares(stage, change)))
        code, data = touched.code_of(stage), raw_files(stage, entry, touched.paths)
        after = _after(stage, found, same_task)
        status: Status = "runs" if sections or code or data or touched.libraries else "follows" if after else "kept"
        found[stage.room] = StageRun(stage.room, status, sections, code, data, touched.libraries, after)
    return tuple(found.values())


def raw_files(stage: Stage, entry: Mapping[str, Any], paths: Iterable[str]) -> tuple[str, ...]:
    """The raw files a stage reads among paths, or the .dvc files that stand for them or for a folder above them."""
    sources = source_paths(entry)
    names = {"none": (), "primary": (str(entry["data"].get("primary")),), "all": tuple(sources)}[stage.sources]
    changed = frozenset(paths)
    return tuple(sorted({found for name in names if name in sources for found in changed if _holds(sources[name], found)}))


def _holds(source: str, path: str) -> bool:
    """Whether a path is a source's file, a file of its folder or pattern, or the .dvc file that stands for one of them."""
    folder = source.partition("*")[0].rpartition("/")[0] if "*" in source else source
    return path in _standing_for(source) or path in _standing_for(folder) or path.startswith(f"{folder}/")


def _standing_for(path: str) -> tuple[str, ...]:
    parts = path.split("/")
    return (path, *(f"{'/'.join(parts[:n])}.dvc" for n in range(len(parts), 0, -1)))


def same_task(before: Experiment | None, after: Experiment | None) -> bool:
    """Whether what data and features know of the problem is the same; False where it cannot be told."""
    from runner.problem.feasibility import priced_labels
    from runner.problem.stage import task_of

    if before is None or after is None:
        return False
    old, new = (task_of(e.problem, priced_labels(e.problem)) for e in (before, after))
    return old == new


def _declares(stage: Stage, change: Change) -> bool:
    path = ".".join(change.path)
    return any(path == key or path.startswith(f"{key}.") or key.startswith(f"{path}.") for key in stage.declares)


def _after(stage: Stage, found: Mapping[str, StageRun], same_task: bool) -> tuple[str, ...]:
    """The stages before it, of this run, whose outputs it reads and that may write them anew."""
    reads = {place for place in stage.reads.values() if not (same_task and place == PROBLEM["task"])}
    return tuple(earlier.room for earlier in STAGES if earlier.room in found and found[earlier.room].status != "kept" and _writes(earlier, reads))


def _writes(stage: Stage, places: set[Place]) -> bool:
    return bool({*stage.writes.values(), stage.gate} & places)


def _pinned(content: bytes | None) -> dict[str, str]:
    """Library to version in a lock of pip's form."""
    return {name.lower().replace("_", "-"): version for name, version in PINNED.findall((content or b"").decode("utf-8", "replace"))}
