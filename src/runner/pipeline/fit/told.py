"""What a fit tells of its candidates: leaderboard.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

MEGABYTE = 1e6
MEASURES = {"binary": ("log_loss", "auc"), "multiclass": ("log_loss", "accuracy"), "regression": ("rmse", "r2")}


def leaderboard(task: str, ladder: Mapping[str, Any], reports: Mapping[str, Any], candidates: Path) -> list[dict[str, Any]]:
    """One entry a candidate, the best score first: scores with their intervals, trials, seconds, size, and whether it ships.

    ladder: of training; reports: training's trials and what its clock gave.
    """
    metric = str(ladder["metric"])
    seconds = reports.get("fitting_seconds", {})
    found = []
    for rung in ladder["rungs"]:
        scores = rung["scores"]
        found.append(
            {
                "candidate": rung["name"],
                "kind": rung["kind"],
                "ships": bool(rung["chosen"]),
                "metric": metric,
                "score": scores[metric]["value"],
                "low": scores[metric]["low"],
                "high": scores[metric]["high"],
                "others": {name: told["value"] for name, told in scores.items() if name != metric},
                "trials": rung["trials"],
                "seconds": seconds.get(rung["name"]),
                "megabytes": _size(candidates / rung["name"]),
                "why": rung["reason"],
            }
        )
    return sorted(found, key=lambda entry: (not entry["ships"], entry["score"]))


def _size(folder: Path) -> float | None:
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return round(sum(files) / MEGABYTE, 4) if files else None
