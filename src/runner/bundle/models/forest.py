"""Many trees whose answers are averaged: random forest and extra trees, kept as plain arrays and walked by LightGBM's fast predictor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from math import log2
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.latency import trees_ms
from runner.bundle.models.grove import Grove
from runner.bundle.models.tree import encoded
from runner.core.files import write_bytes
from runner.core.registry import register

FILE = "trees.npz"
# Values gathered at once for a prediction of several classes.
MOST_VALUES = 2_000_000


CALL_MS, STEP_NS = 0.06, 25.0  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class ForestModel:
    """family: forest or extra_trees; prior: (k,) the overall shares, which count as one more tree; () for numbers.

    offset, scale: of the outcome, for numbers (the trees answer in standard deviations); places, gains: as a single tree has them.
    """

    family: str
    inputs: Inputs
    places: Mapping[str, tuple[float, ...]]
    grove: Grove
    prior: tuple[float, ...]
    offset: float
    scale: float
    gains: tuple[float, ...]

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.grove.text(len(self.inputs.names), self.grove.values.shape[1]))

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        if not len(matrix):
            return np.empty((0, len(self.prior) or 1))
        mean = self._mean(encoded(self.inputs, self.places, matrix))
        if not self.prior:
            return np.asarray(self.offset + self.scale * mean)
        shares = np.concatenate([1.0 - mean, mean], axis=1) if mean.shape[1] == 1 else mean
        trees = len(self.grove.sizes)
        return np.asarray((trees * shares + np.array(self.prior)) / (trees + 1))

    def _mean(self, values: np.ndarray) -> np.ndarray:
        """(n, k) the trees' mean answer."""
        values = values if values.shape[1] else np.zeros((len(values), 1))
        if self.grove.values.shape[1] == 1:
            return np.asarray(self._booster.predict(values, num_threads=1), float).reshape(-1, 1)
        leaves = np.asarray(self._booster.predict(values, pred_leaf=True, num_threads=1), np.int64).reshape(len(values), -1) + self.grove.first_leaf
        step = max(1, MOST_VALUES // (leaves.shape[1] * self.grove.values.shape[1]))
        # Added up tree by tree, so that a row alone gets to the bit what it gets among others.
        total = [self.grove.values[leaves[at : at + step].T].sum(axis=0, dtype=float) for at in range(0, len(leaves), step)]
        return np.asarray(np.concatenate(total) / leaves.shape[1])

    def importance(self, values: np.ndarray) -> Importance:
        """The impurity that the splits on a feature took away, over all trees."""
        return Importance.of("how much impurity its splits took away, over all trees", self.inputs.names, np.array(self.gains))

    def latency_ms(self) -> float:
        """One call, and a path of about the logarithm of its leaves down each tree."""
        trees = len(self.grove.sizes)
        leaves = (self.grove.feature < 0).sum() / max(1, trees)
        return trees_ms(CALL_MS, trees, log2(max(2.0, float(leaves))), STEP_NS)

    def save(self, folder: Path) -> dict[str, Any]:
        grove = self.grove
        width = np.int16 if len(self.inputs.names) < np.iinfo(np.int16).max else np.int32
        held = BytesIO()
        np.savez_compressed(
            held,
            sizes=grove.sizes.astype(np.int32),
            feature=grove.feature.astype(width),
            threshold=grove.threshold,
            gaps_left=np.packbits(grove.gaps_left),
            values=grove.values,
        )
        write_bytes(folder / FILE, held.getvalue())
        return {
            "family": self.family,
            "file": FILE,
            "inputs": self.inputs.as_json(),
            "places": {name: list(line) for name, line in self.places.items()},
            "prior": list(self.prior),
            "offset": self.offset,
            "scale": self.scale,
            "gains": list(self.gains),
        }


@register("model", "forest")
def load(written: Mapping[str, Any], folder: Path) -> ForestModel:
    """Read what save wrote. Raises ValueError when the file is damaged."""
    with np.load(folder / written["file"], allow_pickle=False) as held:
        splits = len(held["threshold"])
        gaps_left = np.unpackbits(held["gaps_left"], count=splits).astype(bool)
        grove = Grove(held["sizes"].astype(np.int64), held["feature"].astype(np.int64), held["threshold"], gaps_left, held["values"])
    places = {name: tuple(line) for name, line in written["places"].items()}
    return ForestModel(
        written["family"],
        Inputs.from_json(written["inputs"]),
        places,
        grove,
        tuple(written["prior"]),
        written["offset"],
        written["scale"],
        tuple(written["gains"]),
    )
