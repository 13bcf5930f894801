"""What a source says when its file cannot be read; the caller knows where the file was declared."""

from __future__ import annotations


class UnreadableError(Exception):
    """wrong: what was found, with the line where there is one; expected; hint: the next step."""

    def __init__(self, wrong: str, expected: str = "", hint: str = "") -> None:
        self.wrong, self.expected, self.hint = wrong, expected, hint
        super().__init__(wrong)
