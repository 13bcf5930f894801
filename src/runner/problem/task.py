"""What data and features need to know of a problem: the content of task.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner.core.files import read_json


@dataclass(frozen=True)
class Task:
    """The outcome to learn, the columns with a role, and the least data; payoff and policy stay in problem.json.

    task: binary, multiclass or regression; labels: sorted text, None for regression; row: what one row is.
    """

    task: str
    target: str
    row: str
    positive: str | None = None
    labels: tuple[str, ...] | None = None
    key: tuple[str, ...] = ()
    time: str | None = None
    forbidden: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    min_rows: int = 1
    min_positives: int = 1

    def as_json(self) -> dict[str, Any]:
        written = asdict(self)
        written["feasibility"] = {name: written.pop(name) for name in ("min_rows", "min_positives")}
        return written

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Task:
        return cls(
            task=written["task"],
            target=written["target"],
            row=written["row"],
            positive=written["positive"],
            labels=None if written["labels"] is None else tuple(written["labels"]),
            key=tuple(written["key"]),
            time=written["time"],
            forbidden=tuple(written["forbidden"]),
            protected=tuple(written["protected"]),
            min_rows=written["feasibility"]["min_rows"],
            min_positives=written["feasibility"]["min_positives"],
        )


def read_task(path: Path) -> Task:
    """Read task.json. Raises FaultsError when it is missing or damaged."""
    return Task.from_json(read_json(path))
