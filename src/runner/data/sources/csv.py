"""Delimited text."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TextIO

import polars as pl
from pydantic import Field

from runner.core.faults import listed
from runner.core.registry import register
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError, WrongSeparatorError

LONGEST_LINE = 1 << 24
LONGEST_CELL = 1 << 20
ROWS_AT_ONCE = 50_000
SEPARATORS = (";", "\t", "|", ",")
WIDE_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
SNIFFED_BYTES = 1024


class CsvSpec(FileSourceSpec):
    """A delimited text file with a header line, UTF-8, inside the workspace."""

    kind: Literal["csv"]
    separator: str = Field(default=",", min_length=1, max_length=1)
    """The one character between cells, such as `;` or a tab."""
    null_values: list[str] = ["", "NA", "null"]
    """Cells with exactly this text are missing, quoted or not."""


@register("source", CsvSpec)
def scan(spec: CsvSpec, path: Path) -> pl.LazyFrame:
    """The file's rows as text columns; the contract casts them, so that no type is guessed.

    A byte order mark and empty lines at the end are passed over; nothing else is forgiven. Raises UnreadableError with
    the line for text that is not UTF-8, NUL bytes, rows of another length than the header, open quotes, doubled names,
    and for a header in which another separator stands.
    """
    _refuse_utf16(path)
    try:
        # newline="" leaves line ends inside quoted cells as they are.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(stream, spec).lazy()
    except UnicodeDecodeError:
        raise _not_utf8(path) from None


def _read(stream: TextIO, spec: CsvSpec) -> pl.DataFrame:
    # The field limit of the csv module is one for the whole process; this is the only reader here.
    csv.field_size_limit(LONGEST_CELL)
    records = csv.reader(_lines(stream), delimiter=spec.separator, strict=True)
    try:
        names = next(records, None)
        if not names:
            raise UnreadableError("the file is empty", "a header line and rows", "export it again")
        _check_header(names, spec.separator)
        schema = dict.fromkeys(names, pl.String())
        frames = [pl.DataFrame(dict(zip(names, columns, strict=True)), schema=schema) for columns in _columns(records, len(names))]
    except csv.Error as error:
        raise UnreadableError(f"line {records.line_num}: {error}", "rows of quoted or plain cells", "look for a quote that is never closed") from None
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    if not spec.null_values:
        return rows
    return rows.with_columns(pl.when(~pl.all().is_in(spec.null_values)).then(pl.all()))


def _lines(stream: TextIO) -> Iterator[str]:
    """Lines of bounded length, without NUL bytes: what the csv module can be trusted with."""
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise UnreadableError(f"line {number} is longer than {LONGEST_LINE:,} characters", "one row a line", "check the line ends of the file")
        if "\0" in line:
            raise UnreadableError(f"line {number} has a NUL byte", "text in UTF-8", "the file is damaged or not text; export it again")
        yield line


def _check_header(names: list[str], separator: str) -> None:
    other = next((mark for mark in SEPARATORS if mark in names[0]), None) if len(names) == 1 else None
    if other is not None:
        raise WrongSeparatorError(names[0], separator, other)
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise UnreadableError(f"line 1 names columns twice: {listed(map(repr, doubled))}", "each column named once", "rename one of them")


def _columns(records: Iterator[list[str]], width: int) -> Iterator[list[tuple[str, ...]]]:
    """Blocks of rows, transposed. `records` is a csv.reader; its line number tells where a row ends."""
    blank_at: int | None = None
    block: list[list[str]] = []
    for record in records:
        line = records.line_num  # type: ignore[attr-defined]  # typeshed hides the reader's class before 3.10
        # With a single column an empty line is a row whose cell is empty.
        cells = record or ([""] if width == 1 else [])
        if not cells:
            blank_at = blank_at or line
            continue
        if blank_at is not None:
            raise UnreadableError(f"line {blank_at} is empty", f"{width} cells", "remove the line")
        if len(cells) != width:
            raise UnreadableError(
                f"line {line} has {len(cells)} cells",
                f"{width} cells, as the header",
                "check the separator, and quote cells that contain it",
            )
        block.append(cells)
        if len(block) == ROWS_AT_ONCE:
            yield list(zip(*block, strict=True))
            block = []
    if block:
        yield list(zip(*block, strict=True))


def _refuse_utf16(path: Path) -> None:
    """UTF-16 is told as such, with a byte order mark or without: its bytes would be called damaged otherwise."""
    with path.open("rb") as stream:
        start = stream.read(SNIFFED_BYTES)
    if start.startswith(WIDE_BYTE_ORDER_MARKS):
        encoding = "utf-16"
    elif len(start) >= 4 and _mostly_nul(start[1::2]) and 0 not in start[::2]:
        encoding = "utf-16le"
    elif len(start) >= 4 and _mostly_nul(start[::2]) and 0 not in start[1::2]:
        encoding = "utf-16be"
    else:
        return
    raise UnreadableError("the file is UTF-16", "text in UTF-8", f"save it as UTF-8, or convert it, for example with `iconv -f {encoding} -t utf-8`")


def _mostly_nul(part: bytes) -> bool:
    return 2 * part.count(0) > len(part)


def _not_utf8(path: Path) -> UnreadableError:
    with path.open("rb") as stream:
        for number in range(1, 1 << 62):
            line = stream.readline(LONGEST_LINE)
            if not line:
                break
            try:
                line.decode()
            except UnicodeDecodeError as error:
                found = f"line {number} is not UTF-8: byte {line[error.start]:#04x} at position {error.start + 1}"
                return UnreadableError(found, "text in UTF-8", "convert it, for example with `iconv -f latin1 -t utf-8`")
    return UnreadableError("the file is not UTF-8", "text in UTF-8", "convert it to UTF-8")
