"""The digest of a table's rows: of their values, whatever file, chunks or row groups they happen to lie in."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import polars as pl

from runner.core.digests import canonical

PIECE = 1 << 20


def of_rows(rows: pl.DataFrame) -> str:
    """SHA-256 (hex) of rows in their order, the same on every platform; a piece of them is held twice.

    Hashed are, one after the other: the canonical JSON of `[number of rows, [[name, form], ...]]`; then for each piece of
    2**20 rows (the last one shorter) each column in turn. A column is a byte a row, 1 where there is a value and else 0; then
    the values, with 0 or the empty text where there is none. Form `int` (also truth values, days since 1970 and microseconds
    since 1970) is 8 bytes a value, two's complement; `float` 8 bytes, IEEE 754; `text` 8 bytes for the length of each value
    in bytes, then all values in UTF-8 behind one another; `list` 8 bytes for the length of each, then their elements as a
    column of their own. All numbers are little-endian. Raises TypeError for a column of any other type.
    """
    digest = sha256(canonical([rows.height, [[column.name, _form(column.dtype)] for column in rows]]))
    for piece in rows.iter_slices(PIECE):
        for column in piece:
            for part in _bytes(column):
                digest.update(part)
    return digest.hexdigest()


def _form(dtype: pl.DataType) -> str:
    if dtype.is_float():
        return "float"
    if dtype.is_integer() or dtype == pl.Boolean or dtype in (pl.Date, pl.Datetime("us")):
        return "int"
    if dtype == pl.String:
        return "text"
    if isinstance(dtype, pl.List):
        return f"list of {_form(dtype.inner)}"  # type: ignore[arg-type]  # an instance, as a frame's types are
    raise TypeError(f"no digest is defined for values of type {dtype}")


def _bytes(column: pl.Series) -> Iterator[bytes]:
    yield column.is_not_null().cast(pl.UInt8).to_numpy().tobytes()
    if column.dtype.is_float():
        yield column.fill_null(0.0).cast(pl.Float64).to_numpy().astype("<f8", copy=False).tobytes()
    elif column.dtype == pl.String:
        known = column.fill_null("")
        yield known.str.len_bytes().to_numpy().astype("<i8").tobytes()
        yield known.str.join("").item().encode() if len(known) else b""
    elif isinstance(column.dtype, pl.List):
        yield column.list.len().fill_null(0).to_numpy().astype("<i8").tobytes()
        yield from _bytes(column.filter(column.list.len() > 0).explode())
    else:
        # A number beyond 2**63 wraps around, as its 64 bits are the same.
        whole = column if column.dtype == pl.UInt64 else column.cast(pl.Int64)
        yield whole.fill_null(0).to_numpy().astype("<i8", copy=False).tobytes()
