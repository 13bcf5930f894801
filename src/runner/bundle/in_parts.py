"""Predictions of many rows: part after part, so that memory does not grow with them, each part with the threads of the libraries."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.bundle.models import Model
from runner.bundle.threads import allowed_for

PART_ROWS = 8192


def predicted(model: Model, rows: pl.DataFrame) -> np.ndarray:
    """(n, k) predictions of prepared rows."""
    with allowed_for(min(rows.height, PART_ROWS)):
        if rows.height <= PART_ROWS:
            return model.predict(rows)
        return np.concatenate([model.predict(rows.slice(at, PART_ROWS)) for at in range(0, rows.height, PART_ROWS)])
