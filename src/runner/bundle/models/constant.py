"""The same answer for every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.core.registry import register


@dataclass(frozen=True)
class ConstantModel:
    """values: the share of each class, or the one prediction."""

    values: tuple[float, ...]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return np.tile(np.array(self.values), (rows.height, 1))

    def latency_ms(self) -> float:
        """Nothing worth counting."""
        return 0.0

    def save(self, folder: Path) -> dict[str, Any]:
        return {"family": "constant", "values": list(self.values)}


@register("model", "constant")
def load(written: Mapping[str, Any], folder: Path) -> ConstantModel:
    """Read what save wrote."""
    return ConstantModel(tuple(written["values"]))
