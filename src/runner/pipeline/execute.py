"""Running stages: one at a time for DVC, all of them in process; the same code, the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from runner.core.faults import Fault, FaultsError, RefusedError, fault
from runner.core.files import clear_leftovers, read_json, write_json
from runner.core.gates import Gate, any_failed
from runner.core.stage import Done, Given
from runner.experiment.plugins import behind_room
from runner.pipeline.around import Around
from runner.pipeline.fetching import fetch_missing
from runner.pipeline.keys import Identity, extra_of, identify
from runner.pipeline.look import problem_extra, reading
from runner.pipeline.run import Run, exclusive
from runner.pipeline.stages import STAGES, Stage, stage_of
from runner.pipeline.uses import permitted, remember
from runner.pipeline.withhold import retract, withheld_upstream, withhold

Came = Literal["known", "unknown", "withheld"]
"""How a stage's outputs came: known, brought back from the store; unknown, not stored; withheld, because of a refusal."""


def run_all(run: Run) -> list[tuple[str, bool]]:
    """Run every stage in order; returns room and whether it was re-used. A refusal ends in RefusedError, after the verdict is written."""
    fetch_missing(run.workspace, run.experiment, run.progress.say)
    with exclusive(run, help_along):
        return [(stage.room, run_stage(run, stage)) for stage in STAGES]


def run_stage(run: Run, stage: Stage) -> bool:
    """Run one stage or bring its outputs back; returns True when they were re-used.

    Raises FaultsError (2) for bad input and RefusedError (3) from the deployment gate.
    """
    return _come_by(run, stage, compute=True) == "known"


def help_along(run: Run) -> None:
    """While another process has a run: fit folds of its studies, where it is at training just the inputs that lie here. Writes nothing else.

    What cannot be read yet, because the other process is about to write it, is looked at again the next time.
    """
    stage = stage_of("training")
    try:
        given = _given(run, stage)
        identity = _identity(run, stage, given)
        with FileLock(_key_lock(run, identity.key), timeout=0):
            return
    except Timeout:
        pass
    except (FaultsError, OSError):
        return
    run.progress.say("helping it with the folds of its studies")
    assist = import_module("runner.training.stage").assist
    assist(getattr(run.experiment, stage.room), replace(given, made_from=identity.made_from))


def recall(run: Run, stage: Stage) -> Came:
    """Bring a stage's outputs back if they are stored, and compute nothing; withheld: an earlier room refuses.

    Raises FaultsError when an input is missing.
    """
    return _come_by(run, stage, compute=False)


def _come_by(run: Run, stage: Stage, compute: bool) -> Came:
    """A room with the steps around it. compute: run what is not stored; else end as unknown there."""
    outputs = {name: place.under(run.folders) for name, place in stage.writes.items()} | {"gate": stage.gate.under(run.folders)}
    if compute:
        for path in outputs.values():
            clear_leftovers(path)
    given = _given(run, stage)
    around = Around(stage, getattr(run.experiment, stage.room), given, run.store, stage.around.under(run.folders), compute)
    # Evaluation turns a refusal into a verdict and deployment is the gate that reads it; all others pass it on.
    if stage.room not in ("evaluation", "deployment") and withheld_upstream(given.files):
        around.settle()
        return _withhold_all(run, stage, outputs)
    if around.is_empty or _is_refused(stage, given):
        around.settle()
        return _come_by_room(run, stage, given, outputs, compute)[0]
    gates = around.before()
    if gates is None:
        return "unknown"
    if any_failed(list(gates)) and stage.room != "evaluation":
        around.settle("before")
        return _refuse(run, stage, outputs, gates, compute)
    if stage.room == "evaluation":
        given = replace(given, gates=(*given.gates, *gates), use=None if any_failed(list(gates)) else given.use)
    came, key = _come_by_room(run, stage, given, outputs, compute)
    if came == "unknown" and not compute:
        return came
    return came if _look_after(run, stage, around, outputs, gates, key) else "unknown"


def _come_by_room(run: Run, stage: Stage, given: Given, outputs: Mapping[str, Path], compute: bool) -> tuple[Came, str]:
    """The room itself; known when its outputs were stored. Also the key that they are stored under."""
    identity = _identity(run, stage, given)
    if not compute:
        return "known" if run.store.restore(identity.key, outputs) else "unknown", identity.key
    with FileLock(_key_lock(run, identity.key)):
        if run.store.restore(identity.key, outputs):
            run.progress.stage(stage.room, "reused")
            remember(run, given, outputs)
            return "known", identity.key
        run.progress.stage(stage.room, "started")
        _execute(run, stage, replace(given, made_from=identity.made_from), outputs)
        run.store.put(identity.key, outputs)
    remember(run, given, outputs)
    return "unknown", identity.key


def _is_refused(stage: Stage, given: Given) -> bool:
    """Whether the room will only say that an earlier one refused: nothing is there for a step around it to look at."""
    if stage.room == "deployment":
        return bool(read_json(given["verdict"])["verdict"] != "go")
    return any_failed(list(given.gates))


def _refuse(run: Run, stage: Stage, outputs: Mapping[str, Path], gates: tuple[Gate, ...], compute: bool) -> Came:
    """A step before the room refused: the room does not run. Raises RefusedError at the deployment gate."""
    if stage.room != "deployment":
        withhold(stage, run.folders, keep_reports=False)
        _write_gate(outputs["gate"], stage, gates, stopped=True)
        if compute:
            run.progress.stage(stage.room, "refused")
        return "withheld"
    retract(run.folders)
    _write_gate(outputs["gate"], stage, gates, stopped=True)
    if compute:
        failed = [gate for gate in gates if gate.status == "failed"]
        raise RefusedError(Fault(f"{run.experiment.name}: gate {gate.name!r} ({gate.room})", f"failed: {gate.evidence}", f"{gate.limit}") for gate in failed)
    return "withheld"


def _identity(run: Run, stage: Stage, given: Given) -> Identity:
    extra = extra_of(given.experiment, given.adopted, given.gates, given.use)
    if stage.room == "problem":
        extra = problem_extra(run.experiment, given.adopted, run.workspace)
    used = behind_room(run.experiment, stage.room)
    return identify(stage, getattr(run.experiment, stage.room), run.experiment.seed, given.files, run.source_digests(stage), extra, used)


def _look_after(run: Run, stage: Stage, around: Around, outputs: Mapping[str, Path], before: tuple[Gate, ...], key: str) -> bool:
    """Let the steps after the room look at it, and add what all steps found to the room's gates; False where they may not run."""
    own = read_json(outputs["gate"])
    gates = tuple(Gate(**gate) for gate in own["gates"])
    if own["status"] == "refused":
        around.settle("before")
        _write_gate(outputs["gate"], stage, (*before, *gates), stopped=True)
        return True
    try:
        after = around.after(outputs)
    except FaultsError:
        # Whatever the step did to the room's outputs, the next run must find them as the room wrote them.
        run.store.restore(key, outputs)
        raise
    if after is None:
        return False
    around.settle("before", "after")
    stopped = any_failed(list(after))
    if stopped:
        withhold(stage, run.folders)
        if around.compute:
            run.progress.stage(stage.room, "refused")
    _write_gate(outputs["gate"], stage, (*before, *gates, *after), stopped)
    return True


def _write_gate(path: Path, stage: Stage, gates: tuple[Gate, ...], stopped: bool) -> None:
    write_json(path, {"room": stage.room, "status": "refused" if stopped else "passed", "gates": [g.as_json() for g in gates]})


def _given(run: Run, stage: Stage) -> Given:
    sources = run.source_files(stage)
    files = sources | {name: place.under(run.folders) for name, place in stage.reads.items()}
    if not run.adopted:
        # While exploring the sealed test is not even named to the stage.
        files.pop("sealed_test", None)
    missing = [run.workspace.shown(path) for name, path in files.items() if name not in sources and not path.exists()]
    if missing:
        raise fault(
            f"stage {stage.room}", f"its input is missing: {', '.join(missing)}", "the outputs of earlier stages", "run `dvc repro` or `python -m runner`"
        )
    gates = tuple(Gate(**g) for name, path in files.items() if name.startswith("gate.") for g in read_json(path)["gates"])
    use, spent = permitted(run, files, gates) if stage.room == "evaluation" else (None, ())
    return Given(
        files={name: path for name, path in files.items() if not name.startswith("gate.")},
        experiment=run.experiment.name,
        seed=run.experiment.seed,
        root=run.workspace.root,
        home=run.workspace.home,
        workers=run.workers,
        adopted=run.adopted,
        gates=(*gates, *spent),
        use=use,
        progress=run.progress,
        read=reading(run.experiment, run.workspace) if stage.sources == "primary" else None,
        deadline=run.deadline,
    )


def _key_lock(run: Run, key: str) -> Path:
    folder = run.workspace.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"stage-{key[:24]}.lock"


def _execute(run: Run, stage: Stage, given: Given, outputs: Mapping[str, Path]) -> None:
    """Run the room's function; a refusal of an early room becomes an output that later rooms pass on."""
    spec = getattr(run.experiment, stage.room)
    written = {name: path for name, path in outputs.items() if name != "gate"}
    try:
        done = stage.function()(spec, given, written)
    except RefusedError as refused:
        if stage.room == "deployment":
            retract(run.folders)
            raise
        gates = [Gate(f.at, stage.room, "failed", f.expected or None, f.wrong, f.hint) for f in refused.faults]
        done = Done(tuple(gates))
    stopped = any_failed(list(done.gates)) and stage.room != "evaluation"
    if stopped:
        withhold(stage, run.folders)
    _write_gate(outputs["gate"], stage, done.gates, stopped)
    if done.measurements:
        write_json(stage.measurements.under(run.folders), dict(done.measurements))
    run.progress.stage(stage.room, "refused" if stopped else "done")


def _withhold_all(run: Run, stage: Stage, outputs: Mapping[str, Path]) -> Came:
    """An earlier room refused: pass it on without computing anything."""
    withhold(stage, run.folders, keep_reports=False)
    write_json(outputs["gate"], {"room": stage.room, "status": "withheld", "gates": []})
    return "withheld"
