"""What each way of shipping a rung earns, takes and weighs, and which of them are worth having."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from runner.bundle.latency import scoring_ms
from runner.bundle.pack import Packing, pack
from runner.stats.bootstrap import Resampled

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Cost:
    """size: bytes of all files of the bundle, exact; latency_ms: of a row that comes alone, estimated; None where a family does not say."""

    size: int
    latency_ms: float | None


@dataclass(frozen=True)
class Limits:
    """What the problem declares of what ships; None where it declares nothing."""

    megabytes: float | None = None
    latency_ms: float | None = None

    @classmethod
    def of(cls, problem: Mapping[str, Any]) -> Limits:
        constraints = problem["constraints"]
        return cls(constraints["max_bundle_mb"], constraints["max_latency_ms_p99"])

    def broken_by(self, cost: Cost) -> str:
        """Why something of this cost may not ship; empty where it may."""
        told = []
        if self.megabytes is not None and cost.size > self.megabytes * MEGABYTE:
            told.append(f"{cost.size / MEGABYTE:.3g} MB are more than the {self.megabytes:g} MB allowed")
        if self.latency_ms is not None and cost.latency_ms is not None and cost.latency_ms > self.latency_ms:
            told.append(f"an estimated {cost.latency_ms:.3g} ms a row are more than the {self.latency_ms:g} ms allowed")
        return " and ".join(told)

    def part_allowed(self, cost: Cost) -> float:
        """The part of a cost that the limits allow, at most 1."""
        size = 1.0 if self.megabytes is None else self.megabytes * MEGABYTE / max(1, cost.size)
        time = 1.0 if self.latency_ms is None or not cost.latency_ms else self.latency_ms / cost.latency_ms
        return min(1.0, size, time)


@dataclass(frozen=True)
class Version:
    """A way to ship a rung. members: models whose mean it is; payoff: (n_oof,) of its decisions; ships: whether it stands for its rung."""

    name: str
    rung: str
    members: int
    payoff: np.ndarray
    cost: Cost
    ships: bool


def packed_cost(packing: Packing, folder: Path) -> Cost:
    """Pack into a folder that is not there yet, and say what it costs."""
    folder.mkdir()
    pack(packing, folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Cost(size, scoring_ms(packing.model, len(packing.operations)))


def dominated(versions: Sequence[Version]) -> list[bool]:
    """Whether another version earns no less, weighs no more and takes no longer, and is better in one of them."""

    def figures(version: Version) -> tuple[float, float, float]:
        latency = version.cost.latency_ms
        return -float(version.payoff.mean()), float(version.cost.size), inf if latency is None else latency

    found = [figures(version) for version in versions]
    return [any(all(o <= s for o, s in zip(other, own, strict=True)) and other != own for other in found) for own in found]


def as_json(versions: Sequence[Version], draws: int, seed: int, groups: np.ndarray | None, confidence: float, unit: str) -> list[dict[str, Any]]:
    """The front for ladder.json, in the order of the ladder, each rung's own version before its smaller ones."""
    drawn = Resampled.of({version.name: version.payoff for version in versions}, draws, seed, groups)
    return [
        {
            "name": version.name,
            "rung": version.rung,
            "members": version.members,
            "payoff": drawn.mean(version.name, confidence, f"{unit} per row"),
            "bytes": version.cost.size,
            "latency_ms": None if version.cost.latency_ms is None else round(version.cost.latency_ms, 4),
            "dominated": beaten,
            "ships": version.ships,
        }
        for version, beaten in zip(versions, dominated(versions), strict=True)
    ]
