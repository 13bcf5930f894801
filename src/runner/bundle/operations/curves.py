"""Numbers through a curve or into bins, by tables of points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.columns import beside
from runner.core.files import write_parquet
from runner.core.registry import register


@dataclass(frozen=True)
class Points:
    """A curve of straight lines. x: ascending, without equal neighbours; y: as many; both Float64, perhaps empty."""

    x: np.ndarray
    y: np.ndarray

    def at(self, values: pl.Series) -> pl.Series:
        """The curve's height at each value; beyond an end that of the end, null where there is no value or no point."""
        if not len(self.x):
            return pl.Series(values.name, [None] * values.len(), dtype=pl.Float64)
        found = np.interp(values.cast(pl.Float64).to_numpy(), self.x, self.y)
        return pl.Series(values.name, found, nan_to_null=True)


@dataclass(frozen=True)
class Curves:
    """Add columns that are curves of others. name: of its file; columns: the new column to the one it reads and the points."""

    name: str
    columns: Mapping[str, tuple[str, Points]]

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return beside(rows, (points.at(rows.get_column(of)).alias(made) for made, (of, points) in self.columns.items()))

    def save(self, folder: Path) -> dict[str, Any]:
        file = f"{self.name}.parquet"
        schema = {"column": pl.String, "x": pl.Float64, "y": pl.Float64}
        written = [pl.DataFrame({"column": [made] * len(p.x), "x": p.x, "y": p.y}, schema=schema) for made, (_, p) in self.columns.items()]
        write_parquet(folder / file, pl.concat([pl.DataFrame(schema=schema), *written]))
        return {"op": "curves", "table": file, "columns": [[made, of] for made, (of, _) in self.columns.items()]}


@register("operation", "curves")
def read_curves(written: Mapping[str, Any], folder: Path) -> Curves:
    """Read what save wrote."""
    table = pl.read_parquet(folder / written["table"])
    columns = {}
    for made, of in written["columns"]:
        own = table.filter(pl.col("column") == made)
        columns[made] = (of, Points(own["x"].to_numpy(), own["y"].to_numpy()))
    return Curves(Path(written["table"]).stem, columns)


@dataclass(frozen=True)
class Bins:
    """Add the number of each value's bin, from 0. columns: the new column to the one it reads and the ends between the bins, ascending.

    An end belongs to the bin above it.
    """

    columns: Mapping[str, tuple[str, tuple[float, ...]]]

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return beside(rows, (self._binned(rows.get_column(of).cast(pl.Float64), ends).alias(made) for made, (of, ends) in self.columns.items()))

    @staticmethod
    def _binned(values: pl.Series, ends: tuple[float, ...]) -> pl.Series:
        known = values.to_numpy()
        number = pl.Series(values.name, np.searchsorted(np.array(ends, dtype=float), known, side="right"), dtype=pl.Int64)
        # A missing value is NaN here, too.
        gaps = np.isnan(known)
        return number.set(pl.Series(gaps), None) if gaps.any() else number

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "bins", "columns": [[made, of, list(ends)] for made, (of, ends) in self.columns.items()]}


@register("operation", "bins")
def read_bins(written: Mapping[str, Any], folder: Path) -> Bins:
    """Read what save wrote."""
    return Bins({made: (of, tuple(ends)) for made, of, ends in written["columns"]})
