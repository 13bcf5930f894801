"""What the target encodings share: categories as numbers, and how far to believe a category's mean."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

Smoothing = float | Literal["auto"]
# Rows of the overall mean where nothing speaks for differences between categories: more than any category has.
NO_DIFFERENCE = 1e9


def coded(column: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """The sorted categories, a missing value last, and (n,) Int64 each row's position among them."""
    keys = column.unique(maintain_order=True).sort(nulls_last=True)
    positions = pl.DataFrame({column.name: keys}).with_row_index("__runner_code")
    found = column.to_frame().join(positions, on=column.name, how="left", nulls_equal=True, maintain_order="left")
    return keys, found["__runner_code"].cast(pl.Int64).to_numpy()


def prior_of(outcome: np.ndarray) -> list[float]:
    """The overall mean of each of the outcome's columns; 0 where there are no rows."""
    return list(map(float, outcome.mean(axis=0))) if len(outcome) else [0.0] * outcome.shape[1]


def weight_of_prior(smoothing: Smoothing, codes: np.ndarray, outcome: np.ndarray) -> float:
    """How many rows of the overall mean are added to each category's.

    codes: (n,) Int64 categories; outcome: (n,) Float64. `auto` takes the credibility of Bühlmann and Straub (1970): the variance
    within categories over the variance between their true means, both estimated without bias from the rows.
    """
    if smoothing != "auto":
        return float(smoothing)
    counts = np.bincount(codes).astype(float) if len(codes) else np.empty(0)
    counts = counts[counts > 0]
    n, k = len(codes), len(counts)
    if k < 2 or n <= k:
        return NO_DIFFERENCE
    sums = np.bincount(codes, outcome)
    means = (sums / np.maximum(np.bincount(codes), 1))[codes]
    within = float(((outcome - means) ** 2).sum()) / (n - k)
    spread = float(((means - outcome.mean()) ** 2).sum()) - (k - 1) * within
    between = spread / (n - float((counts**2).sum()) / n)
    return min(within / between, NO_DIFFERENCE) if between > 0 else NO_DIFFERENCE
