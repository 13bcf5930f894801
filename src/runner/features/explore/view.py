"""What every part of the exploration looks at."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from runner.core.seeds import seed_for

SAMPLE_ROWS = 20_000
CONFIDENCE = 0.95
LARGEST = 1e100


@dataclass(frozen=True)
class Declared:
    """What the config says of the features' making.

    kinds: made column to the kind of its step; origins: made column to the contract columns that it is made of; steps: names of all
    steps; drop: what features.drop has; names: columns that are there beside the rows' own; needed: columns that are delivered in any case.
    """

    kinds: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, Sequence[str]] = field(default_factory=dict)
    steps: Collection[str] = ()
    drop: Sequence[str] = ()
    names: Collection[str] = ()
    needed: Collection[str] = ()

    def parts(self, name: str) -> tuple[str, ...]:
        """The contract columns of a feature: itself where no step makes it."""
        return tuple(self.origins.get(name, ())) if name in self.kinds else (name,)


@dataclass(frozen=True)
class View:
    """Training rows with their features, and what is known of them.

    rows: contract columns and features; features: [{"name", "kind": numeric | categorical}]; outcome: (n, k) indicators of `classes`, or
    the target (n, 1); classes: label of each indicator, [""] for regression; problem: as problem.json has it; power: feature to what it
    does alone; units: column to what its numbers count; costs: column to what a value costs to obtain; seed: the experiment's;
    declared: how the features are made.
    """

    rows: pl.DataFrame
    features: Sequence[Mapping[str, str]]
    outcome: np.ndarray
    classes: Sequence[str]
    problem: Mapping[str, Any]
    power: Mapping[str, float]
    units: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    declared: Declared = Declared()

    @property
    def task(self) -> str:
        """binary, multiclass or regression."""
        return str(self.problem["task"])

    @property
    def is_share(self) -> bool:
        """Whether the mean of an outcome column is a share of rows."""
        return self.task != "regression"

    @cached_property
    def drawn(self) -> np.ndarray:
        """Positions of a seeded draw of at most SAMPLE_ROWS rows, in their order."""
        return self.draw(SAMPLE_ROWS)

    def draw(self, most: int) -> np.ndarray:
        """Positions of a seeded draw of at most so many rows, in their order."""
        n = self.rows.height
        if n <= most:
            return np.arange(n)
        return np.sort(np.random.default_rng(seed_for(self.seed, "features", "explore")).choice(n, most, replace=False))

    def is_numeric(self, name: str) -> bool:
        """Whether a feature is a number."""
        return self._kinds[name] == "numeric"

    @property
    def taken(self) -> set[str]:
        """Names that a new column must not have."""
        return {*self.rows.columns, *self.declared.names}

    def cost(self, name: str) -> float:
        """What a value of a feature costs to obtain: all the columns that it is made of."""
        return sum(self.costs.get(column, 0.0) for column in self.declared.parts(name))

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return {feature["name"]: feature["kind"] for feature in self.features}

    @cached_property
    def ranked(self) -> list[str]:
        """Feature names, the strongest alone first."""
        return sorted(self._kinds, key=lambda name: (-self.power.get(name, 0.0), name))

    def numbers(self, name: str, at: np.ndarray | None = None) -> np.ndarray:
        """(n,) Float64 of a numeric feature, NaN where it is missing, has no end, or is too large for its square to be told."""
        column = self.rows[name] if at is None else self.rows[name].gather(at)
        values = column.cast(pl.Float64).to_numpy().astype(float)
        return np.where(np.abs(values) <= LARGEST, values, np.nan)


def rounded(value: float | None, digits: int = 6) -> float | None:
    """A number as the file keeps it: so many significant digits, None for what is not finite."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")
