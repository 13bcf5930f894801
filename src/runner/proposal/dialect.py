"""How a text file is written: its encoding and what separates its cells."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from pathlib import Path

SEPARATORS = (",", ";", "\t", "|")
SAMPLED = 1 << 16
SAMPLED_ROWS = 200
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
EXCEL_HINT = "sep="


@dataclass(frozen=True)
class Dialect:
    """separator; content: the text in UTF-8 where the file is not, None where the file serves as it is; note: what was changed."""

    separator: str
    content: bytes | None = None
    note: str = ""


def of_file(path: Path) -> Dialect:
    """Look at a file. Raises OSError when it cannot be read."""
    text, encoding = _decoded(path)
    changes = [] if encoding == "utf-8" else [f"converted from {encoding} to UTF-8"]
    first, _, rest = text.partition("\n")
    if first.strip().casefold().startswith(EXCEL_HINT):
        # A line for a spreadsheet, not for anybody else.
        text, changes = rest, [*changes, f"without its first line, {first.strip()}"]
    separator = separator_of(text[:SAMPLED])
    return Dialect(separator, text.encode() if changes else None, " and ".join(changes))


def _decoded(path: Path) -> tuple[str, str]:
    """The text, line ends as they are, and the encoding; what is no Unicode is read as Windows wrote it in the west."""
    content = path.read_bytes()
    if content.startswith(WIDE):
        try:
            return content.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError:
            return content.decode("utf-8", "replace"), "utf-8"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


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
