"""Results out of the content store: the keys of a revision's stages are worked out again, and the store asked for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.core.digests import of_value
from runner.core.faults import FaultsError
from runner.core.files import read_json
from runner.core.gates import Gate, any_failed
from runner.core.stage import TestUse
from runner.experiment.model import Experiment
from runner.experiment.plugins import behind_room
from runner.pipeline.cache import Store
from runner.pipeline.keys import extra_of, identity_of, spec_digest
from runner.pipeline.look import problem_extra
from runner.pipeline.review.revision import Revision
from runner.pipeline.review.uses import ledger_at, numbers_of
from runner.pipeline.stages import DATA, EVALUATION, GATES, STAGES, Place, Stage
from runner.pipeline.uses import declared_of
from runner.report.words import listed, shorten

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Replayed:
    """find: place of an output to the file that holds it, None where the store cannot answer; why, and what to do then."""

    find: Callable[[Place], Path | None] | None
    why: str = ""
    way_on: str = ""


def replayed(revision: Revision, name: str) -> Replayed:
    """The files that a run of this declaration, with the code and libraries that are running, once wrote.

    None where the store does not know them up to the verdict: never run here, other code, other data.
    """
    experiment, sources = revision.experiment(name), revision.source_digests(name, guessed=True)
    if experiment is None:
        return Replayed(None, "its declaration does not fit the code or the plugins that are running, so the content store cannot answer for it")
    if sources is None:
        paths = listed([shorten(path) for path in revision.absent(name)])
        return Replayed(
            None,
            f"the content store knows a run by its raw data, and {paths} of then is not at hand",
            "bring the data back, with `dvc fetch` where DVC keeps it",
        )
    if any(getattr(experiment, stage.room).before or getattr(experiment, stage.room).after for stage in STAGES):
        # What steps around rooms found stands beside the store, not in it.
        return Replayed(None, "it has steps before or after a room, whose findings the content store does not hold")
    store = Store(revision.workspace.home / "cache")
    known: dict[Place, Entry] = {}
    for stage in STAGES:
        entry = store.entry(_key(stage, experiment, sources, known, store, revision))
        if entry is None:
            break
        known |= {place: entry[output] for output, place in stage.writes.items() if output in entry}
        known |= {stage.gate: entry["gate"]} if "gate" in entry else {}
    if EVALUATION["verdict"] not in known:
        return Replayed(None, _unknown(revision, name))
    return Replayed(lambda place: _file(store, known, place))


def _unknown(revision: Revision, name: str) -> str:
    told = "no dvc.lock names them, and the content store in .runner holds no adopted run of just this declaration, data and code"
    guessed = revision.unkept(name) if revision.commit is not None else ()
    if not guessed:
        return told
    return f"{told}; neither Git nor DVC keeps {listed([shorten(path) for path in guessed])}, so the data were taken as they are now, and may have been others"


def _key(stage: Stage, experiment: Experiment, sources: Mapping[str, str], known: Mapping[Place, Entry], store: Store, revision: Revision) -> str:
    inputs = {name: of_value(known[place]["files"]) for name, place in stage.reads.items() if place in known and not name.startswith("gate.")}
    inputs |= {name: of_value({".": digest}) for name, digest in _raw(stage, experiment, sources).items()}
    declared = spec_digest(getattr(experiment, stage.room), experiment.seed)
    extra = _extra(experiment, sources, known, store, revision) if stage.room == "evaluation" else None
    if stage.room == "problem":
        extra = problem_extra(experiment, True, revision.workspace)
    return identity_of(stage, declared, inputs, extra, behind_room(experiment, stage.room)).key


def _raw(stage: Stage, experiment: Experiment, sources: Mapping[str, str]) -> dict[str, str]:
    if stage.sources == "primary":
        return {"primary": sources[f"source.{experiment.data.primary}"]}
    return dict(sources) if stage.sources == "all" else {}


def _extra(experiment: Experiment, sources: Mapping[str, str], known: Mapping[Place, Entry], store: Store, revision: Revision) -> Any:
    """What else the key of evaluation is made of: earlier gates, and the number that the test's use has in the ledger."""
    gates = tuple(Gate(**gate) for place in GATES.values() for gate in _json(store, known, place).get("gates", ()))
    if any_failed(list(gates)):
        return extra_of(experiment.name, True, gates, None)
    seal, declared = str(_json(store, known, DATA["split"]).get("seal")), declared_of(experiment, sources)
    numbers = _numbers(revision, experiment.name, seal)
    # A run writes its line at once, and a person commits it later: until then the working tree alone has it.
    later = numbers if declared in numbers else _numbers(replace(revision, commit=None), experiment.name, seal)
    number = later.get(declared, len(numbers) + 1)
    return extra_of(experiment.name, True, gates, TestUse(number, experiment.evaluation.test_uses))


def _numbers(revision: Revision, name: str, seal: str) -> dict[str, int]:
    try:
        return numbers_of(ledger_at(revision, name), seal)
    except FaultsError:
        return {}


def _json(store: Store, known: Mapping[Place, Entry], place: Place) -> dict[str, Any]:
    path = _file(store, known, place)
    found = read_json(path) if path is not None and path.stat().st_size else {}
    return found if isinstance(found, dict) else {}


def _file(store: Store, known: Mapping[Place, Entry], place: Place) -> Path | None:
    """The object of an output, or of a file in an output folder."""
    if place in known:
        digest = known[place]["files"].get(".")
        return store.object(digest) if digest else None
    for above in Path(place.path).parents:
        entry = known.get(Place(place.root, above.as_posix()))
        if entry is not None:
            digest = entry["files"].get(Path(place.path).relative_to(above).as_posix())
            return store.object(digest) if digest else None
    return None
