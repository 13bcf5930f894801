"""A stream of frames as one Parquet file, whatever the sizes it came in."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import polars as pl

from runner.data.unreadable import UnreadableError

GROUP = 1 << 17


def write(frames: Generator[pl.DataFrame, None, None], target: Path, max_rows: int, told: Mapping[str, str]) -> int:
    """Write all rows and return their number. told: what the file says of itself. The bytes depend on the rows alone; memory holds one group of rows at a time.

    Raises UnreadableError where there are more than max_rows.
    """
    import pyarrow.parquet as pq

    writer, rows = None, 0
    try:
        for group in _groups(frames):
            rows += group.height
            if rows > max_rows:
                raise UnreadableError(f"more than {max_rows:,} rows came", "at most as many as `max_rows`", "ask for less, or raise `max_rows`")
            table = group.to_arrow(compat_level=pl.CompatLevel.oldest()).replace_schema_metadata(dict(told))
            writer = pq.ParquetWriter(target, table.schema, compression="zstd", compression_level=3) if writer is None else writer
            writer.write_table(table, row_group_size=GROUP)
    finally:
        # A stream that is left midway keeps its connection until it is closed.
        frames.close()
        if writer is not None:
            writer.close()
    return rows


def _groups(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in groups of one size, the last one smaller; one without rows where there are none at all."""
    held: list[pl.DataFrame] = []
    n, schema, is_first = 0, None, True
    for frame in frames:
        schema = frame.schema if schema is None else schema
        if frame.schema != schema:
            raise UnreadableError("the types of the columns change midway", "one type in each column", "CAST in the query")
        held.append(frame)
        n += frame.height
        while n >= GROUP:
            whole = pl.concat(held)
            yield whole.head(GROUP).rechunk()
            held, n, is_first = [whole.slice(GROUP)], n - GROUP, False
    if held and (n or is_first):
        yield pl.concat(held).rechunk()
