"""What a source says when its file cannot be read; the caller knows where the file was declared."""

from __future__ import annotations


class UnreadableError(Exception):
    """wrong: what was found, with the line where there is one; expected; hint: the next step."""

    def __init__(self, wrong: str, expected: str = "", hint: str = "") -> None:
        self.wrong, self.expected, self.hint = wrong, expected, hint
        super().__init__(wrong)


class WrongSeparatorError(UnreadableError):
    """A header that is one cell, with another separator in it. found: that one; the reader's caller knows how it can be told."""

    def __init__(self, header: str, declared: str, found: str) -> None:
        self.found = found
        wrong = f"line 1 is one cell with {found!r} in it: {shortened(header)}"
        super().__init__(wrong, f"cells separated by {declared!r}", f"declare `separator: {found!r}`")


class GoneError(UnreadableError):
    """The other side cannot be reached or broke off: the same may succeed later."""


def shortened(text: str, longest: int = 60) -> str:
    """Quoted text of a file for a message.

    >>> shortened("a;b"), shortened("abc" * 9, 5)
    ("'a;b'", "'abcab...'")
    """
    cut = text if len(text) <= longest else f"{text[:longest]}..."
    return repr(cut) if cut.isprintable() else ascii(cut)
