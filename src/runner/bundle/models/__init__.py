"""Native models: one file per family, each with `predict`, `save` and a loader that runs no code from the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl

from runner.core.faults import fault, listed
from runner.core.registry import part, words


class Model(Protocol):
    """A fitted model.

    predict: rows with feature (and contract) columns to (n, k) Float64: a probability per class, or one prediction (k = 1).
    save: write the native files into a folder and return the JSON that the loader needs.
    """

    def predict(self, rows: pl.DataFrame) -> np.ndarray: ...

    def save(self, folder: Path) -> dict[str, Any]: ...


def families() -> list[str]:
    """Every family of models that can be read: this package's, and those of the plugins in use."""
    from runner.bundle.models import (  # noqa: F401 - the imports register their families
        additive,
        catboost,
        constant,
        ensemble,
        extra_trees,
        forest,
        lightgbm,
        linear,
        mlp,
        rule,
        segments,
        tree,
    )

    return words("model")


def loader(family: str) -> Callable[[Mapping[str, Any], Path], Model]:
    """The function that reads a saved model of a family. Raises KeyError for one that is not among `families`."""
    families()
    read: Callable[[Mapping[str, Any], Path], Model] = part("model", family)
    return read


def read(described: Mapping[str, Any], folder: Path) -> Model:
    """The model that its saved JSON describes, from a folder. Raises FaultsError for a family that nothing reads."""
    family = str(described.get("family"))
    if family not in families():
        wrong = f"unknown family of models {family!r}"
        raise fault(str(folder / "model.json"), wrong, f"one of {listed(families())}", "use the version of runner that made it")
    return loader(family)(described, folder)


def families_in(described: Mapping[str, Any]) -> list[str]:
    """The family of a saved model and those of its members, each once."""
    own = [str(described["family"])]
    return list(dict.fromkeys(own + [family for member in described.get("members", ()) for family in families_in(member["model"])]))
