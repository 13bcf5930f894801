"""Fitting: look at a table, propose everything, train for as long as there is time, and write what a person keeps."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from runner.core.digests import of_bytes, of_file
from runner.core.faults import Fault, FaultsError, RefusedError
from runner.core.files import clear, folder_beside, read_json, write_json, write_text
from runner.core.machine import cores
from runner.core.progress import Progress
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.pipeline import setup
from runner.pipeline.execute import run_stage
from runner.pipeline.fit.candidates import candidates_of
from runner.pipeline.fit.place import BUNDLE, EXPERIMENT, LEADERBOARD, REPORT, WORK, Place
from runner.pipeline.fit.told import leaderboard
from runner.pipeline.run import Run, exclusive
from runner.pipeline.stages import DATA, STAGES, TRAINING, stage_of
from runner.proposal.intake import Intake, take_in
from runner.proposal.plain.found import PlainFound, work_out
from runner.proposal.plain.values import file_text, values_of
from runner.proposal.plain.wanted import Wanted
from runner.proposal.table import table_of

ROOMS = ("problem", "data", "features", "training")
TABLE = "table"
# After training: the bundle is copied, loaded once and its folder written.
AFTER_S = 1.0
# Judging takes longer the more rows there are than training itself sets aside for it.
JUDGING_S_PER_ROW = 2e-5
# However late it is, so much time goes to training: a model is better than none.
LEAST_TRAINING_S = 2.0


@dataclass(frozen=True)
class Job:
    """data: a file or database, or a frame; table: of a database; started: on `time.monotonic()`, when the clock of the fit began to run;
    report: whether the HTML report is rendered, which takes time of its own at the end."""

    data: str | pl.DataFrame
    wanted: Wanted
    output: Path
    started: float
    table: str | None = None
    workers: int | None = None
    force: bool = False
    report: bool = False

    @property
    def ends(self) -> float:
        return self.started + 60.0 * self.wanted.minutes


@dataclass(frozen=True)
class Outcome:
    """place: what was written; found: what was made of the table; board: candidates, the one that ships first; notes: for a person;
    continues: whether an earlier call had begun it; test: scores of the rows that were held back; seconds: by part."""

    place: Place
    found: PlainFound
    board: list[dict[str, Any]]
    notes: tuple[str, ...]
    continues: bool
    test: dict[str, Any] | None
    seconds: Mapping[str, float]


def fit(job: Job, progress: Progress) -> Outcome:
    """Fit a table. Raises FaultsError (2) for what cannot be used, RefusedError (3) where there is too little to learn from."""
    place = Place(job.output.resolve())
    place.check(job.force)
    was_there = place.root.exists()
    with place.held():
        place.tidy()
        if job.force:
            place.begin_anew()
        try:
            outcome = _fitted(job, place, progress)
        except FaultsError:
            # A refused table leaves no folder behind that the next call would stumble over.
            if job.force and (place.root / BUNDLE).exists():
                place.begin_anew()
            elif not (place.root / WORK / "work" / ".runner" / "fits").exists() and not (place.root / BUNDLE).exists():
                shutil.rmtree(place.root / WORK if was_there else place.root)
            raise
        place.end(job.wanted.budget)
    return outcome


def _fitted(job: Job, place: Place, progress: Progress) -> Outcome:
    clock = _Parts(job.started)
    workspace = place.workspace
    setup.conf_only(workspace.root)
    progress.stage("table", "started")
    intake = _taken_in(workspace, job)
    continues = place.remember(_asked(job, intake), job.wanted.budget)
    found = work_out(table_of(intake.source, intake.rows, has_markers=False), job.wanted, intake.rows.columns)
    intake.put()
    file = workspace.conf / "experiment" / f"{job.wanted.name}.yaml"
    write_text(file, file_text(found, values_of(found, candidates_of(found), job.wanted.budget)))
    experiment = _composed(workspace, found, file)
    clock.tick("table")
    progress.stage("table", "done")
    after = AFTER_S + JUDGING_S_PER_ROW * found.table.rows.height
    ends = max(job.ends - after, time.monotonic() + LEAST_TRAINING_S)
    run = replace(Run.of(workspace, experiment, job.workers or cores(), progress), deadline=ends if job.wanted.work is None else None)
    for room in ROOMS:
        with exclusive(run):
            run_stage(run, stage_of(room))
        _check(run, room)
        clock.tick(room)
    board = _kept(run, place, found)
    test = _held_back(run, place, found) if job.wanted.test_share else None
    if job.report:
        _report(run, place)
    clock.tick("after")
    notes = (*found.notes, *_suspects(run), *_failures(run))
    return Outcome(place, found, board, notes, continues, test, clock.parts)


class _Parts:
    """Seconds by part, from the start of the process on."""

    def __init__(self, started: float) -> None:
        self.parts = {"start": round(time.monotonic() - started, 3)}
        self._last = time.monotonic()

    def tick(self, name: str) -> None:
        now = time.monotonic()
        self.parts[name] = round(now - self._last, 3)
        self._last = now


def _taken_in(workspace: Workspace, job: Job) -> Intake:
    if isinstance(job.data, str):
        return take_in(workspace, job.data, job.table, replace=True)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{TABLE}.parquet"
        job.data.write_parquet(path)
        intake = take_in(workspace, str(path), None, replace=True)
        content = path.read_bytes()
    # What was a frame is told of as one, wherever it lay for a moment.
    return replace(intake, content=content, file=None, source=replace(intake.source, shown="the frame", note=""))


def _asked(job: Job, intake: Intake) -> dict[str, Any]:
    """What a fit must have been asked for to be gone on with. The time may differ."""
    digest = of_bytes(intake.content) if intake.content is not None else of_file(intake.file or intake.target)
    said = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(job.wanted).items() if name not in ("minutes", "work")}
    return {"data": digest, **said}


def _composed(workspace: Workspace, found: PlainFound, file: Path) -> Any:
    try:
        return compose(workspace, [f"+experiment={found.wanted.name}", "tracking.uri=off"])
    except FaultsError as error:
        own = workspace.shown(file)
        shown = found.table.source.shown
        raise FaultsError(
            [Fault(f"--data {shown}", f"{f.at}: {f.wrong}", f.expected, f.hint) if f.source.startswith(own) else f for f in error.faults]
        ) from None


def _check(run: Run, room: str) -> None:
    """Raise RefusedError with what a room refuses."""
    gate = read_json(stage_of(room).gate.under(run.folders))
    failed = [g for g in gate["gates"] if g["status"] == "failed"]
    if failed:
        raise RefusedError(Fault(f"{g['room']}: {g['name']}", _told(g), str(g["limit"] or "")) for g in failed)


def _told(gate: Mapping[str, Any]) -> str:
    """What was found, in words: those of what a room refused stand before what could be done, those of a gate beside its number."""
    found, evidence = gate["found"], gate["evidence"]
    return "; ".join(str(said) for said in (found, evidence) if said) if isinstance(found, str) else str(evidence or found)


def _suspects(run: Run) -> list[str]:
    """What looks like a column that knows the outcome, and rows that a random split may flatter."""
    told = []
    for room in ("data", "features"):
        for gate in read_json(stage_of(room).gate.under(run.folders))["gates"]:
            if gate["status"] == "warned" and (gate["name"].startswith("leakage: ") or gate["name"] == "structure"):
                column = gate["name"].removeprefix("leakage: ")
                hint = f" If it is known only afterwards: --ignore {column!r}." if column != gate["name"] else ""
                told.append(f"{'looks like a leak: ' if hint else ''}{gate['evidence']}{hint}")
    return told


def _failures(run: Run) -> list[str]:
    """Candidates that fail in their libraries."""
    return [gate["evidence"] for gate in read_json(stage_of("training").gate.under(run.folders))["gates"] if gate["status"] == "warned"]


def _kept(run: Run, place: Place, found: PlainFound) -> list[dict[str, Any]]:
    """The model that ships, its experiment with the work that was done, and the leaderboard."""
    ladder = read_json(TRAINING["ladder"].under(run.folders))
    report = read_json(TRAINING["training_report"].under(run.folders))
    measured = stage_of("training").measurements.under(run.folders)
    clocked = read_json(measured) if measured.exists() else {}
    candidates = TRAINING["candidates"].under(run.folders)
    board = leaderboard(found.outcome.task, ladder, clocked, candidates)
    plan = {name: value for name, value in report["plan"].items() if value is not None}
    # A report of an earlier fit would tell of another model.
    clear(place.root / REPORT)
    write_text(place.root / EXPERIMENT, file_text(found, values_of(found, candidates_of(found), {"plan": plan})))
    write_json(place.root / LEADERBOARD, {"task": found.outcome.task, "target": found.wanted.target, "candidates": board})
    with folder_beside(place.root / BUNDLE) as scratch:
        shutil.copytree(candidates / ladder["chosen"], scratch, dirs_exist_ok=True)
    return board


def _held_back(run: Run, place: Place, found: PlainFound) -> dict[str, Any]:
    """Scores of the model on rows that took no part in anything before."""
    from runner.bundle.load import load
    from runner.stats.scores import score_intervals

    rows = pl.read_parquet(DATA["sealed_test"].under(run.folders))
    bundle = load(place.root / BUNDLE, check_examples=False)
    outcome = rows[found.outcome.column.name]
    named = [f"p_{label}" for label in bundle.classes] or ["prediction"]
    predictions = bundle.score(rows.drop("row_id")).select(named).to_numpy()
    scores = score_intervals(found.outcome.task, outcome, predictions, bundle.classes, found.outcome.positive, 0.9, 200, found.wanted.seed)
    return {"rows": rows.height, "scores": scores}


def _report(run: Run, place: Place) -> None:
    """The rest of the rooms, and the report of all of them."""
    from runner.pipeline.acts import render

    try:
        for stage in STAGES[len(ROOMS) :]:
            with exclusive(run):
                run_stage(run, stage)
    except RefusedError:
        # A model that is not worth shipping by the stand-in payoff has a report all the same.
        run.progress.say("the report says why this model would not be admitted as it stands")
    shutil.copyfile(render(run), place.root / REPORT)
