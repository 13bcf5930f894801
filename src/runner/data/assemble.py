"""From open sources to the declared rows: joins, derived columns, the outcome, the filter; one slice at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from runner.core.faults import FaultsError
from runner.data import derive
from runner.data.joins.prepare import prepare
from runner.data.joins.prepared import POSITION
from runner.data.kept import ROW_ID
from runner.data.labels import making as labels
from runner.data.load import Source, read
from runner.data.plan import Plan
from runner.data.slices import slices
from runner.data.spec import DataSpec

KEPT = "__runner_kept"


class Assembly:
    """Makes the declared table, in the order of the primary source.

    n_read: source to rows read; n_left_out: rows that the filter left out; n_rows: rows that stay; label: how the outcome was
    made, None where it is not declared; complete once all slices were made.
    Raises FaultsError when it is made, if a join's source cannot serve.
    """

    def __init__(self, spec: DataSpec, sources: Mapping[str, Source], plan: Plan, ready: labels.Ready | None = None) -> None:
        self.spec, self._ready = spec, ready
        self._tally: labels.Tally | None = None
        self.label: dict[str, Any] | None = None
        self._primary, self._columns = sources[spec.primary], plan.rows
        tables = {name: read(sources[name], columns) for name, columns in plan.joined.items()}
        self._joins = {name: prepare(declared, tables[declared.source], f"data.joins.{name}") for name, declared in spec.joins.items()}
        self.n_read = {name: tables[name].height if name in tables else 0 for name in sources} | {spec.primary: 0}
        self.n_left_out = self.n_rows = 0

    def slices(self, size: int) -> Iterator[pl.DataFrame]:
        """row_id (position in the primary source, UInt64) and what the contract may ask for.

        Raises FaultsError, after the last slice for what joins find.
        """
        for rows in slices(self._primary, self._columns, size):
            self.n_read[self.spec.primary] += rows.height
            kept = self._made(rows)
            self.n_rows += kept.height
            yield kept
        if faults := [fault for join in self._joins.values() for fault in join.faults()]:
            raise FaultsError(faults)
        if self._tally is not None:
            self.label = labels.told(self._ready, self._tally)

    def _made(self, rows: pl.DataFrame) -> pl.DataFrame:
        for join in self._joins.values():
            rows = join.add(rows)
        rows = derive.add(rows, self.spec.derive, "data.derive")
        rows, tally = labels.apply(rows, self._ready, POSITION)
        n_made = rows.height
        if self.spec.filter is not None:
            rows = derive.add_one(rows, KEPT, self.spec.filter, "data.filter").filter(pl.col(KEPT).fill_null(value=False))
        self.n_left_out += n_made - rows.height
        rows, tally = labels.settle(rows, tally)
        self._tally = tally if self._tally is None else self._tally + tally
        return rows.select(pl.col(POSITION).alias(ROW_ID), *[c for c in self.spec.columns if c in rows.columns])

    def joins(self) -> dict[str, dict[str, Any]]:
        """Join to its kind, its source and what matched."""
        return {
            name: {"kind": self.spec.joins[name].kind, "source": self.spec.joins[name].source, **join.tally.as_json()} for name, join in self._joins.items()
        }
