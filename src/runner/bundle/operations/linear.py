"""Weighted sums of standardised columns."""

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

# Rows at a time: what stands between two additions stays in the processor's cache.
BLOCK = 4096


@dataclass(frozen=True)
class Weighted:
    """Add columns that are weighted sums of others: sum over c of weights[c, i] * (column c - centre[c]) / scale[c].

    name: of its file; columns: the p that are read; made: the k new ones; centre, scale: (p,) Float64; weights: (p, k) Float64;
    missing: (p,) Float64, what stands for (column c - centre[c]) / scale[c] where there is no value.
    A row without any value, or with a sum that is not finite, gets none.
    """

    name: str
    columns: tuple[str, ...]
    made: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    missing: np.ndarray
    weights: np.ndarray

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        values = np.column_stack([rows.get_column(c).cast(pl.Float64).to_numpy() for c in self.columns])
        sums = np.empty((rows.height, len(self.made)))
        for start in range(0, rows.height, BLOCK):
            sums[start : start + BLOCK] = self._sums(values[start : start + BLOCK])
        return beside(rows, (pl.Series(made, sums[:, i], nan_to_null=True) for i, made in enumerate(self.made)))

    def _sums(self, values: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            standard = (values - self.centre) / self.scale
            gaps = np.isnan(values)
            standard = np.where(gaps, self.missing, standard)
            total = np.zeros((len(values), len(self.made)))
            # Column by column, not as a product of matrices: how BLAS adds depends on the number of rows and threads.
            for place in range(len(self.columns)):
                total += standard[:, place : place + 1] * self.weights[place]
        total[gaps.all(axis=1)] = np.nan
        total[~np.isfinite(total)] = np.nan
        return total

    def save(self, folder: Path) -> dict[str, Any]:
        file = f"{self.name}.parquet"
        weights = {f"weight_{i}": self.weights[:, i] for i in range(len(self.made))}
        write_parquet(
            folder / file, pl.DataFrame({"column": list(self.columns), "centre": self.centre, "scale": self.scale, "missing": self.missing, **weights})
        )
        return {"op": "weighted", "table": file, "made": list(self.made)}


@register("operation", "weighted")
def read_weighted(written: Mapping[str, Any], folder: Path) -> Weighted:
    """Read what save wrote."""
    table = pl.read_parquet(folder / written["table"])
    made = tuple(written["made"])
    weights = table.select(f"weight_{i}" for i in range(len(made))).to_numpy(order="c")
    centre, scale, missing = (table[name].to_numpy() for name in ("centre", "scale", "missing"))
    return Weighted(Path(written["table"]).stem, tuple(table["column"]), made, centre, scale, missing, weights)
