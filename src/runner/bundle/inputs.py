"""From feature columns to the matrix a model reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

MAX_LEVELS = 1000


@dataclass(frozen=True)
class Inputs:
    """The columns of a model's matrix, in order: numbers first, then category codes.

    numeric: names; categorical: name to its known levels, whose positions are the codes.
    """

    numeric: tuple[str, ...]
    categorical: Mapping[str, tuple[str, ...]]

    @classmethod
    def learn(cls, rows: pl.DataFrame, features: Sequence[Mapping[str, str]]) -> Inputs:
        """Take the levels of each categorical feature from the rows: the most common MAX_LEVELS, in sorted order."""
        numeric = tuple(f["name"] for f in features if f["kind"] == "numeric")
        categorical = {f["name"]: _levels(rows[f["name"]]) for f in features if f["kind"] == "categorical"}
        return cls(numeric, categorical)

    @property
    def names(self) -> list[str]:
        return [*self.numeric, *self.categorical]

    def matrix(self, rows: pl.DataFrame) -> np.ndarray:
        """(n, columns) Float64; NaN where a value is missing or a level is unknown."""
        numbers = [pl.col(c).cast(pl.Float64) for c in self.numeric]
        codes = [pl.col(c).cast(pl.String).cast(pl.Enum(list(levels)), strict=False).to_physical().cast(pl.Float64) for c, levels in self.categorical.items()]
        if not numbers and not codes:
            return np.empty((rows.height, 0))
        return rows.select(*numbers, *codes).to_numpy(order="c")

    def as_json(self) -> dict[str, Any]:
        return {"numeric": list(self.numeric), "categorical": [[n, list(v)] for n, v in self.categorical.items()]}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Inputs:
        return cls(tuple(written["numeric"]), {n: tuple(v) for n, v in written["categorical"]})


def _levels(column: pl.Series) -> tuple[str, ...]:
    counts = column.cast(pl.String).drop_nulls().value_counts(name="rows").sort(["rows", column.name], descending=[True, False])
    return tuple(sorted(counts[column.name].head(MAX_LEVELS).to_list()))
