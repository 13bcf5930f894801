"""LightGBM, kept in its own text format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.latency import trees_ms
from runner.bundle.models.links import LINKS, answered
from runner.core.files import write_text
from runner.core.registry import register

FILE = "model.txt"
CALL_MS, STEP_NS = 0.06, 20.0  # measured on single rows; see runner.bundle.latency
# Trees of a piece, so that they stay in a core's cache while all rows go through them; each piece is a call, so there are not more than this.
PIECE_TREES, MOST_PIECES = 200, 20


@dataclass(frozen=True)
class LightGBMModel:
    """booster: a lightgbm.Booster; task: binary, multiclass or regression; remedy: what was done where the declared settings ran away, else '';
    pieces: the booster's trees in several boosters, which many rows go through in two thirds of the time; () where that is not worth it.
    """

    inputs: Inputs
    booster: Any
    task: str
    remedy: str = ""
    pieces: tuple[Any, ...] = ()

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        if not len(matrix):
            return np.empty((0, {"regression": 1, "binary": 2}.get(self.task, self.booster.num_model_per_iteration())))
        raw = np.zeros((len(matrix), self.booster.num_model_per_iteration()))
        for some in self.pieces or (self.booster,):
            raw += np.asarray(some.predict(matrix, raw_score=True, num_threads=1)).reshape(raw.shape)
        return answered(raw, LINKS[self.task])

    def importance(self, values: np.ndarray) -> Importance:
        """LightGBM's own gain."""
        gain = np.asarray(self.booster.feature_importance("gain"), dtype=float)
        return Importance.of("how much of the training loss its splits took away (LightGBM's gain)", self.inputs.names, gain)

    def latency_ms(self) -> float:
        """A call for each piece, and a path of about the logarithm of its leaves down each tree."""
        trees = self.booster.num_trees()
        leaves = sum(tree["num_leaves"] for tree in self.booster.dump_model()["tree_info"]) / max(1, trees)
        return trees_ms(CALL_MS * len(_cuts(self.booster)), trees, log2(max(2.0, leaves)), STEP_NS)

    def save(self, folder: Path) -> dict[str, Any]:
        write_text(folder / FILE, self.booster.model_to_string())
        told = {"remedy": self.remedy} if self.remedy else {}
        return {"family": "lightgbm", "file": FILE, "task": self.task, "inputs": self.inputs.as_json(), **told}


@register("model", "lightgbm")
def load(written: Mapping[str, Any], folder: Path) -> LightGBMModel:
    """Read what save wrote. Raises lightgbm.basic.LightGBMError when the text is damaged."""
    import lightgbm

    booster = lightgbm.Booster(model_str=(folder / written["file"]).read_text(encoding="utf-8"))
    return LightGBMModel(Inputs.from_json(written["inputs"]), booster, written["task"], written.get("remedy", ""), _pieces(booster))


def _pieces(booster: Any) -> tuple[Any, ...]:
    """The trees, in boosters of their own: one that is asked for a part of its trees keeps that part in mind, and gives it to other threads too."""
    import lightgbm

    cuts = _cuts(booster)
    if len(cuts) == 1:
        return ()
    texts = (booster.model_to_string(num_iteration=cuts.step, start_iteration=start) for start in cuts)
    return tuple(lightgbm.Booster(model_str=text) for text in texts)


def _cuts(booster: Any) -> range:
    """The iterations at which pieces begin."""
    iterations, trees = max(1, booster.current_iteration()), booster.num_model_per_iteration()
    return range(0, iterations, max(1, PIECE_TREES // trees, ceil(iterations / MOST_PIECES)))
