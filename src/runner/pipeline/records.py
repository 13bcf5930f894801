"""The record of a run: a file first, so that no tracking server can fail a run."""

from __future__ import annotations

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runner.core.digests import of_file, of_value
from runner.core.files import read_json, write_json
from runner.pipeline.keys import LIBRARIES, code_digest
from runner.pipeline.run import Run
from runner.pipeline.stages import EVALUATION, STAGES, TRAINING, stage_of

TRAINING_STAGE = stage_of("training")


def commit_of(root: Path) -> str | None:
    """The checked-out commit, with a + when files differ from it; None outside Git."""
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, timeout=10, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], cwd=root, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def write_record(run: Run) -> Path:
    """Write the record of what this run produced, once per distinct result; returns its path."""
    verdict = run.folders.reports / EVALUATION["verdict"].path
    metrics = run.folders.reports / EVALUATION["metrics"].path
    code = code_digest(tuple(sorted({package for stage in STAGES for package in stage.code})))
    digest = of_value([run.experiment.digest, run.adopted, of_file(verdict), of_file(metrics), code])
    path = run.workspace.home / "records" / f"{digest}.json"
    if not path.exists():
        write_json(path, {"digest": digest, **_content(run, read_json(verdict), read_json(metrics))})
    return path


def _content(run: Run, verdict: dict[str, Any], metrics: dict[str, Any]) -> dict[str, Any]:
    ladder = _read(run.folders.models / TRAINING["ladder"].path)
    report = _read(run.folders.reports / TRAINING["training_report"].path)
    data = _read(run.folders.reports / "data/data.json")
    bundle = run.folders.models / "bundle"
    admitted = verdict["verdict"] == "go" and bundle.is_dir()
    return {
        "experiment": run.experiment.name,
        "adopted": run.adopted,
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": commit_of(run.workspace.root),
        "config": {"name": run.experiment.name, **run.experiment.stored()},
        "data": data.get("sources", {}),
        "seeds": {"experiment": run.experiment.seed},
        "environment": {"python": platform.python_version(), "machine": platform.machine(), **{name: version(name) for name in LIBRARIES}},
        "trials": _trials(run, report),
        "plan": report.get("plan", {}),
        "ladder": ladder,
        "metrics": metrics,
        "verdict": verdict,
        "files": {
            "report": run.workspace.shown(run.folders.reports / "report.html"),
            "model_card": run.workspace.shown(run.folders.reports / EVALUATION["model_card"].path),
            "bundle": run.workspace.shown(bundle) if admitted else None,
        },
    }


def _trials(run: Run, report: dict[str, Any]) -> list[dict[str, Any]]:
    """Every trial with what it was asked, what it gave and what it cost. seconds: by the clock, of those who fitted its folds."""
    seconds = _read(TRAINING_STAGE.measurements.under(run.folders)).get("trial_seconds", {})
    made_from = report.get("made_from", {})
    return [
        {
            "candidate": study["candidate"],
            "trial": t["trial"],
            "state": t["state"],
            "params": t["params"],
            "value": t["loss"],
            "fold_scores": t["fold_losses"],
            "rounds": t["rounds"],
            "work": t["work"],
            "seconds": next(iter(seconds.get(study["candidate"], [])[t["trial"] : t["trial"] + 1]), []),
            "seed": run.experiment.seed,
            "data": made_from.get("data"),
            "code": made_from.get("code"),
        }
        for study in report.get("studies", [])
        for t in study["trials"]
    ]


def _read(path: Path) -> dict[str, Any]:
    """An output that may have been withheld after a refusal."""
    if not path.exists() or not path.stat().st_size:
        return {}
    content: dict[str, Any] = read_json(path)
    return content
