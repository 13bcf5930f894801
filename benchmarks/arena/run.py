"""One result: a system, a table, a budget; kept as JSON and predictions, so that what is done is never done again."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.arena.cases import Case
from benchmarks.arena.measure import losses, scores
from benchmarks.arena.systems import ROOT, System
from benchmarks.arena.watch import Watched, watched

KEPT = ROOT / ".runner" / "bench" / "quality"
THREADS, SEED = 2, 0
BUSY = 0.15
"""Cores that others may use before a result's times are no longer good for a claim."""
PREDICTING = 600.0
"""Seconds that loading, predicting and the single rows may take together."""


def place(system: str, case: str, budget: float) -> Path:
    return KEPT / f"{budget:g}s" / case / f"{system}.json"


def kill_after(budget: float) -> float:
    """Seconds after which a fit that does not end is killed."""
    return 1.5 * budget + 30


def data_of(case: Case) -> tuple[Path, dict[str, Any]]:
    """The folder with train.parquet, test.parquet and what is known of them; made at first."""
    folder = KEPT / "tables" / case.name
    about = folder / "about.json"
    if not about.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        train, test = case.split()
        table = case.table
        labels = sorted(train[table.target].unique().to_list()) if table.task != "regression" else []
        strange = set(test[table.target].unique()) - set(labels) if labels else set()
        if strange:
            raise ValueError(f"{case.name}: the training rows have no {sorted(strange)}")
        train.write_parquet(folder / "train.parquet")
        test.drop(table.target).write_parquet(folder / "test.parquet")
        test.select(table.target).write_parquet(folder / "truth.parquet")
        told = {"name": case.name, "half": case.half, "task": table.task, "target": table.target, "time": table.time, "labels": labels}
        sizes = {"train_rows": train.height, "test_rows": test.height, "columns": train.width - 1, "licence": table.licence}
        about.write_text(json.dumps({**told, **sizes}, indent=1))
    return folder, json.loads(about.read_text())


def truth(folder: Path, about: dict[str, Any]) -> np.ndarray:
    """(rows,) the test rows' outcomes: numbers, or the places of the classes in `labels`."""
    column = pl.read_parquet(folder / "truth.parquet")[about["target"]]
    return column.to_numpy() if about["task"] == "regression" else column.replace_strict({c: i for i, c in enumerate(about["labels"])}).to_numpy()


def constant(folder: Path, about: dict[str, Any]) -> np.ndarray:
    """What one who sees only the training outcomes says of every test row: shares of the classes (rows, classes), or the mean (rows, 1)."""
    column = pl.read_parquet(folder / "train.parquet", columns=[about["target"]])[about["target"]]
    said = [column.mean()] if about["task"] == "regression" else [(column == label).mean() for label in about["labels"]]
    return np.tile(np.array(said, dtype=np.float64), (int(about["test_rows"]), 1))


def one(system: System, case: Case, budget: float) -> dict[str, Any]:
    """Fit, predict, measure and keep. A system that fails or is killed is kept as that, with its last words."""
    folder, about = data_of(case)
    target = place(system.name, case.name, budget)
    work = target.parent / f"{system.name}.work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    job = {name: about[name] for name in ("target", "task", "labels", "time")}
    job |= {"train": str(folder / "train.parquet"), "test": str(folder / "test.parquet"), "folder": str(work / "model")}
    job |= {"budget": budget, "seed": SEED, "threads": THREADS, "options": system.options, "started": time.time()}
    (work / "job.json").write_text(json.dumps(job))
    env = system.environment(THREADS)
    fitted = watched(system.fit_command(work / "job.json", job), kill_after(budget), work / "fit.log", env, work)
    result = {"system": system.name, "version": system.version(), "table": case.name, "half": case.half, "budget": budget, "threads": THREADS}
    result |= {"task": about["task"], "train_rows": about["train_rows"], "test_rows": about["test_rows"], **_fit_facts(fitted, budget)}
    if fitted.killed or fitted.code:
        words = f"killed after {fitted.seconds:.0f} s" if fitted.killed else _last_words(work / "fit.log")
        result |= {"status": "killed" if fitted.killed else "failed", "error": words}
    else:
        result |= _predicted(system, work, folder, about, env)
    if result["status"] == "ok":
        shutil.copy(work / "predictions.parquet", target.with_suffix(".parquet"))
    else:
        shutil.copy(work / "fit.log", target.with_suffix(".log"))
    target.write_text(json.dumps(result, indent=1))
    shutil.rmtree(work)
    return result


def _fit_facts(fitted: Watched, budget: float) -> dict[str, Any]:
    facts = {"fit_seconds": fitted.seconds, "overrun_seconds": max(0.0, fitted.seconds - budget), "peak_bytes": fitted.peak_bytes}
    return facts | {"load_before": fitted.load_before, "load_after": fitted.load_after, "others_cores": fitted.others, "busy": fitted.others > BUSY}


def _predicted(system: System, work: Path, folder: Path, about: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    asked = watched(system.predict_command(work / "job.json"), PREDICTING, work / "predict.log", env, work)
    if asked.killed or asked.code:
        shutil.copy(work / "predict.log", work / "fit.log")
        return {"status": "failed", "error": "while predicting: " + ("no end" if asked.killed else _last_words(work / "predict.log"))}
    found, actual = pl.read_parquet(work / "predictions.parquet").to_numpy(), truth(folder, about)
    if not np.isfinite(found).all() or found.shape[0] != len(actual):
        return {"status": "failed", "error": "its predictions have gaps, or are not one for each row"}
    measured = json.loads((work / "predict.json").read_text())
    measured["seconds_per_1000"] = measured["predict_seconds"] / len(actual) * 1000
    measured["loss_mean"] = float(losses(found, actual, about["task"]).mean())
    return {"status": "ok", **measured, "predict_peak_bytes": asked.peak_bytes, "predict_busy": asked.others > BUSY, **scores(found, actual, about["task"])}


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-600:] or "it said nothing"
