"""How often intervals and sets hold what came true."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from runner.stats.shares import share_interval

Json = dict[str, Any]
KEPT, SHORT = "kept", "short"


def held(found: pl.DataFrame, actual: pl.Series) -> np.ndarray:
    """(n,) Boolean: whether what came true is inside. found: `low` and `high` (null where nothing bounds), or `set`; actual: numbers or labels (String)."""
    if "set" in found.columns:
        return found.select(found["set"].list.contains(actual))["set"].to_numpy()
    below, above = missed(found, actual)
    return np.asarray(~(below | above))


def missed(found: pl.DataFrame, actual: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Two (n,) Boolean: what came true lies below the interval, or above it."""
    numbers = actual.cast(pl.Float64).to_numpy()
    low, high = found["low"].fill_null(-np.inf).to_numpy(), found["high"].fill_null(np.inf).to_numpy()
    return numbers < low, numbers > high


def measured(found: pl.DataFrame, actual: pl.Series, coverage: float, confidence: float, together: np.ndarray | None = None) -> Json:
    """How often it held, with an exact interval, and how wide it had to be.

    `status` is short where even the interval's high end is below the declared coverage. Intervals: `width` (mean, of the bounded),
    the shares `below`, `above` and `unbounded`. Sets: `labels_in_set`, their mean number, and the share `of_one`.
    """
    told = share_interval(held(found, actual), confidence, together)
    short = told["high"] is not None and told["high"] < coverage
    report: Json = {"rows": found.height, "held": told, "status": SHORT if short else KEPT}
    if not found.height:
        return report
    if "set" in found.columns:
        sizes = found["set"].list.len()
        return {**report, "labels_in_set": float(sizes.cast(pl.Float64).to_numpy().mean()), "of_one": float((sizes == 1).to_numpy().mean())}
    below, above = missed(found, actual)
    width = (found["high"] - found["low"]).drop_nulls().to_numpy()
    return {
        **report,
        "width": float(width.mean()) if len(width) else None,
        "below": float(below.mean()),
        "above": float(above.mean()),
        "unbounded": 1.0 - len(width) / found.height,
    }
