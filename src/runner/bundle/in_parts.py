"""Predictions of many rows: in parts of a fixed size, side by side, so that bits do not depend on the number of cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from runner.bundle.models import Model
from runner.core.machine import cores

# Below, starting a call costs more than it saves.
PART_ROWS = 1024


def predicted(model: Model, rows: pl.DataFrame) -> np.ndarray:
    """(n, k) predictions of prepared rows. The libraries let go of the interpreter while they predict, so threads are enough."""
    if rows.height <= PART_ROWS:
        return model.predict(rows)
    parts = [rows.slice(at, PART_ROWS) for at in range(0, rows.height, PART_ROWS)]
    with ThreadPoolExecutor(min(cores(), len(parts)), "predict") as pool:
        return np.concatenate(list(pool.map(model.predict, parts)))
