"""Predictions of many rows: part by part, so that memory does not grow with them, the parts side by side on all cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from runner.bundle.models import Model
from runner.core.machine import cores

PART_ROWS = 8192
# Below, waking a thread costs more than it saves; and the rows that are worth a part of their own.
MANY_ROWS, FEW_ROWS = 512, 256


def predicted(model: Model, rows: pl.DataFrame) -> np.ndarray:
    """(n, k) predictions of prepared rows; a row's bits depend neither on the other rows nor on the cores."""
    lanes = cores() if rows.height >= MANY_ROWS else 1
    each = min(PART_ROWS, max(FEW_ROWS, -(-rows.height // lanes)))
    parts = [rows.slice(at, each) for at in range(0, max(1, rows.height), each)]
    if len(parts) == 1:
        return model.predict(rows)
    with ThreadPoolExecutor(lanes, "part") as pool:
        return np.concatenate(list(pool.map(model.predict, parts)))
