"""How a text file is written: its encoding and what separates its cells."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from runner.data.sources.dialect import SAMPLED, separator_of

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
