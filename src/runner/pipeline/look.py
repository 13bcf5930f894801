"""How the problem room has its first look at the raw primary source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core import plugins
from runner.core.workspace import Workspace
from runner.experiment.model import Experiment

if TYPE_CHECKING:
    import polars as pl

# What the room can look at itself, without the declared reader: one Parquet file, and text in UTF-8 whose dialect it guesses right.
UTF8 = ("utf-8", "utf8")


def reading(experiment: Experiment, workspace: Workspace) -> Callable[[], pl.LazyFrame] | None:
    """How the declared kind reads the primary source; None where the room's own look will do."""
    data = experiment.data
    if not needs_reader(experiment, workspace):
        return None
    from runner.data.load import open_all

    return lambda: open_all({data.primary: data.sources[data.primary]}, {}, workspace.root)[data.primary].raw


def needs_reader(experiment: Experiment, workspace: Workspace) -> bool:
    """Whether the primary source is of a form that only its declared kind can read: many files, another encoding, or no Parquet and no text."""
    name = experiment.data.primary
    spec: Any = experiment.data.sources[name]
    if plugins.behind({name: spec}):
        return True
    if spec.kind == "csv":
        from runner.problem.feasibility import is_as_guessed

        return spec.encoding.lower() not in UTF8 or not is_as_guessed(workspace.root / Path(spec.path), spec.separator)
    path = workspace.root / Path(spec.path)
    return path.suffix != ".parquet" or path.is_dir() or any(sign in spec.path for sign in "*?[")


def problem_extra(experiment: Experiment, adopted: bool, workspace: Workspace) -> Any:
    """What else decides the problem room's outputs: whether open questions stop it, and what is declared of a source that its kind reads."""
    extra: dict[str, Any] = {}
    if experiment.problem.open_questions:
        # Open questions let an exploring run go on and stop an adopted one.
        extra["adopted"] = adopted
    if needs_reader(experiment, workspace):
        extra["source"] = experiment.data.sources[experiment.data.primary].model_dump(mode="json")
    return extra or None
