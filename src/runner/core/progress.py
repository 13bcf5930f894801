"""What a running stage tells; the screen decides how it looks."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener. Every method returns at once and never raises."""

    def stage(self, room: str, outcome: str) -> None:
        """A stage changed state; outcome is 'started', 'done', 'reused' or 'refused'."""

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        """`done` of `total` units of a stage's work are finished; best: the best result so far, for people."""

    def say(self, text: str) -> None:
        """One line that a person should see once."""


class Silent:
    """Tells nobody."""

    def stage(self, room: str, outcome: str) -> None:
        return None

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        return None

    def say(self, text: str) -> None:
        return None
