"""The DVC form of the table of stages: for this repository, where tests keep dvc.yaml equal to it, and for a workspace of its own."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from runner import __version__
from runner.core.faults import Fault
from runner.pipeline.keys import LIBRARIES
from runner.pipeline.stages import EVALUATION, ROOMS, STAGES, Stage

RAW = "data/raw"
LOCK = "requirements.lock"
PINS = "requirements.txt"
HEAD = """\
# Rebuilds every adopted experiment: `dvc repro`. Written by `python -m runner init`; the stages are those of the package.
# requirements.txt stands for the code: a stage runs again when a pinned version changes.
"""
PLUGINS = "plugins"
METRICS = EVALUATION["headline"]
# How `dvc plots show` draws the tables of a run; one that does not belong to its task has a head and no rows.
PLOTS = {
    EVALUATION["ladder_plot"]: {"x": "payoff", "y": "rung", "template": "bar_horizontal", "title": "${item}: payoff per row out of fold, rung by rung"},
    EVALUATION["calibration_plot"]: {"x": "predicted", "y": "observed", "template": "simple", "title": "${item}: what came true against what was predicted"},
    EVALUATION["payoff_by_share_plot"]: {"x": "share", "y": "payoff_per_row", "template": "simple", "title": "${item}: payoff per row by the share acted on"},
    EVALUATION["residuals_plot"]: {"x": "predicted", "y": "actual_p50", "template": "simple", "title": "${item}: median outcome against what was predicted"},
}


def stages() -> dict[str, Any]:
    """The `stages` section of this repository's dvc.yaml, whose code lies beside it."""
    code = {stage.room: [f"src/runner/{package}" for package in (*stage.code, *stage.handed)] for stage in STAGES}
    return {"compose": compose(), **{stage.room: _foreach(stage, [*code[stage.room], LOCK]) for stage in STAGES}}


def workspace_stages() -> dict[str, Any]:
    """The `stages` section for a workspace that uses the installed package: pinned versions stand for the code."""
    composed = {**compose(), "deps": ["conf", PLUGINS, PINS]}
    return {"compose": composed, **{stage.room: _foreach(stage, [PINS]) for stage in STAGES}}


def workspace_text() -> str:
    """The whole dvc.yaml of such a workspace."""
    return HEAD + yaml.safe_dump({"vars": ["conf/reproduce.yaml"], "stages": workspace_stages()}, sort_keys=False, width=200)


def pins() -> str:
    """requirements.txt of a workspace: runner and the libraries whose version can change a result, as they are installed here."""
    lines = [f"runner=={__version__}", *(f"{name}=={version(name)}" for name in sorted(LIBRARIES))]
    return (
        "# What the results depend on. `pip install -r` it; after an upgrade write the new versions here, and dvc repro rebuilds.\n" + "\n".join(lines) + "\n"
    )


def unpinned(root: Path) -> list[Fault]:
    """Versions that are installed and not those that the workspace pins: DVC would note results under the wrong ones."""
    path = root / PINS
    if not path.is_file():
        return []
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pinned = dict(line.split("==", 1) for line in lines if line.count("==") == 1 and ";" not in line)
    faults = []
    for name in ("runner", *LIBRARIES):
        wanted, found = pinned.get(name, "").strip(), _installed(name)
        if wanted and wanted != found:
            hint = f"pip install -r {PINS}, or write {name}=={found} there"
            faults.append(Fault(f"{PINS}: {name}", f"{found} is installed, {wanted} is pinned", "the same version in both", hint))
    return faults


def _installed(name: str) -> str:
    if name == "runner":
        return __version__
    try:
        return version(name)
    except PackageNotFoundError:
        return "nothing"


# Packages below a room whose specs are files of their own.
OWN_SPECS = ("data/labels", "data/quality", "features/balance", "features/selection")


def compose() -> dict[str, Any]:
    """conf/ to params.yaml; persisted, so that a config that does not compose leaves the last good one in place."""
    specs = [*(f"src/runner/{room}/spec.py" for room in ROOMS), *(f"src/runner/{path}/spec.py" for path in OWN_SPECS)]
    parts = ("data/databases", "data/joins", "data/sources", "data/splits", "features/steps", "problem/policies", "training/models")
    families = [f"src/runner/{path}" for path in parts]
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


def _foreach(stage: Stage, code: list[str]) -> dict[str, Any]:
    # DVC cannot name an experiment's own files here; the stage key does, so a change of another table only costs a look.
    raw = [] if stage.sources == "none" else [RAW]
    reads = [place.for_dvc() for place in stage.reads.values()]
    places = set(stage.writes.values())
    return {
        "foreach": "${experiments}",
        "do": {
            "cmd": f"python -m runner stage {stage.room} ${{item}} -q",
            "deps": sorted([*raw, *reads, *code]),
            "params": [f"${{item}}.{key}" for key in stage.declares],
            "outs": sorted(place.for_dvc() for place in (*stage.writes.values(), stage.gate, stage.around) if place not in (METRICS, *PLOTS)),
            **({"metrics": [METRICS.for_dvc()], "plots": [{place.for_dvc(): dict(told)} for place, told in PLOTS.items()]} if METRICS in places else {}),
        },
    }
