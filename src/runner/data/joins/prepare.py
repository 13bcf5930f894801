"""From a declared join and the rows of its source to what adds columns."""

from __future__ import annotations

import polars as pl

from runner.data.joins.asof import Asof
from runner.data.joins.history import History
from runner.data.joins.lookup import Lookup
from runner.data.joins.prepared import Prepared
from runner.data.joins.spec import AsofSpec, HistorySpec, LookupSpec


def prepare(spec: LookupSpec | AsofSpec | HistorySpec, other: pl.DataFrame, at: str) -> Prepared:
    """A join whose source is read: `other` has the columns that the join reads of it. Raises FaultsError when they cannot serve."""
    if isinstance(spec, LookupSpec):
        return Lookup(spec, other, at)
    return Asof(spec, other, at) if isinstance(spec, AsofSpec) else History(spec, other, at)
