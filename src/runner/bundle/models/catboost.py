"""CatBoost, kept in its own binary format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.latency import trees_ms
from runner.core.files import write_bytes
from runner.core.registry import register

FILE = "model.cbm"
UNKNOWN = -1
FEW = 8
CALL_MS, STEP_NS = 0.15, 5.0  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class CatBoostModel:
    """model: a catboost.CatBoost; task: binary, multiclass or regression; remedy: what was done where the declared settings ran away, else ''."""

    inputs: Inputs
    model: Any
    task: str
    remedy: str = ""

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        if not len(matrix):
            return np.empty((0, 1 if self.task == "regression" else len(self.model.classes_)))
        kind = "RawFormulaVal" if self.task == "regression" else "Probability"
        made = _few(self.inputs, matrix) if len(matrix) <= FEW else pool(self.inputs, matrix)
        predicted = self.model.predict(made, prediction_type=kind, thread_count=1)
        return np.asarray(predicted, dtype=float).reshape(len(matrix), -1)

    def importance(self, values: np.ndarray) -> Importance:
        """CatBoost's own PredictionValuesChange, which it reads off its trees."""
        change = np.asarray(self.model.get_feature_importance(type="PredictionValuesChange", thread_count=1), dtype=float)
        return Importance.of("how far the prediction moves when it changes (CatBoost's PredictionValuesChange)", self.inputs.names, np.maximum(change, 0.0))

    def latency_ms(self) -> float:
        """One call, and all levels of each symmetric tree."""
        return trees_ms(CALL_MS, int(self.model.tree_count_), 6.0, STEP_NS)

    def save(self, folder: Path) -> dict[str, Any]:
        # CatBoost stamps the time and a random id into every model; equal fits must give equal bytes.
        metadata = self.model.get_metadata()
        metadata["train_finish_time"] = ""
        metadata["model_guid"] = ""
        # CatBoost's own writer loses the end of a small model without a word when the disk is full; these are the bytes it would write.
        write_bytes(folder / FILE, self.model._serialize_model())
        told = {"remedy": self.remedy} if self.remedy else {}
        return {"family": "catboost", "file": FILE, "task": self.task, "inputs": self.inputs.as_json(), **told}


def pool(inputs: Inputs, matrix: np.ndarray, outcome: np.ndarray | None = None, weights: np.ndarray | None = None) -> Any:
    """A catboost.Pool of a matrix; category codes become whole numbers, unknown levels UNKNOWN. weights: (n,) what each row counts."""
    import pandas as pd
    from catboost import Pool

    n = len(inputs.numeric)
    columns: dict[str, Any] = {name: matrix[:, i] for i, name in enumerate(inputs.numeric)}
    for i, name in enumerate(inputs.categorical):
        codes = matrix[:, n + i]
        columns[name] = np.where(np.isnan(codes), UNKNOWN, codes).astype(np.int32)
    return Pool(pd.DataFrame(columns), label=outcome, weight=weights, cat_features=list(inputs.categorical))


def _few(inputs: Inputs, matrix: np.ndarray) -> Any:
    """The same as `pool` gives, from plain lists: for a single row a tenth of the time that a pandas frame takes."""
    from catboost import Pool

    n, width = len(inputs.numeric), matrix.shape[1]
    codes = np.where(np.isnan(matrix[:, n:]), UNKNOWN, matrix[:, n:]).astype(int).tolist()
    rows = [numbers + coded for numbers, coded in zip(matrix[:, :n].tolist(), codes, strict=True)]
    return Pool(rows, cat_features=list(range(n, width)))


@register("model", "catboost")
def load(written: Mapping[str, Any], folder: Path) -> CatBoostModel:
    """Read what save wrote. Raises catboost.CatBoostError when the file is damaged."""
    from catboost import CatBoost, CatBoostClassifier, CatBoostRegressor

    model: CatBoost = CatBoostRegressor() if written["task"] == "regression" else CatBoostClassifier()
    model.load_model(str(folder / written["file"]), format="cbm")
    return CatBoostModel(Inputs.from_json(written["inputs"]), model, written["task"], written.get("remedy", ""))
