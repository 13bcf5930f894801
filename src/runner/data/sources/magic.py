"""What a file is whatever its name says, by its first bytes."""

from __future__ import annotations

LOOKED_AT = 1024
# First bytes, what such a file is, and what to do with it where text is declared.
KNOWN = (
    (b"\x1f\x8b", "compressed with gzip", "unpack it, for example with `gunzip`"),
    (b"BZh", "compressed with bzip2", "unpack it, for example with `bunzip2`"),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it, for example with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "unpack it, for example with `unzstd`"),
    (b"PK\x03\x04", "a ZIP archive, as workbooks are too", "unpack it, or declare `kind: excel` where it is a workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", "declare `kind: excel`"),
    (b"PAR1\x15", "Parquet", "declare `kind: parquet`"),
    (b"ARROW1\0\0", "Arrow IPC", "declare `kind: ipc`"),
    (b"SQLite format 3\0", "an SQLite database", "declare `kind: sql` with it as `database`"),
    (b"%PDF-", "a PDF document", "export the table itself as CSV"),
)
PAGES = (b"<!doctype html", b"<html")


def what_it_is(start: bytes) -> tuple[str, str] | None:
    """What a file that begins so is, and the next step; None where it may be text.

    >>> what_it_is(b"\\x1f\\x8b\\x08"), what_it_is(b"a,b")
    (('compressed with gzip', 'unpack it, for example with `gunzip`'), None)
    """
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES):
        return "an HTML page", "it may be what a server says in place of the file; fetch the file again"
    # The mark of bzip2 alone may begin a plain header.
    return next(((what, hint) for mark, what, hint in KNOWN if start.startswith(mark) and (mark != b"BZh" or start[4:10] == b"1AY&SY")), None)
