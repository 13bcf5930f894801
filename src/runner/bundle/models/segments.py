"""One model for each segment of the rows, and one for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance, SaysImportance
from runner.bundle.inputs import Inputs
from runner.bundle.latency import latency_of
from runner.bundle.models import Model, read
from runner.core.expressions import parse
from runner.core.registry import register

ROUTE_MS = 0.5  # the expression on one row; see runner.bundle.latency


@dataclass(frozen=True)
class SegmentsModel:
    """by: SQL whose value as text names the segment of a row; rest: the model of all rows, for segments without one of their own and rows without a segment;
    own: segment to its model; shares: segment to its share of the training rows.
    """

    by: str
    inputs: Inputs
    rest: Model
    own: Mapping[str, Model]
    shares: Mapping[str, float]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        if not rows.height:
            return self.rest.predict(rows)
        segment = segments_of(rows, self.by)
        if rows.height == 1:
            return self.own.get(segment[0], self.rest).predict(rows)
        known = segment.replace_strict(list(self.own), list(range(len(self.own))), default=-1, return_dtype=pl.Int64) if self.own else None
        place = np.full(rows.height, -1) if known is None else known.fill_null(-1).to_numpy()
        parts = [(np.flatnonzero(place == at), model) for at, model in enumerate((*self.own.values(), self.rest))]
        parts[-1] = (np.flatnonzero(place < 0), self.rest)
        found = [(at, model.predict(rows[at])) for at, model in parts if at.size]
        result = np.empty((rows.height, found[0][1].shape[1]))
        for at, predicted in found:
            result[at] = predicted
        return result

    def importance(self, values: np.ndarray) -> Importance:
        """The models' own shares by the rows that each answers for; nothing where the family does not say it."""
        names, sizes, how = self.inputs.names, np.zeros(len(self.inputs.names)), ""
        for share, model in [(1.0 - sum(self.shares.values()), self.rest), *((self.shares[name], model) for name, model in self.own.items())]:
            if isinstance(model, SaysImportance) and share > 0:
                told = model.importance(values)
                how, sizes = told.how, sizes + share * np.array([told.shares[name] for name in names])
        return Importance.of(f"the mean over the segments of {how}" if how else "nothing, as no model says it", names, sizes)

    def latency_ms(self) -> float | None:
        """That of the slowest model, and the expression that names the segment."""
        known = [latency_of(model) for model in (self.rest, *self.own.values())]
        slowest = [found for found in known if found is not None]
        return ROUTE_MS + max(slowest) if len(slowest) == len(known) else None

    def save(self, folder: Path) -> dict[str, Any]:
        written = []
        for number, (name, model) in enumerate([(None, self.rest), *self.own.items()]):
            (folder / str(number)).mkdir(exist_ok=True)
            described = model.save(folder / str(number))
            if described.get("inputs") == self.inputs.as_json():
                del described["inputs"]  # Said once for all.
            share = None if name is None else self.shares[name]
            written.append({"segment": name, "share": share, "folder": str(number), "model": described})
        return {"family": "segments", "by": self.by, "inputs": self.inputs.as_json(), "members": written}


def segments_of(rows: pl.DataFrame, by: str) -> pl.Series:
    """The segment of each row as text, null where it has none."""
    # with_columns, unlike select, gives an expression without any column one value per row.
    return rows.lazy().with_columns(__runner_segment=parse(by).cast(pl.String)).select("__runner_segment").collect()["__runner_segment"]


@register("model", "segments")
def load(written: Mapping[str, Any], folder: Path) -> SegmentsModel:
    """Read what save wrote. Raises FaultsError for a model of a family that nothing reads."""
    shared, models, shares = written["inputs"], {}, {}
    for member in written["members"]:
        models[member["segment"]] = read({"inputs": shared, **member["model"]}, folder / member["folder"])
        shares[member["segment"]] = member["share"]
    rest, _ = models.pop(None), shares.pop(None)
    return SegmentsModel(written["by"], Inputs.from_json(shared), rest, models, shares)
