"""What every room's `run` is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.gates import Gate
from runner.core.progress import Progress, Silent

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class TestUse:
    """Permission to open a sealed test: this declaration's number among those the seal allows."""

    number: int
    allowed: int


@dataclass(frozen=True)
class Given:
    """The inputs of a stage.

    files: declared input name to path; experiment: its name; seed: the experiment's;
    gates: what earlier rooms found; root: the workspace; home: private folder for resumable work;
    workers: fits side by side (never changes a result); adopted: False while exploring;
    made_from: digests of config, data, code and lock that the outputs carry;
    use: set for `evaluation` of an adopted experiment only;
    read: the raw primary source as its plugin reads it, for the first look at it; None where this package's own reading will do;
    deadline: on `time.monotonic()`, when the room must be about done, None without one. Training shortens a budget in minutes to it, and ends fits
    in progress then; whoever sets it leaves room for what comes after. A deadline that cuts something off breaks reproducibility, and is told.
    """

    files: Mapping[str, Path]
    experiment: str
    seed: int
    root: Path
    home: Path
    workers: int = 1
    adopted: bool = True
    gates: tuple[Gate, ...] = ()
    made_from: Mapping[str, str] = field(default_factory=dict)
    use: TestUse | None = None
    read: Callable[[], pl.LazyFrame] | None = None
    progress: Progress = field(default_factory=Silent)
    deadline: float | None = None

    def __getitem__(self, name: str) -> Path:
        return self.files[name]


@dataclass(frozen=True)
class Done:
    """What a stage tells beside its files: gates it judged, and clocked figures (never compared)."""

    gates: tuple[Gate, ...] = ()
    measurements: Mapping[str, Any] = field(default_factory=dict)
