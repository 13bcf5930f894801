"""An additive model: what each feature alone adds to the score, kept as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.models.links import answered
from runner.core.registry import register

# Ranges or levels of a feature that a report shows.
POINTS = 40


@dataclass(frozen=True)
class Shape:
    """What one feature adds to each score.

    cuts: (c,) ascending; a number up to cuts[i], and above the one before, is in range i; empty for categories.
    added: (c + 1, k) per range, or (levels, k) per level; gap: (k,) where the value is missing or the level unknown.
    """

    cuts: np.ndarray
    added: np.ndarray
    gap: np.ndarray

    def of(self, values: np.ndarray, is_number: bool) -> np.ndarray:
        """(n, k) what the values (n,) add."""
        gaps = np.isnan(values)
        at = np.searchsorted(self.cuts, values, side="left") if is_number else np.where(gaps, 0, values).astype(np.int64)
        table = np.concatenate([self.added, self.gap[None, :]])
        return np.asarray(table[np.where(gaps, len(table) - 1, at)])


FEATURE_MS = 0.012  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class AdditiveModel:
    """offsets: (k,) the score where every feature adds nothing; shapes: feature to what it adds, without those that add nothing.

    What a feature adds is 0 on average over the training rows.
    """

    inputs: Inputs
    link: str
    offsets: np.ndarray
    shapes: Mapping[str, Shape]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        return answered(self.raw(matrix), self.link)

    def raw(self, matrix: np.ndarray) -> np.ndarray:
        """(n, k) scores, added up in the order of the inputs."""
        total = np.tile(self.offsets, (len(matrix), 1))
        for i, name in enumerate(self.inputs.names):
            if name in self.shapes:
                total += self.shapes[name].of(matrix[:, i], i < len(self.inputs.numeric))
        return total

    def importance(self, values: np.ndarray) -> Importance:
        """How far each feature spreads the score over the rows: the standard deviation of what it adds."""
        n = len(self.inputs.numeric)
        spreads = [self.shapes[name].of(values[:, i], i < n).std(axis=0).mean() if name in self.shapes else 0.0 for i, name in enumerate(self.inputs.names)]
        return Importance.of("how far the feature spreads the score over the training rows", self.inputs.names, np.array(spreads))

    def reading(self) -> dict[str, Any]:
        """What each feature adds to the one score, thinned out to what a plot can show; nothing for several classes."""
        if len(self.offsets) > 1:
            return {}
        return {"shapes": [self._thinned(name, shape) for name, shape in self.shapes.items()]}

    def _thinned(self, name: str, shape: Shape) -> dict[str, Any]:
        adds = shape.added[:, 0]
        if name in self.inputs.categorical:
            largest = np.sort(np.argsort(-np.abs(adds), kind="stable")[:POINTS])
            return {"feature": name, "levels": [self.inputs.categorical[name][i] for i in largest], "adds": adds[largest].tolist()}
        kept = np.unique(np.linspace(0, len(shape.cuts) - 1, POINTS).round().astype(int)) if len(shape.cuts) else np.zeros(0, int)
        return {"feature": name, "to": shape.cuts[kept].tolist(), "adds": [*adds[kept].tolist(), float(adds[-1])]}

    def latency_ms(self) -> float:
        """One look into a table for each feature."""
        return FEATURE_MS * len(self.shapes)

    def save(self, folder: Path) -> dict[str, Any]:
        shapes = {name: {"cuts": s.cuts.tolist(), "added": s.added.tolist(), "gap": s.gap.tolist()} for name, s in self.shapes.items()}
        return {"family": "additive", "link": self.link, "inputs": self.inputs.as_json(), "offsets": self.offsets.tolist(), "shapes": shapes}


@register("model", "additive")
def load(written: Mapping[str, Any], folder: Path) -> AdditiveModel:
    """Read what save wrote."""
    offsets = np.array(written["offsets"], float)
    shapes = {
        name: Shape(np.array(s["cuts"], float), np.array(s["added"], float).reshape(-1, len(offsets)), np.array(s["gap"], float))
        for name, s in written["shapes"].items()
    }
    return AdditiveModel(Inputs.from_json(written["inputs"]), written["link"], offsets, shapes)
