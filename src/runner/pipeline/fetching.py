"""Snapshots of an experiment's sources: an act before a run, never a part of a stage."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.faults import Fault, FaultsError, fault, listed, nearest
from runner.core.workspace import Workspace
from runner.data.fetch import Fetched, Say, fetch, fetched_sources, is_missing
from runner.experiment.model import Experiment


def fetch_missing(workspace: Workspace, experiment: Experiment, say: Say) -> None:
    """Fetch the snapshots that were never fetched; what is there is left alone, whatever its age. Raises FaultsError with all that fail."""
    sources = fetched_sources(experiment.data.sources)
    names = [name for name, spec in sources.items() if is_missing(spec, spec.located(workspace, f"data.sources.{name}"))]
    for name in names:
        say(f"fetching {name}: {sources[name].origin()}")
    _all(workspace, experiment, names, False, say)


def fetch_named(workspace: Workspace, experiment: Experiment, only: Sequence[str], *, renew: bool, say: Say) -> list[Fetched]:
    """Fetch the named sources, or all that are fetched where none is named. Raises FaultsError with all that fail; the others are fetched."""
    sources = fetched_sources(experiment.data.sources)
    unknown = [name for name in only if name not in sources]
    if unknown:
        hint = nearest(unknown[0], sources) or (f"fetched sources: {listed(sources)}" if sources else "none of its sources is fetched")
        raise fault("--source", f"{unknown[0]!r} is no source of {experiment.name} that is fetched", "a source of the kind sql or remote", hint)
    return _all(workspace, experiment, list(only) or list(sources), renew, say)


def _all(workspace: Workspace, experiment: Experiment, names: Sequence[str], renew: bool, say: Say) -> list[Fetched]:
    sources = fetched_sources(experiment.data.sources)
    done: list[Fetched] = []
    faults: list[Fault] = []
    for name in names:
        try:
            done.append(fetch(name, sources[name], workspace, renew=renew, say=say))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(faults)
    return done
