"""Rows that come batch by batch from a reader of our own, as a lazy frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import polars as pl


def lazily(batches: Callable[[list[str] | None], Iterator[pl.DataFrame]], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """A lazy frame over batches; only the columns and rows that are asked for leave the source, one batch at a time.

    batches: begins anew at each call; given the wanted columns, None for all, it may spare itself the others.
    """
    from polars.io.plugins import register_io_source

    def wanted(columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None) -> Iterator[pl.DataFrame]:
        left = n_rows
        for whole in batches(columns):
            frame = whole if columns is None else whole.select(columns)
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            yield frame if predicate is None else frame.filter(predicate)
            if left == 0:
                return

    return register_io_source(wanted, schema=dict(schema))
