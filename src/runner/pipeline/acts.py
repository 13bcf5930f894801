"""What follows a run and is nobody's output: the report, the record, tracking, the registry."""

from __future__ import annotations

from pathlib import Path

from runner.core.files import read_json
from runner.core.progress import Progress
from runner.pipeline.records import write_record
from runner.pipeline.run import Run
from runner.pipeline.stages import EVALUATION, STAGES

REPORT_AFTER = ("evaluation", "deployment", "monitoring")


def finish(run: Run, progress: Progress) -> None:
    """Render the report, write the record, send what the tracking server has not seen, register an admitted bundle."""
    render(run)
    write_record(run)
    from runner.pipeline.tracking import register, track

    track(run.workspace, run.experiment.tracking, progress.say)
    if run.adopted and verdict_of(run) == "go":
        name = run.experiment.deployment.register_as or run.experiment.name
        register(run.workspace, run.experiment.tracking, run.folders.models / "bundle", name, run.experiment.deployment.alias, progress.say)


def after_stage(run: Run, room: str) -> None:
    """Keep the report current while DVC runs stage by stage, and leave the record that `track` sends."""
    if room not in REPORT_AFTER or not (run.folders.reports / EVALUATION["verdict"].path).exists():
        return
    render(run)
    if room == STAGES[-1].room or verdict_of(run) != "go":
        write_record(run)


def render(run: Run) -> Path:
    """Write report.html from the files of the run, if it is older than any of them; returns its path."""
    report = run.folders.reports / "report.html"
    shown = [place.under(run.folders) for stage in STAGES for place in (*stage.writes.values(), stage.gate, stage.measurements)]
    newest = max((path.stat().st_mtime_ns for path in shown if path.exists()), default=0)
    if report.exists() and report.stat().st_mtime_ns > newest:
        return report
    from runner.pipeline.chapters import render as render_chapters

    return render_chapters(run.folders, run.experiment.name, run.adopted)


def verdict_of(run: Run) -> str:
    """go, no_go or refused."""
    return str(read_json(run.folders.reports / EVALUATION["verdict"].path)["verdict"])
