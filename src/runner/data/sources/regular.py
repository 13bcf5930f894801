"""Delimited text judged a block of bytes at a time: whether it is so regular that any right reader reads it alike.

Regular means: each record has as many cells as the header, a quote stands only around a whole cell or doubled inside a quoted one,
line ends are LF or CRLF, there is no NUL and no empty line but at the end. Then the strict reader accepts the text and a fast one may read it.
Whatever is not so is left to the strict reader, which takes it or names the line.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.sources.dialect import is_utf8
from runner.data.sources.records import LONGEST_CELL, LONGEST_LINE

BLOCK = 1 << 23
LF, CR, QUOTE = 10, 13, 34

Places = np.ndarray[Any, np.dtype[np.intp]]


class IrregularError(Exception):
    """The text is not regular; the strict reader decides."""


@dataclass(frozen=True)
class Block:
    """Whole records as UTF-8. content: ends with a line end; rows: how many records, the empty lines at the end not counted."""

    content: bytes
    rows: int


def blocks(path: Path, encoding: str, separator: str, width: int) -> Iterator[Block]:
    """The records after the header, block by block; each block has been judged when it is yielded.

    Raises IrregularError for text that is not regular (it may still be right), and OSError.
    """
    if len(separator.encode()) != 1:
        raise IrregularError
    carried, is_header, is_blank = b"", True, False
    for chunk in _chunks(path, encoding):
        found = _judged(carried + chunk if carried else chunk, ord(separator), width, is_header, is_blank)
        if found is None:
            carried = carried + chunk
            # A record that long is not for a look at whole blocks.
            if len(carried) > max(4 * BLOCK, 2 * LONGEST_LINE):
                raise IrregularError
            continue
        content, carried, rows, is_header, is_blank = found
        if content:
            yield Block(content, rows)
    if carried:
        found = _judged(carried + b"\n", ord(separator), width, is_header, is_blank)
        if found is None or found[1]:
            raise IrregularError
        if found[0]:
            yield Block(found[0], found[2])


def _chunks(path: Path, encoding: str) -> Iterator[bytes]:
    """The text as UTF-8 without a byte order mark, in pieces that may end anywhere."""
    if is_utf8(encoding):
        with path.open("rb") as stream:
            start = stream.read(len(codecs.BOM_UTF8))
            begun = b"" if start == codecs.BOM_UTF8 else start
            while chunk := stream.read(BLOCK):
                yield begun + chunk
                begun = b""
            if begun:
                yield begun
        return
    try:
        with path.open(encoding=encoding, newline="") as text:
            while part := text.read(BLOCK):
                yield part.encode()
    except UnicodeError:
        raise IrregularError from None


def _judged(content: bytes, separator: int, width: int, is_header: bool, is_blank: bool) -> tuple[bytes, bytes, int, bool, bool] | None:
    """The whole records of a text that begins with one, what is left over, how many they are, and what holds for what follows:
    whether its first record is the header, and whether an empty line came before. None where not even one record is whole."""
    signs = np.frombuffer(content, np.uint8)
    marks = np.flatnonzero((signs == separator) | (signs == LF) | (signs == QUOTE) | (signs == CR))
    kinds = signs[marks]
    is_quote = kinds == QUOTE
    # What no quoted cell holds has an even number of quotes before it.
    is_outside = (np.cumsum(is_quote, dtype=np.uint8) - is_quote) & 1 == 0
    is_end = (kinds == LF) & is_outside
    if not is_end.any():
        return None
    last = int(np.flatnonzero(is_end)[-1]) + 1
    marks, kinds, is_quote, is_outside, is_end = marks[:last], kinds[:last], is_quote[:last], is_outside[:last], is_end[:last]
    cut = int(marks[-1]) + 1
    _check_text(content[:cut])
    _check_quotes(signs, marks[is_quote], separator)
    # Line ends are lone or after a carriage return; a return elsewhere would end a line for some readers only.
    if (signs[marks[(kinds == CR) & is_outside] + 1] != LF).any():
        raise IrregularError
    borders = marks[is_end | ((kinds == separator) & is_outside)]
    at = np.flatnonzero(signs[borders] == LF)
    first = 0
    if is_header:
        first = int(borders[at[0]]) + 1
        borders, at = borders[at[0] + 1 :], at[1:] - (at[0] + 1)
    rows, is_blank = _check_records(signs, first, borders, at, width, is_blank) if at.size else (0, is_blank)
    return content[first:cut] if rows else b"", content[cut:], rows, False, is_blank


def _check_text(content: bytes) -> None:
    if 0 in content:
        raise IrregularError
    try:
        content.decode()
    except UnicodeDecodeError:
        raise IrregularError from None


def _check_quotes(signs: Any, quotes: Places, separator: int) -> None:
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, signs[opening - 1], LF)
    after = signs[closing + 1]
    opens_right = (before == separator) | (before == LF) | (before == QUOTE)
    closes_right = (after == separator) | (after == LF) | (after == CR) | (after == QUOTE)
    if not opens_right.all() or not closes_right.all():
        raise IrregularError


def _check_records(signs: Any, first: int, borders: Places, at: Places, width: int, is_blank: bool) -> tuple[int, bool]:
    """How many records there are, empty lines not counted, and whether there is an empty line.

    first: where the first record begins; borders: places of the separators and line ends outside of quoted cells; at: which of them are line ends.
    """
    ends, cells = borders[at], np.diff(at, prepend=-1)
    starts = np.concatenate(([first], ends[:-1] + 1))
    is_empty = (ends == starts) | ((ends == starts + 1) & (signs[starts] == CR))
    # In one column an empty line is a row, and which one is the last is the strict reader's to tell.
    if is_empty.any() and (width == 1 or not is_empty[int(np.argmax(is_empty)) :].all()):
        raise IrregularError
    if is_blank and not is_empty.all():
        raise IrregularError
    if (cells[~is_empty] != width).any():
        raise IrregularError
    if int((ends - starts).max()) > LONGEST_CELL and int(np.diff(borders, prepend=first - 1).max()) > LONGEST_CELL:
        raise IrregularError
    return int(ends.size - is_empty.sum()), is_blank or bool(is_empty.any())
