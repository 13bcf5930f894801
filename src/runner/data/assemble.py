"""From open sources to one table: joins, derived columns, the outcome, the filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from runner.data import derive
from runner.data.enforce import ROW_ID
from runner.data.joins import join
from runner.data.labels import making as labels
from runner.data.load import Source, read
from runner.data.plan import Plan
from runner.data.spec import DataSpec

POSITION, KEPT = "__runner_row_id", "__runner_kept"


@dataclass(frozen=True)
class Assembled:
    """rows: row_id (position in the primary source, UInt64) and what the contract may ask for; n_read: source to rows read;
    n_left_out: rows that the filter left out; joins: name to what matched; label: how the outcome was made, None where it is not declared."""

    rows: pl.DataFrame
    n_read: dict[str, int]
    n_left_out: int
    joins: dict[str, dict[str, Any]]
    label: dict[str, Any] | None = None


def assemble(spec: DataSpec, sources: Mapping[str, Source], plan: Plan, ready: labels.Ready | None) -> Assembled:
    """Read the sources and make the declared table, in the order of the primary source. ready: of the outcome. Raises FaultsError."""
    tables = {name: read(source, plan.columns[name]) for name, source in sources.items()}
    rows = tables[spec.primary]
    rows = rows.with_columns(pl.int_range(rows.height, dtype=pl.UInt64, eager=True).alias(POSITION))
    told: dict[str, dict[str, Any]] = {}
    for name, declared in spec.joins.items():
        joined = join(rows, declared, tables[declared.source], f"data.joins.{name}")
        rows = joined.rows
        told[name] = {
            "kind": declared.kind,
            "source": declared.source,
            "matched": joined.matched,
            "unmatched": rows.height - joined.matched,
            "ties": joined.ties,
        }
    rows = derive.add(rows, spec.derive, "data.derive")
    rows, tally = labels.apply(rows, ready, POSITION)
    n_read = {name: table.height for name, table in tables.items()}
    if spec.filter is not None:
        rows = derive.add_one(rows, KEPT, spec.filter, "data.filter").filter(pl.col(KEPT).fill_null(value=False))
    n_filtered = rows.height
    rows, tally = labels.settle(rows, tally)
    label = labels.told(ready, tally)
    kept = rows.select(pl.col(POSITION).alias(ROW_ID), *[c for c in spec.columns if c in rows.columns])
    return Assembled(kept, n_read, n_read[spec.primary] - n_filtered, told, label)
