"""How a text file is written: its encoding, and what separates its cells."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from runner.data.unreadable import UnreadableError

SEPARATORS = (",", ";", "\t", "|")
SAMPLED = 1 << 16
SAMPLED_ROWS = 200
AT_ONCE = 1 << 20
SNIFFED_BYTES = 1024
MARKS = (
    # The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
AUTO = "auto"
UTF8 = "utf-8"


def encoding_of(path: Path) -> str:
    """The encoding of a text file: by its byte order mark, UTF-8 where all of it is, else what Windows writes in the west. Raises OSError."""
    with path.open("rb") as stream:
        wide = wide_encoding(stream.read(SNIFFED_BYTES))
    if wide is not None:
        return wide
    return next((name for name in (UTF8, "cp1252") if _decodes(path, name)), "latin-1")


def wide_encoding(start: bytes) -> str | None:
    """UTF-16 or UTF-32 as a codec's name, with a byte order mark or without; None where the text is neither.

    >>> wide_encoding("a,b".encode("utf-16-le")), wide_encoding(b"a,b,c")
    ('utf-16-le', None)
    """
    marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
    if marked is not None or len(start) < 4:
        return marked
    even, odd = start[::2], start[1::2]
    if _mostly_nul(odd) and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if _mostly_nul(even) and 0 not in odd else None


def _mostly_nul(part: bytes) -> bool:
    return 2 * part.count(0) > len(part)


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as stream:
        try:
            while chunk := stream.read(AT_ONCE):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def known(encoding: str) -> bool:
    """Whether it names a text encoding that Python knows."""
    try:
        return codecs.lookup(encoding)._is_text_encoding
    except (LookupError, ValueError):
        return False


def separator_in(path: Path, encoding: str) -> str:
    """The sign that separates the cells of a file, by its first rows. Raises UnreadableError for what is not in that encoding."""
    try:
        with path.open(encoding=with_mark(encoding), newline="") as stream:
            return separator_of(stream.read(SAMPLED))
    except UnicodeError as error:
        raise not_in(encoding, error) from None


def separator_of(text: str) -> str:
    """The sign that cuts most rows into as many cells as the header has; a comma where none does.

    >>> separator_of("a;b\\n1,5;2\\n"), separator_of("a\\n1\\n")
    (';', ',')
    """
    return max(SEPARATORS, key=lambda sign: _fit(text, sign))


def _fit(text: str, separator: str) -> tuple[float, int]:
    try:
        rows = [row for _, row in zip(range(SAMPLED_ROWS), csv.reader(text.splitlines(keepends=True), delimiter=separator), strict=False) if row]
    except csv.Error:
        return (0.0, 0)
    # The sample may end within a row.
    rows = rows[:-1] if len(text) == SAMPLED and len(rows) > 2 else rows
    width = len(rows[0]) if rows else 0
    return (sum(len(row) == width for row in rows) / len(rows), width) if width > 1 else (0.0, 0)


def with_mark(encoding: str) -> str:
    """The codec that passes over a byte order mark of UTF-8.

    >>> with_mark("UTF8"), with_mark("latin-1")
    ('utf-8-sig', 'latin-1')
    """
    return "utf-8-sig" if is_utf8(encoding) else encoding


def is_utf8(encoding: str) -> bool:
    """Whether it is UTF-8 under whatever name."""
    return codecs.lookup(encoding).name in (UTF8, "utf-8-sig", "ascii")


def not_in(encoding: str, error: UnicodeError) -> UnreadableError:
    """What to say of a file that is not in its declared encoding."""
    found = f"{error.reason} at byte {error.start + 1}" if isinstance(error, UnicodeDecodeError) else str(error)
    return UnreadableError(f"the file is not {encoding}: {found}", f"text in {encoding}", "declare its `encoding`, or `encoding: auto` to have it found")
