"""The primary source in slices, so that the rows need never be in memory all at once."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import FaultsError
from runner.data import derive
from runner.data.joins.prepared import POSITION
from runner.data.load import Source, check_unchanged, explained

SLICE_ROWS = 1_000_000
"""Rows that are looked at together. Changes no result, only memory and time."""


def slices(source: Source, columns: list[str], size: int) -> Iterator[pl.DataFrame]:
    """The wanted columns of a source, its own derived ones among them, and POSITION, in file order; at least one slice.

    Raises FaultsError when the file is damaged, or changed since it was digested.
    """
    raw = derive.roots(source.derive) | set(columns)
    wanted = source.raw.select([name for name in source.schema if name in raw] or list(source.schema)[:1])
    first = 0
    for batch in _batches(source, wanted, size):
        positions = pl.int_range(first, first + batch.height, dtype=pl.UInt64, eager=True).alias(POSITION)
        first += batch.height
        yield derive.add(batch, source.derive, f"{source.at}.derive").with_columns(positions)
    check_unchanged(source)


def _batches(source: Source, wanted: pl.LazyFrame, size: int) -> Iterator[pl.DataFrame]:
    """Rows in batches of about the size; one empty batch where there are none."""
    try:
        # What fits into one slice is read at once: a stream of batches costs a thread and a copy.
        if int(source.raw.select(pl.len()).collect().item()) <= size:
            yield wanted.collect()
            return
        seen = False
        for batch in wanted.collect_batches(chunk_size=size, maintain_order=True, engine="streaming"):
            seen = True
            yield from batch.iter_slices(size)
        if not seen:
            yield pl.DataFrame(schema=wanted.collect_schema())
    except (PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, source.at, source.shown)]) from None
