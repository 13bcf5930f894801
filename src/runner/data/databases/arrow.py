"""Arrow record batches as frames."""

from __future__ import annotations

from typing import Any

import polars as pl

from runner.data.unreadable import UnreadableError


def empty(schema: Any) -> Any:
    """A record batch of an Arrow schema without rows."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)


def framed(batch: Any) -> pl.DataFrame:
    """An Arrow record batch as a frame of plain types: numbers of any size and JSON as text, UUIDs as text.

    Raises UnreadableError with the column whose type has no place here.
    """
    import pyarrow as pa

    columns = [_plain(pa, field, batch.column(n)) for n, field in enumerate(batch.schema)]
    found = pl.from_arrow(pa.RecordBatch.from_arrays(columns, names=batch.schema.names))
    if not isinstance(found, pl.DataFrame):
        raise UnreadableError("the answer is no table", "columns with names")
    uuids = [field.name for field in batch.schema if str(field.type) == "extension<arrow.uuid>"]
    return found.with_columns(_uuid_text(name) for name in uuids)


def _plain(pa: Any, field: Any, values: Any) -> Any:
    kind = field.type
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    is_uuid = str(kind) == "extension<arrow.uuid>"
    opaque = isinstance(kind, pa.BaseExtensionType) and not is_uuid and not (pa.types.is_string(storage) or pa.types.is_large_string(storage))
    if opaque or pa.types.is_interval(storage):
        name = getattr(kind, "type_name", None) or str(kind)
        raise UnreadableError(f"the column {field.name!r} is of the type {name}", "numbers, text, dates or times", f"CAST({field.name} AS text) in the query")
    return values.storage if isinstance(kind, pa.BaseExtensionType) else values


def _uuid_text(name: str) -> pl.Expr:
    text = pl.col(name).bin.encode("hex")
    parts = [text.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.concat_str(parts, separator="-").alias(name)
