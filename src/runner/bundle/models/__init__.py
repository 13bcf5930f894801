"""Native models: one file per family, each with `predict`, `save` and a loader that runs no code from the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl


class Model(Protocol):
    """A fitted model.

    predict: rows with feature (and contract) columns to (n, k) Float64: a probability per class, or one prediction (k = 1).
    save: write the native files into a folder and return the JSON that the loader needs.
    """

    def predict(self, rows: pl.DataFrame) -> np.ndarray: ...

    def save(self, folder: Path) -> dict[str, Any]: ...


def loader(family: str) -> Callable[[Mapping[str, Any], Path], Model]:
    """The function that reads a saved model of a family. Raises KeyError for a family this version does not know."""
    from runner.bundle.models import catboost, constant, lightgbm, linear, rule

    known: dict[str, Callable[[Mapping[str, Any], Path], Model]] = {
        "constant": constant.load,
        "rule": rule.load,
        "linear": linear.load,
        "lightgbm": lightgbm.load,
        "catboost": catboost.load,
    }
    return known[family]
