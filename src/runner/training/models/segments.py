"""One model for each segment of the rows, made of another candidate of the ladder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field

from runner.bundle.models import Model
from runner.bundle.models.segments import SegmentsModel, segments_of
from runner.core.registry import kinds, part, register
from runner.core.seeds import seed_for
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Space

FIFTH = 5


class SegmentsSpec(CandidateSpec):
    """A model of its own for each segment with enough rows; all other rows are answered by one that was fitted on all of them."""

    weighs: ClassVar[bool] = True
    derives: ClassVar[bool] = True
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {}
    kind: Literal["segments"]
    by: str = Field(min_length=1)
    """A column, or SQL over the contract's columns and features, whose value names the segment of a row."""
    of: str = Field(min_length=1)
    """The candidate of this ladder whose settings each model has."""
    min_rows: int = Field(default=200, ge=2)
    """The fewest training rows of a segment that gets a model of its own."""
    most_segments: int = Field(default=20, ge=1, le=1000)
    """The most segments that get a model of their own; the largest first."""


class SegmentsOf(SegmentsSpec):
    """The same with what it is made of; nobody declares it."""

    settings: dict[str, Any]
    """Those of the candidate that `of` names, with its kind."""
    params: dict[str, Any]
    """What the study of that candidate found best."""

    def defaults(self) -> dict[str, Any]:
        """Settings of the one trial: those that were found best for all rows together."""
        return dict(self.params)

    def laid(self, params: Mapping[str, Any]) -> Self:
        """With settings laid over those of every model."""
        return self.model_copy(update={"settings": {**self.settings, **params}, "params": {**self.params, **params}})

    def made_of(self) -> CandidateSpec:
        """The candidate that each model has the settings of."""
        # Read as JSON, a list may stand for a tuple.
        found: CandidateSpec = kinds("candidate")[self.settings["kind"]].model_validate_json(json.dumps(self.settings))  # type: ignore[assignment]
        return found

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        """All rows once for the model of all, and once more for those of the segments."""
        return 2.0 * self.made_of().work(params, rows, columns, classes, rounds)


def made_of(spec: SegmentsSpec, of: CandidateSpec, params: Mapping[str, Any]) -> SegmentsOf:
    """Segments with the settings of a candidate and a trial of it."""
    # Only what was declared: a copy would carry what the field's own type does not know.
    return SegmentsOf.model_validate({**spec.model_dump(), "settings": of.model_dump(mode="json"), "params": dict(params)})


@register("candidate", SegmentsSpec)
def fit(spec: SegmentsSpec, given: Fit) -> Fitted:
    """Fits the model of all rows, then one per segment, each stopped early by its own validation rows where there are enough of them.

    Without validation rows, each is first stopped by a fifth of its own rows, and then fitted on all of them for as long: how long the model
    of all rows goes on says nothing of a segment with fewer rows.

    Raises TypeError where the spec does not hold the settings of the candidate that it is made of.
    """
    if not isinstance(spec, SegmentsOf):
        raise TypeError("segments were not given the candidate that they are made of")
    of = spec.made_of()
    whole: Fitted = part("candidate", of.kind)(of, given)
    segment = segments_of(given.train.rows, spec.by)
    valid = None if given.valid is None else segments_of(given.valid.rows, spec.by)
    own: dict[str, Model] = {}
    shares: dict[str, float] = {}
    for name in _large(segment, spec):
        here = _at(segment, name)
        stopped = None if valid is None or given.valid is None else _at(valid, name)
        is_stopped = stopped is not None and len(stopped) >= max(2, spec.min_rows // 10)
        narrowed = replace(
            given,
            train=_rows(given.train, here),
            valid=_rows(given.valid, stopped) if is_stopped and given.valid is not None and stopped is not None else None,
            rounds=given.rounds if given.valid is None else None if is_stopped else whole.rounds,
            seed=seed_for(given.seed, "segment", name),
        )
        if given.valid is None and whole.rounds is not None and len(here) // FIFTH >= max(2, spec.min_rows // 10):
            narrowed = replace(narrowed, rounds=_rounds_alone(of, narrowed))
        own[name], shares[name] = part("candidate", of.kind)(of, narrowed).model, len(here) / len(segment)
    return Fitted(SegmentsModel(spec.by, given.inputs, whole.model, own, shares), whole.rounds)


def _rounds_alone(of: CandidateSpec, given: Fit) -> int | None:
    """Iterations after which a fifth of the rows, drawn at random, stops a fit on the others."""
    at = np.random.default_rng(seed_for(given.seed, "stop")).permutation(len(given.train.outcome))
    few = len(at) // FIFTH
    train, valid = (_rows(given.train, np.sort(some)) for some in (at[few:], at[:few]))
    found: Fitted = part("candidate", of.kind)(of, replace(given, train=train, valid=valid, rounds=None))
    return found.rounds


def _large(segment: pl.Series, spec: SegmentsSpec) -> list[str]:
    """The segments that get a model of their own, by name."""
    counts = segment.drop_nulls().value_counts(name="rows").filter(pl.col("rows") >= spec.min_rows).sort(["rows", segment.name], descending=[True, False])
    return sorted(counts[segment.name].head(spec.most_segments).to_list())


def _at(segment: pl.Series, name: str) -> np.ndarray:
    return np.flatnonzero((segment == name).fill_null(False).to_numpy())


def _rows(matrix: Matrix, at: np.ndarray) -> Matrix:
    return Matrix(matrix.rows[at], matrix.values[at], matrix.outcome[at], None if matrix.weights is None else matrix.weights[at])
