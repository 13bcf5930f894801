"""A review: everything that changes between two revisions of a workspace, as plain findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.core.digests import of_value
from runner.core.faults import fault
from runner.core.files import read_json
from runner.core.workspace import Workspace
from runner.experiment import params
from runner.experiment.diff import Change, changes
from runner.pipeline.review.compare import Compared, compare
from runner.pipeline.review.cost import Cost, cost
from runner.pipeline.review.git import Repository
from runner.pipeline.review.paired import Paired, paired
from runner.pipeline.review.reading import MEASUREMENTS, measured_seconds
from runner.pipeline.review.rerun import StageRun, Touched, same_task, stage_runs
from runner.pipeline.review.results import Found, results_of
from runner.pipeline.review.revision import Revision
from runner.pipeline.review.uses import Signoffs, Uses, signoffs, uses
from runner.pipeline.stages import STAGES
from runner.report.reading import record

State = Literal["added", "removed", "changed", "touched"]


@dataclass(frozen=True)
class ExperimentReview:
    """One experiment that does not stay as it is.

    state: `touched` when its declaration is the same but code, data or libraries are not; missing: why a side has no results;
    untracked: raw files whose history nobody keeps; twin: a removed experiment that this added one equals.
    """

    name: str
    state: State
    changes: tuple[Change, ...]
    runs: tuple[StageRun, ...]
    cost: Cost
    compared: Compared
    paired: Paired
    uses: Uses | None
    signoffs: Signoffs | None
    per_month: float | None
    missing: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    twin: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "state": self.state,
            "changes": [change.as_json() for change in self.changes],
            "stages": [run.as_json() for run in self.runs],
            "cost": self.cost.as_json(),
            "results": self.compared.as_json(),
            "paired": {**self.paired.as_json(), "verdict": self.paired.verdict},
            "uses": self.uses.as_json() if self.uses else None,
            "signoffs": self.signoffs.as_json() if self.signoffs else None,
            "missing": list(self.missing),
            "untracked": list(self.untracked),
            "same_as_removed": self.twin,
        }


@dataclass(frozen=True)
class Review:
    """base, head: labels; stale: why params.yaml at the head is not what conf/ composes to; kept: names that stay as they are."""

    base: str
    head: str
    stale: tuple[str, ...]
    experiments: tuple[ExperimentReview, ...]
    kept: tuple[str, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        told = {name: list(getattr(self, name)) for name in ("stale", "kept", "notes")}
        return {"base": self.base, "head": self.head, **told, "experiments": [e.as_json() for e in self.experiments]}


@dataclass(frozen=True)
class Sides:
    """What the review of each experiment starts from. given: folders with results of base and head, where they are not kept here."""

    base: Revision
    head: Revision
    touched: Touched
    given: tuple[Path | None, Path | None]
    same_code: tuple[bool, bool]
    measured: bool


def review(workspace: Workspace, base: str, head: str | None, given: tuple[Path | None, Path | None], measured: bool, from_ancestor: bool) -> Review:
    """Compare two revisions. head: None for the working tree; measured: tell minutes too; from_ancestor: compare with where the two parted.

    Raises FaultsError (2) outside Git, for an unknown revision, and for a params.yaml that cannot be read.
    """
    repository = Repository.around(workspace.root)
    new = Revision.of(workspace, repository, head)
    old = Revision.of(workspace, repository, base)
    if from_ancestor:
        tip = new.commit or repository.head() or ""
        old = Revision(workspace, repository, f"where {base} and {new.name} parted", repository.merge_base(str(old.commit), tip))
    if not new.has_params:
        raise fault(f"{params.FILE} at {new.label}", "is missing", "the file that compose writes", f"{params.COMPOSE}, then commit it")
    here = Revision.of(workspace, repository, None)
    sides = Sides(old, new, Touched.between(old, new), given, (_same_code(old, here), _same_code(new, here)), measured)
    found = {name: _reviewed(sides, name) for name in dict.fromkeys([*new.entries, *old.entries])}
    told = tuple(e for e in found.values() if e is not None)
    stale = new.stale()
    return Review(old.label, new.label, stale or (), told, tuple(name for name, e in found.items() if e is None), _notes(sides, stale is None))


def _same_code(revision: Revision, here: Revision) -> bool:
    """Whether the code and libraries that are running are the revision's: those of the working tree."""
    if revision.commit is None:
        return True
    touched = Touched.between(revision, here)
    return not touched.libraries and not any(touched.code_of(stage) for stage in STAGES)


def _notes(sides: Sides, unchecked: bool) -> tuple[str, ...]:
    notes = []
    if unchecked:
        told = "is what conf/ composes to was not checked: its plugins are not those that are checked out, and a review runs no code of another revision"
        notes.append(f"whether {params.FILE} at `{sides.head.label}` {told}")
    if not sides.base.has_params:
        notes.append(f"there is no {params.FILE} at `{sides.base.label}`: every experiment is new")
    if sides.touched.lock and not sides.touched.libraries:
        notes.append("the lock of libraries differs, but in none that can change a result: `dvc repro` looks at every stage and re-uses what is stored")
    return tuple(notes)


def _reviewed(sides: Sides, name: str) -> ExperimentReview | None:
    """One experiment; None when nothing about it differs."""
    old, new = sides.base.entries.get(name), sides.head.entries.get(name)
    if new is None:
        return _removed(sides, name, old or {})
    found = changes(old, new) if old is not None else ()
    task = old is not None and same_task(sides.base.experiment(name), sides.head.experiment(name))
    runs = stage_runs(new, found, sides.touched, task, old is None)
    if old is not None and not found and all(run.status == "kept" for run in runs):
        return None
    before = results_of(sides.base, name, sides.given[0], sides.same_code[0]) if old is not None else Found(None)
    after = results_of(sides.head, name, sides.given[1], sides.same_code[1])
    compared = compare(before.results, after.results)
    state: State = "added" if old is None else "changed" if found else "touched"
    digests = (of_value({"name": name, **(old or {})}), of_value({"name": name, **new}))
    payoff = paired(before.results, after.results, new, digests) if before.results and after.results else Paired(None, why=_why(state, before, after))
    # Where the data stage is kept, the test that the base set apart is the head's too.
    data_stands = any(run.room == "data" and run.status == "kept" for run in runs)
    seal = compared.after.seal or (compared.before.seal if data_stands else "")
    return ExperimentReview(
        name,
        state,
        found,
        runs,
        cost(old, new, runs, _seconds(sides, name)),
        compared,
        payoff,
        uses(sides.base, sides.head, name, seal),
        signoffs(sides.head, name, compared.after.bundle),
        _per_month(new),
        _missing(sides, before, after),
        _untracked(sides, name),
        _twin(sides, name, new) if old is None else "",
    )


def _removed(sides: Sides, name: str, old: Mapping[str, Any]) -> ExperimentReview:
    before = results_of(sides.base, name, sides.given[0], sides.same_code[0])
    none = Paired(None, why="the experiment is removed")
    missing = _missing(sides, before, None)
    return ExperimentReview(name, "removed", (), (), cost(old, None, (), {}), compare(before.results, None), none, None, None, _per_month(old), missing)


def _missing(sides: Sides, before: Found, after: Found | None) -> tuple[str, ...]:
    """Why a side that could have results has none."""
    labelled = ((sides.base, before), *([(sides.head, after)] if after is not None else []))
    return tuple(f"no results of `{revision.label}`: {found.why}" for revision, found in labelled if found.results is None and found.why)


def _why(state: State, before: Found, after: Found) -> str:
    if state == "added":
        return "the experiment is new, there is nothing to compare it with"
    return "there are no results of " + " and of ".join(side for side, found in (("the base", before), ("the head", after)) if found.results is None)


def _per_month(entry: Mapping[str, Any]) -> float | None:
    rows = record(entry, "problem", "payoff").get("rows_per_month")
    return float(rows) if isinstance(rows, (int, float)) and not isinstance(rows, bool) else None


def _untracked(sides: Sides, name: str) -> tuple[str, ...]:
    """Raw files that neither Git nor DVC keeps on both sides: whether they changed between the revisions cannot be told."""
    return tuple(dict.fromkeys(path for side in (sides.base, sides.head) if name in side.entries for path in side.unkept(name)))


def _twin(sides: Sides, name: str, new: Mapping[str, Any]) -> str:
    gone = [other for other in sides.base.entries if other not in sides.head.entries]
    return next((other for other in gone if not changes(sides.base.entries[other], new)), "")


def _seconds(sides: Sides, name: str) -> dict[str, float]:
    """What the fits took on the machine of a former run: the base's, else the last one in the workspace; nothing unless asked for."""
    if not sides.measured:
        return {}
    folders = [folder for folder in (sides.given[0], sides.head.workspace.root, sides.given[1]) if folder is not None]
    paths = [folder / MEASUREMENTS.root / name / MEASUREMENTS.path for folder in folders]
    return next((seconds for path in paths if path.is_file() and (seconds := measured_seconds(record(read_json(path))))), {})
