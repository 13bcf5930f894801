"""Whether predictions come true as often as they say."""

from __future__ import annotations

import numpy as np
import polars as pl

BINS = 10


def calibration(p: np.ndarray, hit: np.ndarray) -> pl.DataFrame:
    """Tenths of the rows by predicted probability: mean predicted, share observed, rows. p, hit: (n,)."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return pl.DataFrame(
        {
            "predicted": [float(p[part].mean()) for part in parts],
            "observed": [float(hit[part].mean()) for part in parts],
            "rows": [len(part) for part in parts],
        },
        schema={"predicted": pl.Float64, "observed": pl.Float64, "rows": pl.Int64},
    )


def calibration_error(table: pl.DataFrame) -> float:
    """Expected calibration error: mean distance between predicted and observed, weighted by rows (Naeini et al. 2015)."""
    weight = table["rows"].to_numpy() / max(1, int(table["rows"].sum()))
    return float(np.sum(weight * np.abs(table["predicted"].to_numpy() - table["observed"].to_numpy())))
