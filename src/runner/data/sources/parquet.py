"""Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import polars as pl

from runner.core.registry import register
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

MAGIC = b"PAR1"
FRAME = 12  # the magic twice, and the four bytes of the footer's length


class ParquetSpec(FileSourceSpec):
    """A Parquet file inside the workspace."""

    kind: Literal["parquet"]


@register("source", ParquetSpec)
def scan(spec: ParquetSpec, path: Path) -> pl.LazyFrame:
    """The file's rows, lazily. Raises UnreadableError for a file cut short; other damage shows when it is collected."""
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("the file is empty", "a Parquet file", "export it again")
    with path.open("rb") as stream:
        starts = stream.read(len(MAGIC))
        stream.seek(max(0, size - 8))
        tail = stream.read(8)
    if starts != MAGIC:
        raise UnreadableError("the file is not Parquet", "a Parquet file", "if it is text, name it .csv, and declare `kind: csv` where it is a source")
    if tail[4:] != MAGIC or int.from_bytes(tail[:4], "little") > size - FRAME:
        raise UnreadableError(f"the file is cut short or damaged after {size:,} bytes", "a whole Parquet file", "copy or export it again")
    return pl.scan_parquet(path)
