"""How the values of one column are counted: quantile bins, top levels, what is missing and what was never seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

N_BINS = 20
N_LEVELS = 19
MOST_KNOWN = 20_000

Kind = Literal["numeric", "categorical", "moment"]


@dataclass(frozen=True)
class Coded:
    """A column as counts need it.

    bin: (n,) int16, the bin of each row, `bins.n` where it is missing, -1 where the row does not count at all;
    is_unseen: (n,) Boolean, a level that the reference does not have, or a number outside its range.
    """

    bin: np.ndarray
    is_unseen: np.ndarray


@dataclass(frozen=True)
class Bins:
    """The bins of one column, learned from the reference.

    edges: inner upper edges of numeric bins, each inclusive; low, high: range of the reference (null when it has no value);
    levels: the most common ones, each a bin before the last, which holds the others; known: all levels, null where
    there are too many to tell an unseen one.
    """

    kind: Kind
    edges: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] = ()
    known: tuple[str, ...] | None = None

    @property
    def n(self) -> int:
        """Number of bins, without the one for missing values."""
        if self.kind == "numeric":
            return len(self.edges) + 1
        return len(self.levels) + 1 if self.kind == "categorical" else 1

    def code(self, values: pl.Series) -> Coded:
        """Code a column in its contract type; NaN counts as missing."""
        if self.kind == "numeric":
            return self._numbers(values)
        missing = values.is_null().to_numpy()
        if self.kind == "moment":
            return Coded(missing.astype(np.int16), np.zeros(values.len(), dtype=bool))
        text = values.cast(pl.String)
        places = {level: place for place, level in enumerate(self.levels)}
        found = text.replace_strict(places, default=len(self.levels), return_dtype=pl.Int16).to_numpy()
        unseen = np.zeros(values.len(), dtype=bool)
        if self.known is not None:
            unseen = ~missing & ~text.is_in(list(self.known)).fill_null(value=True).to_numpy()
        return Coded(np.where(missing, self.n, found).astype(np.int16), unseen)

    def _numbers(self, values: pl.Series) -> Coded:
        x = values.cast(pl.Float64).to_numpy()
        missing = np.isnan(x)
        found = np.searchsorted(np.array(self.edges), x, side="left")
        unseen = np.zeros(len(x), dtype=bool)
        if self.low is not None and self.high is not None:
            unseen = (x < self.low) | (x > self.high)
        return Coded(np.where(missing, self.n, found).astype(np.int16), unseen)

    def named(self, place: int) -> str | None:
        """The level of a categorical bin; null for the bin of the others."""
        return self.levels[place] if place < len(self.levels) else None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "edges": list(self.edges),
            "low": self.low,
            "high": self.high,
            "levels": list(self.levels),
            "known": None if self.known is None else list(self.known),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Bins:
        known = None if written["known"] is None else tuple(written["known"])
        return cls(written["kind"], tuple(written["edges"]), written["low"], written["high"], tuple(written["levels"]), known)


def kind_of(dtype: pl.DataType) -> Kind:
    """Numbers are ordered, dates and moments are only watched for gaps (they move by nature), the rest are levels."""
    if dtype.is_numeric():
        return "numeric"
    return "moment" if dtype.is_temporal() else "categorical"


def learn(values: pl.Series) -> Bins:
    """The bins of a reference column in its contract type."""
    kind = kind_of(values.dtype)
    if kind == "numeric":
        return _numeric(values)
    return _categorical(values) if kind == "categorical" else Bins("moment")


def _numeric(values: pl.Series) -> Bins:
    x = values.cast(pl.Float64).to_numpy()
    x = np.sort(x[np.isfinite(x)])
    if len(x) == 0:
        return Bins("numeric")
    distinct = np.unique(x)
    # Edges are values of the reference below its largest one, so that no bin is empty there; few values are a bin each.
    cuts = distinct if len(distinct) <= N_BINS else np.unique(np.quantile(x, np.arange(1, N_BINS) / N_BINS, method="inverted_cdf"))
    edges = cuts[cuts < x[-1]]
    return Bins("numeric", tuple(edges.tolist()), float(x[0]), float(x[-1]))


def _categorical(values: pl.Series) -> Bins:
    text = values.cast(pl.String).drop_nulls().alias("level")
    counts = text.value_counts(name="rows").sort(["rows", "level"], descending=[True, False])
    levels = counts["level"].to_list()
    known = tuple(sorted(levels)) if len(levels) <= MOST_KNOWN else None
    return Bins("categorical", levels=tuple(levels[:N_LEVELS]), known=known)
