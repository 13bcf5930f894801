"""Parquet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.registry import register
from runner.data.sources.many import files_of
from runner.data.sources.source import FileSourceSpec, base_of
from runner.data.unreadable import UnreadableError

MAGIC = b"PAR1"
ENCRYPTED = b"PARE"
FRAME = 12  # the magic twice, and the four bytes of the footer's length
ENDING = ".parquet"


class ParquetSpec(FileSourceSpec):
    """A Parquet file inside the workspace, a folder of them, partitioned as key=value or not, or all that match a path with wildcards."""

    kind: Literal["parquet"]

    def files(self, path: Path) -> list[Path]:
        return files_of(path, ENDING)


@register("source", ParquetSpec)
def scan(spec: ParquetSpec, path: Path) -> pl.LazyFrame:
    """The rows, lazily, file by file in the order of their paths; the keys of a partitioned folder are text columns at the end.

    Raises UnreadableError for a file cut short and for files that do not have the same columns; other damage shows when it is collected.
    """
    found = spec.files(path)
    for file in found:
        try:
            _check_frame(file)
        except UnreadableError as error:
            if len(found) == 1:
                raise
            raise UnreadableError(f"{file.relative_to(base_of(path)).as_posix()}: {error.wrong}", error.expected, error.hint) from None
    if found == [path]:
        return pl.scan_parquet(path, glob=False)
    _check_alike(found, base_of(path))
    keys = _keys(found, base_of(path))
    if not keys:
        return pl.scan_parquet(found, glob=False, hive_partitioning=False)
    # The engine takes every folder above for a key as well; what lies outside of the source is none of its columns.
    above = {part.partition("=")[0] for part in base_of(path).parts if "=" in part}
    # As text, since a month 01 is no number 1; the contract casts it.
    rows = pl.scan_parquet(found, glob=False, hive_partitioning=True, hive_schema=dict.fromkeys([*above, *keys], pl.String()))
    return rows.drop(above - set(keys))


def _check_frame(path: Path) -> None:
    size = path.stat().st_size
    if size == 0:
        raise UnreadableError("the file is empty", "a Parquet file", "export it again")
    with path.open("rb") as stream:
        starts = stream.read(len(MAGIC))
        stream.seek(max(0, size - 8))
        tail = stream.read(8)
    if starts == ENCRYPTED:
        raise UnreadableError("the file is encrypted", "a Parquet file without encryption", "decrypt it where it is exported")
    if starts != MAGIC:
        raise UnreadableError("the file is not Parquet", "a Parquet file", "if it is text, name it .csv, and declare `kind: csv` where it is a source")
    if tail[4:] != MAGIC or int.from_bytes(tail[:4], "little") > size - FRAME:
        raise UnreadableError(f"the file is cut short or damaged after {size:,} bytes", "a whole Parquet file", "copy or export it again")


def _check_alike(files: list[Path], base: Path) -> None:
    """Files of one source have the same columns and types; their order may differ."""
    first: dict[str, pl.DataType] | None = None
    for file in files:
        try:
            schema = dict(pl.read_parquet_schema(file))
        except (PolarsError, PanicException) as error:
            told = " ".join(str(error).split("\n")[0].split())
            raise UnreadableError(f"{file.relative_to(base).as_posix()} is damaged: {told}", "a whole Parquet file", "copy or export it again") from None
        first = schema if first is None else first
        if schema != first:
            told = difference(first, schema, files[0].relative_to(base).as_posix())
            raise UnreadableError(f"{file.relative_to(base).as_posix()} {told}", "files with the same columns and types", "write it again like the others")


def difference(wanted: Mapping[str, object], found: Mapping[str, object], other: str) -> str:
    """How one schema differs from another, in words.

    >>> difference({"a": pl.Int64(), "b": pl.String()}, {"a": pl.Float64(), "c": pl.String()}, "x.parquet")
    "has 'c', lacks 'b', holds 'a' as Float64 where x.parquet has Int64"
    """
    told = [f"has {name!r}" for name in found if name not in wanted] + [f"lacks {name!r}" for name in wanted if name not in found]
    told += [f"holds {n!r} as {found[n]} where {other} has {t}" for n, t in wanted.items() if n in found and found[n] != t]
    more = f" and {len(told) - 8} more" if len(told) > 8 else ""
    return ", ".join(told[:8]) + more if told else f"has its columns in another order than {other}"


def _keys(files: list[Path], base: Path) -> list[str]:
    """The keys of a partitioned folder, the same in each path. Raises UnreadableError where they differ, or a column has the same name."""
    found = [[part.partition("=")[0] for part in file.relative_to(base).parts[:-1] if "=" in part] for file in files]
    odd = next((file for file, keys in zip(files, found, strict=True) if keys != found[0]), None)
    if odd is not None:
        wrong = f"{odd.relative_to(base).as_posix()} is not partitioned like {files[0].relative_to(base).as_posix()}"
        raise UnreadableError(wrong, "one set of keys in all paths", "move it to where it belongs")
    both = [key for key in found[0] if key in pl.read_parquet_schema(files[0])] if found[0] else []
    if both:
        raise UnreadableError(f"{both[0]!r} is a key of the folders and a column of the files", "one of both", "leave the column out of the files")
    return found[0]
