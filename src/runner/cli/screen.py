"""What a person sees while a run goes on: a live display on a terminal, plain lines in a pipe, nothing when quiet."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

MARKS = {"waiting": ("·", "dim"), "started": ("▶", "bold cyan"), "done": ("✓", "green"), "reused": ("=", "green"), "refused": ("✗", "bold red")}
LINES_EVERY_S = 5.0


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(5.2), duration(83), duration(7300)
    ('5 s', '1 min 23 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Clockwork:
    """Time spent and time left of the work that a stage reports."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def restart(self) -> None:
        self._started = time.monotonic()

    def spent(self) -> float:
        return time.monotonic() - self._started

    def left(self, done: int, total: int) -> str:
        """Guess from the mean pace so far; empty until something is done."""
        if not done or done >= total:
            return ""
        return f"about {duration(self.spent() / done * (total - done))} left"


class Lines:
    """Progress for a pipe or a log: one line per stage, and one every few seconds inside a long one."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._clock = Clockwork()
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def stage(self, room: str, outcome: str) -> None:
        if outcome == "started":
            self._clock.restart()
            self._last = time.monotonic()
            return
        spent = "" if outcome == "reused" else f" in {duration(self._clock.spent())}"
        self._print(f"{room:<11} {outcome}{spent}")

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        if time.monotonic() - self._last < LINES_EVERY_S:
            return
        self._last = time.monotonic()
        parts = [f"{room:<11} {done} of {total}: {doing}", best, self._clock.left(done, total)]
        self._print(", ".join(p for p in parts if p))

    def say(self, text: str) -> None:
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Display:
    """Progress on a terminal: all seven rooms, a bar for the one at work, the best so far and the time left."""

    def __init__(self, console: Console, title: str, rooms: tuple[str, ...]) -> None:
        self._rooms = dict.fromkeys(rooms, "waiting")
        self._spent: dict[str, str] = {}
        self._console, self._title = console, title
        self._clock = Clockwork()
        self._now: tuple[str, str, int, int, str] | None = None
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._render, transient=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._now = None
        self._live.__exit__(kind, error, trace)

    def stage(self, room: str, outcome: str) -> None:
        self._rooms[room] = outcome
        if outcome == "started":
            self._clock.restart()
        elif outcome != "reused":
            self._spent[room] = duration(self._clock.spent())
        self._now = None

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        self._now = (room, doing, done, total, best)

    def say(self, text: str) -> None:
        self._live.console.print(Text(text))

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for room, state in self._rooms.items():
            mark, style = MARKS[state]
            table.add_row(Text(mark, style), Text(room, style if state != "waiting" else "dim"), *self._detail(room, state))
        return Group(Text(self._title, "bold"), table)

    def _detail(self, room: str, state: str) -> tuple[Text | ProgressBar, Text]:
        if self._now and self._now[0] == room and state == "started":
            _, doing, done, total, best = self._now
            told = ", ".join(p for p in (f"{done} of {total}", doing, best, self._clock.left(done, total)) if p)
            return ProgressBar(total=max(total, 1), completed=done, width=24), Text(told)
        return Text({"reused": "unchanged, re-used", "done": self._spent.get(room, ""), "refused": "refused"}.get(state, ""), "dim"), Text("")


class Quiet:
    """Says only what must not be missed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def stage(self, room: str, outcome: str) -> None:
        return None

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        return None

    def say(self, text: str) -> None:
        return None


def screen(title: str, rooms: tuple[str, ...], quiet: bool) -> Display | Lines | Quiet:
    """The right display for where standard error goes."""
    if quiet:
        return Quiet()
    console = Console(stderr=True)
    return Display(console, title, rooms) if console.is_terminal and sys.stderr.isatty() else Lines(console)
