"""Arrow IPC files, also known as Feather version 2, and Arrow streams."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import polars as pl

from runner.core.registry import register
from runner.data.databases.arrow import empty
from runner.data.sources.batches import lazily
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

FILE_MAGIC = b"ARROW1"
# An Arrow stream begins with the mark of a message.
STREAM_MAGIC = b"\xff\xff\xff\xff"


class IpcSpec(FileSourceSpec):
    """An Arrow IPC file (Feather version 2) or stream inside the workspace."""

    kind: Literal["ipc"]


@register("source", IpcSpec)
def scan(spec: IpcSpec, path: Path) -> pl.LazyFrame:
    """The rows, one record batch at a time. The format is memory as it is, so every batch is validated before its values are touched.

    Raises UnreadableError for a file that is damaged or no Arrow.
    """
    with path.open("rb") as stream:
        start = stream.read(len(FILE_MAGIC))
    if not start:
        raise UnreadableError("the file is empty", "an Arrow IPC file", "export it again")
    if not start.startswith((FILE_MAGIC, STREAM_MAGIC)):
        raise UnreadableError("the file is not Arrow IPC", "an Arrow IPC file or stream", "export it again, or declare the `kind` that it is")
    empty = next(_batches(path, None, only_schema=True))
    for _ in _batches(path, None):
        # To the end, so that damage is said now: a batch that lies about its length is no error to who reads the memory itself.
        pass
    return lazily(lambda columns: _batches(path, columns), dict(empty.schema))


def _batches(path: Path, columns: list[str] | None, only_schema: bool = False) -> Iterator[pl.DataFrame]:
    import pyarrow as pa

    try:
        with pa.OSFile(str(path)) as source:
            for batch in _read(pa, source, path, columns, only_schema):
                batch.validate(full=True)
                yield _framed(batch)
    except (pa.ArrowException, ValueError, KeyError, OverflowError, MemoryError, UnicodeDecodeError):
        raise UnreadableError("the file is damaged or cut short", "a whole Arrow IPC file", "copy or export it again") from None
    except OSError as error:
        # Damage comes as an error of input without a number; the system's own errors have one.
        if error.errno is not None:
            raise
        raise UnreadableError("the file is damaged or cut short", "a whole Arrow IPC file", "copy or export it again") from None


def _read(pa: Any, source: Any, path: Path, columns: list[str] | None, only_schema: bool) -> Iterator[Any]:
    with path.open("rb") as stream:
        is_file = stream.read(len(FILE_MAGIC)) == FILE_MAGIC
    reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
    names = reader.schema.names
    doubled = next((name for n, name in enumerate(names) if name in names[:n]), None) if len(set(names)) < len(names) else None
    if doubled is not None:
        raise UnreadableError(f"it names {doubled!r} twice", "each column named once", "rename one of them")
    if only_schema:
        yield empty(reader.schema)
        return
    for batch in (reader.get_batch(n) for n in range(reader.num_record_batches)) if is_file else reader:
        yield batch if columns is None else batch.select(columns)


def _framed(batch: Any) -> pl.DataFrame:
    found = pl.from_arrow(batch)
    if not isinstance(found, pl.DataFrame):
        raise UnreadableError("it holds no table", "columns with names")
    return found
