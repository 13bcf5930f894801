"""Delimited text read record by record, with Python's csv module in strict mode: the judge of what is right, and who names the line."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, TypeVar

import polars as pl

from runner.core.faults import counted, listed
from runner.data.sources.dialect import SEPARATORS, is_utf8, not_in, with_mark
from runner.data.unreadable import UnreadableError, WrongSeparatorError

LONGEST_LINE = 1 << 24
LONGEST_CELL = 1 << 20
CELLS_AT_ONCE = 1 << 20
Item = TypeVar("Item")


def header(path: Path, encoding: str, separator: str) -> list[str]:
    """The names in the first record. Raises UnreadableError."""
    return next(_told(path, encoding, _names(path, encoding, separator)))


def frames(path: Path, encoding: str, separator: str) -> Iterator[pl.DataFrame]:
    """All records after the header as text columns, at most about a million cells at a time; none where there are none.

    Empty lines at the end are passed over; nothing else is forgiven. Raises UnreadableError with the line.
    """
    return _told(path, encoding, _frames(path, encoding, separator))


def _told(path: Path, encoding: str, records: Iterator[Item]) -> Iterator[Item]:
    try:
        yield from records
    except UnicodeError as error:
        raise (_not_utf8(path) if is_utf8(encoding) else not_in(encoding, error)) from None


def _names(path: Path, encoding: str, separator: str) -> Iterator[list[str]]:
    # newline="" leaves line ends inside quoted cells as they are.
    with path.open(encoding=with_mark(encoding), newline="") as stream:
        yield _begun(stream, separator)[1]


def _frames(path: Path, encoding: str, separator: str) -> Iterator[pl.DataFrame]:
    with path.open(encoding=with_mark(encoding), newline="") as stream:
        records, names = _begun(stream, separator)
        schema = dict.fromkeys(names, pl.String())
        try:
            for columns in _columns(records, len(names)):
                yield pl.DataFrame(dict(zip(names, columns, strict=True)), schema=schema)
        except csv.Error as error:
            raise _malformed(records, error) from None


def _begun(stream: TextIO, separator: str) -> tuple[Iterator[list[str]], list[str]]:
    # The field limit of the csv module is one for the whole process; this is the only reader here.
    csv.field_size_limit(LONGEST_CELL)
    records = csv.reader(_lines(stream), delimiter=separator, strict=True)
    try:
        names = next(records, None)
    except csv.Error as error:
        raise _malformed(records, error) from None
    if not names:
        raise UnreadableError("the file is empty", "a header line and rows", "export it again")
    _check_header(names, separator)
    return records, names


def _malformed(records: Iterator[list[str]], error: csv.Error) -> UnreadableError:
    line = records.line_num  # type: ignore[attr-defined]  # typeshed hides the reader's class before 3.10
    return UnreadableError(f"line {line}: {error}", "rows of quoted or plain cells", "look for a quote that is never closed")


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
    other = next((mark for mark in (*SEPARATORS[1:], SEPARATORS[0]) if mark in names[0]), None) if len(names) == 1 else None
    if other is not None:
        raise WrongSeparatorError(names[0], separator, other)
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise UnreadableError(f"line 1 names columns twice: {listed(map(repr, doubled))}", "each column named once", "rename one of them")


def _columns(records: Iterator[list[str]], width: int) -> Iterator[list[tuple[str, ...]]]:
    """Blocks of rows, transposed. `records` is a csv.reader; its line number tells where a row ends."""
    blank_at: int | None = None
    block: list[list[str]] = []
    rows_at_once = max(1, CELLS_AT_ONCE // width)
    for record in records:
        line = records.line_num  # type: ignore[attr-defined]  # as above
        # With a single column an empty line is a row whose cell is empty.
        cells = record or ([""] if width == 1 else [])
        if not cells:
            blank_at = blank_at or line
            continue
        if blank_at is not None:
            raise UnreadableError(f"line {blank_at} is empty", counted(width, "cell"), "remove the line")
        if len(cells) != width:
            raise UnreadableError(
                f"line {line} has {counted(len(cells), 'cell')}",
                f"{counted(width, 'cell')}, as the header",
                "check the separator, and quote cells that contain it",
            )
        block.append(cells)
        if len(block) == rows_at_once:
            yield list(zip(*block, strict=True))
            block = []
    if block:
        yield list(zip(*block, strict=True))


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
                hint = "declare its `encoding`, such as latin-1, or convert it, for example with `iconv -f latin1 -t utf-8`"
                return UnreadableError(found, "text in UTF-8", hint)
    return UnreadableError("the file is not UTF-8", "text in UTF-8", "convert it to UTF-8")
