"""The DVC form of the table of stages; dvc.yaml is written from it once and tests keep the two equal."""

from __future__ import annotations

from typing import Any

from runner.pipeline.stages import EVALUATION, ROOMS, STAGES, Stage

RAW = "data/raw"
PLUGINS = "plugins"
PLOTS = {
    "calibration.csv": {"x": "predicted", "y": "observed", "title": "Calibration: observed share against predicted"},
    "ladder.csv": {"x": "rung", "y": "payoff", "title": "Payoff per row, rung by rung"},
}


def stages() -> dict[str, Any]:
    """The `stages` section of dvc.yaml."""
    return {"compose": compose(), **{stage.room: _foreach(stage) for stage in STAGES}}


def compose() -> dict[str, Any]:
    """conf/ to params.yaml; persisted, so that a config that does not compose leaves the last good one in place."""
    specs = [f"src/runner/{room}/spec.py" for room in ROOMS]
    families = ["src/runner/data/sources", "src/runner/data/splits", "src/runner/features/steps", "src/runner/problem/policies", "src/runner/training/models"]
    return {
        "cmd": "python -m runner compose",
        "deps": sorted(
            [
                "conf",
                PLUGINS,
                "src/runner/bundle/casts.py",
                "src/runner/bundle/decide.py",
                "src/runner/bundle/recipe.py",
                "src/runner/core",
                "src/runner/experiment",
                "src/runner/features/recipe.py",
                "src/runner/stats",
                *specs,
                *families,
            ]
        ),
        "outs": [{"params.yaml": {"cache": False, "persist": True}}],
    }


def _foreach(stage: Stage) -> dict[str, Any]:
    # DVC cannot name an experiment's own files here; the stage key does, so a change of another table only costs a look.
    raw = [] if stage.sources == "none" else [RAW]
    reads = [place.for_dvc() for place in stage.reads.values()]
    code = [f"src/runner/{package}" for package in stage.code]
    # The first look at the raw rows needs to know which file they are in.
    where = ["${item}.data.primary", "${item}.data.sources"] if stage.sources == "primary" else []
    return {
        "foreach": "${experiments}",
        "do": {
            "cmd": f"python -m runner stage {stage.room} ${{item}} -q",
            "deps": sorted([*raw, *reads, *code, "requirements.lock"]),
            "params": ["${item}.seed", f"${{item}}.{stage.room}", *where],
            "outs": sorted(place.for_dvc() for place in (*stage.writes.values(), stage.gate, stage.around) if place != EVALUATION["metrics"]),
            **({"metrics": [{EVALUATION["metrics"].for_dvc(): {"cache": True}}]} if stage.room == "evaluation" else {}),
        },
    }
