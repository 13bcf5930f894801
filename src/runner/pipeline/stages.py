"""THE table of stages: the single source for the runner, for dvc.yaml and for the tests that tie them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from runner.core.stage import Done
from runner.core.workspace import RunFolders

Root = Literal["data", "models", "reports"]


@dataclass(frozen=True)
class Place:
    """A file or folder below one of a run's three roots."""

    root: Root
    path: str

    def under(self, folders: RunFolders) -> Path:
        """Where it lies in a run."""
        root: Path = getattr(folders, self.root)
        return root / self.path

    def for_dvc(self) -> str:
        """As dvc.yaml names it."""
        return f"{self.root}/${{item}}/{self.path}"


@dataclass(frozen=True)
class Stage:
    """One room's stage.

    sources: which raw sources it reads ('primary', 'all' or 'none'); reads, writes: name to place;
    code: the packages below src/runner whose change re-runs it; handed: code beyond that which it does not import, but is given to run.
    """

    room: str
    sources: Literal["none", "primary", "all"]
    reads: Mapping[str, Place]
    writes: Mapping[str, Place]
    code: tuple[str, ...]
    handed: tuple[str, ...] = ()

    @property
    def declares(self) -> tuple[str, ...]:
        """The keys of params.yaml, below the experiment, whose change re-runs it."""
        # The first look at the raw rows needs to know which file they are in.
        where = ("data.primary", "data.sources") if self.sources == "primary" else ()
        return ("seed", self.room, *where)

    @property
    def gate(self) -> Place:
        """What the room judged; part of its outputs."""
        return Place("reports", f"{self.room}/gate.json")

    @property
    def around(self) -> Place:
        """What the steps around the room found; always there, so that DVC can name it."""
        return Place("reports", f"{self.room}/around")

    @property
    def measurements(self) -> Place:
        """What a clock or a meter gave; never compared, nobody's output."""
        return Place("reports", f"{self.room}/measurements.json")

    def function(self) -> Callable[[Any, Any, Mapping[str, Path]], Done]:
        """The room's `run`, imported when it is needed."""
        run: Callable[[Any, Any, Mapping[str, Path]], Done] = import_module(f"runner.{self.room}.stage").run
        return run


def _places(root: Root, **paths: str) -> dict[str, Place]:
    return {name: Place(root, path) for name, path in paths.items()}


PROBLEM = _places("reports", problem="problem/problem.json") | _places("data", task="task.json")
DATA = _places(
    "data",
    train="train.parquet",
    sealed_test="sealed_test.parquet",
    split="split.json",
    folds="folds.parquet",
    contract="contract.json",
    quarantine="quarantine.parquet",
) | _places("reports", data_report="data/data.json")
FEATURES = (
    _places("data", features="features.parquet")
    | _places("models", recipe="recipe")
    | _places("reports", features_report="features/features.json", exploration="features/exploration.json")
)
TRAINING = _places("models", candidates="candidates", oof="oof.parquet", ladder="ladder.json") | _places("reports", training_report="training/trials.json")
EVALUATION = _places(
    "reports",
    verdict="evaluation/verdict.json",
    metrics="evaluation/metrics.json",
    headline="evaluation/headline.json",
    model_card="evaluation/model_card.md",
    ladder_plot="evaluation/plots/ladder.csv",
    calibration_plot="evaluation/plots/calibration.csv",
    payoff_by_share_plot="evaluation/plots/payoff_by_share.csv",
    residuals_plot="evaluation/plots/residuals.csv",
    evaluation_report="evaluation/evaluation.json",
)
DEPLOYMENT = _places("models", bundle="bundle") | _places("reports", deployment_report="deployment/deployment.json")
MONITORING = _places("models", monitor="monitor") | _places("reports", rehearsal="monitoring/rehearsal.json")
GATES = {f"gate.{room}": Place("reports", f"{room}/gate.json") for room in ("problem", "data", "features", "training")}


def _only(places: Mapping[str, Place], *names: str) -> dict[str, Place]:
    return {name: places[name] for name in names}


# How the kinds of sources read, for the first look at the primary one.
READERS = ("bundle/casts.py", "data/databases", "data/derive.py", "data/extra.py", "data/load.py", "data/sources", "data/unreadable.py")

STAGES = (
    Stage("problem", "primary", {}, PROBLEM, ("core", "problem"), READERS),
    Stage("data", "all", _only(PROBLEM, "task"), DATA, ("bundle", "core", "data", "problem/task.py")),
    Stage(
        "features",
        "none",
        _only(PROBLEM, "problem", "task") | _only(DATA, "train", "folds", "split", "contract"),
        FEATURES,
        ("bundle", "core", "features", "problem/policies", "stats"),
    ),
    Stage(
        "training",
        "none",
        _only(PROBLEM, "problem") | _only(DATA, "folds", "split", "contract") | _only(FEATURES, "features", "recipe"),
        TRAINING,
        ("bundle", "core", "features", "problem/policies", "stats", "training"),
    ),
    Stage(
        "evaluation",
        "none",
        _only(PROBLEM, "problem") | _only(DATA, "train", "sealed_test", "split", "contract") | _only(TRAINING, "candidates", "oof", "ladder") | GATES,
        EVALUATION,
        ("bundle", "core", "evaluation", "stats"),
    ),
    Stage(
        "deployment",
        "none",
        _only(PROBLEM, "problem") | _only(TRAINING, "candidates", "ladder") | _only(EVALUATION, "verdict", "metrics"),
        DEPLOYMENT,
        ("bundle", "core", "deployment"),
    ),
    Stage(
        "monitoring",
        "none",
        _only(PROBLEM, "problem") | _only(DATA, "split") | _only(FEATURES, "features") | _only(TRAINING, "oof", "ladder") | _only(DEPLOYMENT, "bundle"),
        MONITORING,
        ("bundle", "core", "monitoring"),
    ),
)
ROOMS = tuple(stage.room for stage in STAGES)


def stage_of(room: str) -> Stage:
    """The stage of a room. Raises KeyError for any other word."""
    return {stage.room: stage for stage in STAGES}[room]
