"""Uses of the sealed test: who may open it, and the line in the ledger that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.core.around import RoomSpec
from runner.core.digests import of_value
from runner.core.faults import RefusedError
from runner.core.files import read_json
from runner.core.gates import Gate, any_failed
from runner.core.stage import Given, TestUse
from runner.experiment.model import Experiment
from runner.experiment.plugins import behind_room
from runner.pipeline.records import commit_of
from runner.pipeline.run import Run
from runner.pipeline.stages import STAGES


def permitted(run: Run, files: Mapping[str, Path], gates: tuple[Gate, ...]) -> tuple[TestUse | None, tuple[Gate, ...]]:
    """Permission to open the sealed test; where its uses are spent, a failed gate instead, so that the verdict says so."""
    if not run.adopted or any_failed(list(gates)):
        return None, ()
    from runner.evaluation.ledger import permit

    seal, allowed = read_json(files["split"])["seal"], run.experiment.evaluation.test_uses
    try:
        return permit(ledger_of(run), seal, declared_digest(run), allowed), ()
    except RefusedError as refused:
        return None, tuple(Gate("test uses", "ledger", "failed", f.expected, f.wrong, f.hint) for f in refused.faults)


def ledger_of(run: Run) -> Path:
    """The experiment's ledger of test uses; tracked in Git, nobody's output."""
    return run.workspace.root / "ledger" / f"{run.experiment.name}.jsonl"


def declared_digest(run: Run) -> str:
    """What a use of the test is counted by: the declared sections up to evaluation, and the data's digests."""
    return declared_of(run.experiment, run.source_digests(STAGES[1]))


def declared_of(experiment: Experiment, sources: Mapping[str, str]) -> str:
    """The same of an experiment and the SHA-256 of its files by input name (`source.NAME`)."""
    stored = experiment.stored()
    sections = {room: _declared(experiment, room, stored[room]) for room in ("problem", "data", "features", "training", "evaluation")}
    return of_value({"sections": sections, "seed": stored["seed"], "sources": dict(sources)})


def _declared(experiment: Experiment, room: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """A section without the steps around the room: they see no test row, so another check is no other question to the test."""
    used = behind_room(experiment, room)
    return {key: value for key, value in stored.items() if key not in RoomSpec.common()} | ({"plugins": used} if used else {})


def remember(run: Run, given: Given, outputs: Mapping[str, Path]) -> None:
    """Write the use of the test that a stage had leave for into the ledger; the same use again writes nothing."""
    if given.use is None:
        return
    from runner.evaluation.ledger import record

    verdict = read_json(outputs["verdict"])
    entry = {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit_of(run.workspace.root),
        "experiment": run.experiment.name,
        "seal": read_json(given["split"])["seal"],
        "declared": declared_digest(run),
        "use": given.use.number,
        "allowed": given.use.allowed,
        "result": verdict["verdict"],
        "reason": None,
    }
    record(ledger_of(run), entry)
