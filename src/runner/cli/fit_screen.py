"""What a person sees while a fit runs: one line that is written over on a terminal, a line every few seconds in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from runner.core.progress import Silent

LINES_EVERY_S = 5.0
OVER_EVERY_S = 0.2


class Countdown(Silent):
    """Time left and the best so far. ends: on `time.monotonic()`; writes_over: whether the line is written over."""

    def __init__(self, ends: float, writes_over: bool) -> None:
        self._ends, self._over = ends, writes_over
        self._last, self._best = 0.0, ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._clear()

    def stage(self, room: str, outcome: str) -> None:
        if outcome == "started":
            self._tell(room, self._over)

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        self._best = best or self._best
        self._tell(f"{room}: {doing}{f', {self._best}' if self._best else ''}")

    def say(self, text: str) -> None:
        self._clear()
        print(text, file=sys.stderr)

    def _tell(self, text: str, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._last < (OVER_EVERY_S if self._over else LINES_EVERY_S):
            return
        self._last = now
        line = f"{max(0.0, self._ends - now):5.0f} s left  {text}"
        clean = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)
        print(f"\r\x1b[K{clean}" if self._over else clean, end="" if self._over else "\n", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._over:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class Hushed(Silent):
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


def screen(ends: float, quiet: bool) -> Countdown | Hushed:
    """The right display for where standard error goes."""
    return Hushed() if quiet else Countdown(ends, sys.stderr.isatty())
