"""What follows a run and is nobody's output: the report, the record, tracking, the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.core.digests import of_file
from runner.core.files import read_json
from runner.core.progress import Progress
from runner.core.workspace import RunFolders, Workspace
from runner.deployment.answerable import Answerable
from runner.pipeline.records import write_record
from runner.pipeline.run import Run
from runner.pipeline.stages import DEPLOYMENT, EVALUATION, STAGES

if TYPE_CHECKING:
    from runner.pipeline.tracking import Registration

REPORT_AFTER = ("evaluation", "deployment", "monitoring")


def finish(run: Run, progress: Progress) -> None:
    """Render the report, write the record, send what the tracking server has not seen, register an admitted bundle."""
    render(run)
    write_record(run)
    from runner.pipeline.tracking import track

    registration = registration_of(run.folders) if run.adopted and verdict_of(run) == "go" else None
    track(run.workspace, run.experiment.tracking, progress.say, [registration] if registration else [], patient=False)


def after_stage(run: Run, room: str) -> None:
    """Keep the report current while DVC runs stage by stage, and leave the record that `track` sends."""
    if room not in REPORT_AFTER or not (run.folders.reports / EVALUATION["verdict"].path).exists():
        return
    render(run)
    stopped = verdict_of(run) != "go" or (room == "deployment" and not DEPLOYMENT["bundle"].under(run.folders).is_dir())
    if room == STAGES[-1].room or stopped:
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


def registration_of(folders: RunFolders) -> Registration | None:
    """What a passed deployment stage says should be registered; None where none has passed."""
    from runner.pipeline.tracking import Registration

    report = DEPLOYMENT["deployment_report"].under(folders)
    if not report.exists():
        return None
    content = read_json(report)
    return Registration(DEPLOYMENT["bundle"].under(folders), content["register_as"], content["alias"], Answerable.of(content))


def answerable_of(workspace: Workspace, bundle: Path) -> Answerable:
    """Who answers for a bundle, by the run of this workspace that admitted it; nobody where there is none."""
    manifest = bundle / "manifest.json"
    digest = of_file(manifest) if manifest.is_file() else ""
    reports = [*workspace.root.glob("reports/*/deployment/deployment.json"), *workspace.root.glob("runs/*/*/reports/deployment/deployment.json")]
    found = (content for path in sorted(reports) if (content := read_json(path)).get("bundle") == digest)
    return Answerable.of(next(found, {}))


def admitted(workspace: Workspace) -> list[Registration]:
    """The bundle of every adopted experiment that passed, as `dvc repro` leaves them."""
    names = sorted(p.parent.parent.name for p in (workspace.root / "reports").glob("*/deployment/deployment.json"))
    found = (registration_of(RunFolders.adopted(workspace, name)) for name in names)
    return [r for r in found if r is not None]


def verdict_of(run: Run) -> str:
    """go, no_go or refused."""
    return str(read_json(run.folders.reports / EVALUATION["verdict"].path)["verdict"])
