"""Results out of the content store: the keys of a revision's stages are worked out again, and the store asked for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.core.digests import of_value
from runner.core.faults import FaultsError, RefusedError
from runner.core.files import read_json
from runner.core.gates import Gate, any_failed
from runner.core.stage import TestUse
from runner.experiment.model import Experiment
from runner.experiment.plugins import behind_room
from runner.pipeline.cache import Store
from runner.pipeline.keys import extra_of, identity_of, spec_digest
from runner.pipeline.review.revision import Revision
from runner.pipeline.review.uses import ledger_at, numbers_of
from runner.pipeline.stages import DATA, GATES, STAGES, Place, Stage
from runner.pipeline.uses import declared_of

Entry = Mapping[str, Any]


def replayed(revision: Revision, name: str) -> Callable[[Place], Path | None] | None:
    """The files that a run of this declaration, with the code and libraries that are running, once wrote.

    None where the store does not know them up to the verdict: never run here, other code, other data.
    """
    experiment, sources = revision.experiment(name), revision.source_digests(name)
    if experiment is None or sources is None or any(getattr(experiment, stage.room).before or getattr(experiment, stage.room).after for stage in STAGES):
        # What steps around rooms found stands beside the store, not in it.
        return None
    store = Store(revision.workspace.home / "cache")
    known: dict[Place, Entry] = {}
    for stage in STAGES:
        entry = store.entry(_key(stage, experiment, sources, known, store, revision))
        if entry is None:
            break
        known |= {place: entry[output] for output, place in stage.writes.items() if output in entry}
        known |= {stage.gate: entry["gate"]} if "gate" in entry else {}
    if Place("reports", "evaluation/verdict.json") not in known:
        return None
    return lambda place: _file(store, known, place)


def _key(stage: Stage, experiment: Experiment, sources: Mapping[str, str], known: Mapping[Place, Entry], store: Store, revision: Revision) -> str:
    inputs = {name: of_value(known[place]["files"]) for name, place in stage.reads.items() if place in known and not name.startswith("gate.")}
    inputs |= {name: of_value({".": digest}) for name, digest in _raw(stage, experiment, sources).items()}
    declared = spec_digest(getattr(experiment, stage.room), experiment.seed)
    extra = _extra(experiment, sources, known, store, revision) if stage.room == "evaluation" else None
    if stage.room == "problem" and experiment.problem.open_questions:
        extra = {"adopted": True}
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
    seal = str(_json(store, known, DATA["split"]).get("seal"))
    try:
        numbers = numbers_of(ledger_at(revision, experiment.name), seal)
    except (FaultsError, RefusedError):
        numbers = {}
    number = numbers.get(declared_of(experiment, sources), len(numbers) + 1)
    return extra_of(experiment.name, True, gates, TestUse(number, experiment.evaluation.test_uses))


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
