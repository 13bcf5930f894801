"""Several models whose predictions are averaged, each kept in its family's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance, SaysImportance
from runner.bundle.inputs import Inputs
from runner.bundle.latency import latency_of
from runner.bundle.models import Model, read
from runner.core.registry import register


@dataclass(frozen=True)
class EnsembleModel:
    """inputs: what all members read; members: models; weights: one for each, above zero, one together."""

    inputs: Inputs
    members: tuple[Model, ...]
    weights: tuple[float, ...]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        # The matrix is made once; a member that reads something else makes its own.
        matrix = self.inputs.matrix(rows)
        return averaged([_predicted(member, matrix, rows) for member in self.members], self.weights)

    def importance(self, values: np.ndarray) -> Importance:
        """The members' own shares by their weights; those that do not say it are left out."""
        told = [(weight, member.importance(values)) for weight, member in zip(self.weights, self.members, strict=True) if isinstance(member, SaysImportance)]
        sizes = sum((weight * np.array([found.shares[name] for name in self.inputs.names]) for weight, found in told), np.zeros(len(self.inputs.names)))
        how = "; ".join(dict.fromkeys(found.how for _, found in told))
        return Importance.of(f"the mean over the members of {how}" if told else "nothing, as no member says it", self.inputs.names, sizes)

    def latency_ms(self) -> float | None:
        """The members' estimates together; None where one is not known."""
        known = [found for member in self.members if (found := latency_of(member)) is not None]
        return sum(known) if len(known) == len(self.members) else None

    def save(self, folder: Path) -> dict[str, Any]:
        written = []
        for number, (weight, member) in enumerate(zip(self.weights, self.members, strict=True)):
            (folder / str(number)).mkdir(exist_ok=True)
            model = member.save(folder / str(number))
            if model.get("inputs") == self.inputs.as_json():
                del model["inputs"]  # Said once for all: lists of levels may be long.
            written.append({"weight": weight, "folder": str(number), "model": model})
        return {"family": "ensemble", "inputs": self.inputs.as_json(), "members": written}


def averaged(predictions: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """(n, k) weighted mean, added up in order: a row alone gets the bits that it gets in a batch."""
    total = weights[0] * predictions[0]
    for weight, p in zip(weights[1:], predictions[1:], strict=True):
        total = total + weight * p
    return np.asarray(total)


def _predicted(member: Any, matrix: np.ndarray, rows: pl.DataFrame) -> np.ndarray:
    direct = getattr(member, "predict_matrix", None)
    return np.asarray(direct(matrix) if direct else member.predict(rows))


@register("model", "ensemble")
def load(written: Mapping[str, Any], folder: Path) -> EnsembleModel:
    """Read what save wrote. Raises FaultsError for a member of a family that nothing reads."""
    shared = written["inputs"]
    members = tuple(read({"inputs": shared, **m["model"]}, folder / m["folder"]) for m in written["members"])
    return EnsembleModel(Inputs.from_json(shared), members, tuple(float(m["weight"]) for m in written["members"]))
