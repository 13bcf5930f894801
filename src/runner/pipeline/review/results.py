"""The results of one experiment at one revision, wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.core.faults import fault
from runner.pipeline.review.belongs import doubts
from runner.pipeline.review.dvc_files import Cache, Locked
from runner.pipeline.review.reading import Results
from runner.pipeline.review.replay import replayed
from runner.pipeline.review.revision import Revision
from runner.pipeline.stages import EVALUATION, Place
from runner.report.words import listed

FETCH = "bring them with `dvc fetch`, or give a folder that holds them"


@dataclass(frozen=True)
class Found:
    """Results, or why there are none, and how to get them; each one a clause for people."""

    results: Results | None
    why: str = ""
    way_on: str = ""


def results_of(revision: Revision, name: str, given: Path | None, same_code: bool) -> Found:
    """Look where results of a revision can be: in the folder that was given, in DVC's cache, in the content store, in the workspace.

    same_code: whether the code that is running is the revision's, so that the content store may answer for it.
    What lies there counts only when it was made from what the revision declares. Raises FaultsError (2) when the given folder is missing.
    """
    if given is not None:
        if not given.is_dir():
            raise fault(str(given), "there is no such folder", "a folder with reports/ and models/ as a run leaves them")
        return _checked(Results(_below(given, name)), revision, name, same_code, f"the folder given for `{revision.label}`")
    looks = (_from_store, _from_workspace, _from_dvc) if revision.commit is None else (_from_dvc, _from_store, _from_workspace)
    tried: list[Found] = []
    stored = Found(None)
    for look in looks:
        found = look(revision, name, same_code)
        if found.results is not None:
            return found
        if look is _from_store:
            stored = found
        elif found.why:
            tried.append(found)
    # Results that are named, or lie there and do not count, tell more than a store that never had any.
    told = next(iter(tried), stored)
    return Found(None, f"{told.why}; {told.way_on or _way_on(revision, name)}")


def _way_on(revision: Revision, name: str) -> str:
    run = f"`python -m runner +experiment={name}`"
    if revision.commit is None:
        return f"make them with {run} or `dvc repro`"
    return f"check that revision out and run {run} once, or give a folder that holds them"


def _from_dvc(revision: Revision, name: str, same_code: bool) -> Found:
    locked = Locked.of(revision.dvc_stages, name)
    if not locked.outs:
        return Found(None)
    cache = Cache.of(revision.workspace.root)
    results = Results(lambda place: locked.file(cache, f"{place.root}/{name}/{place.path}"), locked)
    if results.path(EVALUATION["verdict"]) is None:
        return Found(None, f"dvc.lock at `{revision.label}` names them, but they are not in this DVC cache", FETCH)
    return _checked(results, revision, name, same_code, f"dvc.lock at `{revision.label}`")


def _from_store(revision: Revision, name: str, same_code: bool) -> Found:
    if not same_code:
        return Found(
            None, "no dvc.lock names them, and the content store answers only for the code and libraries that are running, which are not that revision's"
        )
    found = replayed(revision, name)
    return Found(Results(found.find)) if found.find is not None else Found(None, found.why, found.way_on)


def _from_workspace(revision: Revision, name: str, same_code: bool) -> Found:
    if not revision.is_checked_out:
        return Found(None)
    return _checked(Results(_below(revision.workspace.root, name)), revision, name, same_code, f"reports/{name}")


def _checked(results: Results, revision: Revision, name: str, same_code: bool, place: str) -> Found:
    if results.path(EVALUATION["verdict"]) is None:
        return Found(None, f"{place} has none")
    wrong = doubts(results, revision, name, same_code)
    if wrong:
        return Found(None, f"{place} holds results of another state, which differs in {listed(wrong)}")
    return Found(results)


def _below(root: Path, name: str) -> Callable[[Place], Path | None]:
    """Files in a folder laid out as a workspace; nothing that leads out of it."""
    top = root.resolve()

    def find(place: Place) -> Path | None:
        path = (top / place.root / name / place.path).resolve()
        return path if path.is_file() and path.is_relative_to(top) else None

    return find
