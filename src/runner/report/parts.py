"""What a chapter is made of; the templates know how each part looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias

from runner.report.numbers import Interval, count, figure, percent
from runner.report.svg import Plot

Tone: TypeAlias = Literal["", "good", "warn", "bad", "mute", "key"]
DIGEST_SHOWN = 12


@dataclass(frozen=True)
class Cell:
    """Text in a table or a list of facts. style: how it is set; title: the whole, where the text is a shortening."""

    text: str
    style: Literal["text", "number", "code"] = "text"
    tone: Tone = ""
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table; every row has as many cells as the head. stacked: one card a row on a narrow screen."""

    kind: ClassVar[str] = "table"
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    note: str = ""
    stacked: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and values, side by side."""

    kind: ClassVar[str] = "facts"
    items: tuple[tuple[str, Cell], ...]
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A plot: title states the message; wide: it takes the whole width of the page."""

    kind: ClassVar[str] = "figure"
    title: str
    plot: Plot
    note: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Figures:
    """Plots, two side by side where there is room; one that has no neighbour is wide."""

    kind: ClassVar[str] = "figures"
    items: tuple[Figure, ...]


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Code:
    """Something to type or to read letter by letter."""

    kind: ClassVar[str] = "code"
    text: str
    title: str = ""


@dataclass(frozen=True)
class Folded:
    """Parts that are shown on demand."""

    kind: ClassVar[str] = "folded"
    title: str
    parts: tuple[Part, ...]


Part: TypeAlias = Table | Facts | Figure | Figures | Text | Code | Folded


@dataclass(frozen=True)
class Section:
    """A titled run of parts; one without parts is left out."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Chapter:
    """One room's chapter. question: what the room answers; answer: the answer in a sentence; missing: why there is none."""

    room: str
    question: str
    answer: str = ""
    sections: tuple[Section, ...] = ()
    missing: str = ""

    @classmethod
    def not_reached(cls, room: str, question: str, why: str) -> Chapter:
        """The chapter of a room whose files were withheld, are not there yet, or are of an earlier run."""
        return cls(room, question, missing=why)

    @property
    def filled(self) -> tuple[Section, ...]:
        """The sections that have something to show."""
        return tuple(section for section in self.sections if section.parts)


def plain(text: object, tone: Tone = "") -> Cell:
    """A cell of text."""
    return Cell(str(text), tone=tone)


def code(text: object) -> Cell:
    """A cell to read letter by letter, such as SQL."""
    return Cell(str(text), "code")


def numeral(value: float | None, signed: bool = False, tone: Tone = "") -> Cell:
    """A cell with a measured number."""
    return Cell("unknown" if value is None else figure(value, signed=signed), "number", tone)


def counted(value: float | None) -> Cell:
    """A cell with a count."""
    return Cell("unknown" if value is None else count(value), "number")


def share(value: float | None, tone: Tone = "") -> Cell:
    """A cell with a percentage."""
    return Cell(percent(value), "number", tone)


def spanned(found: Interval | None, tone: Tone = "") -> Cell:
    """A cell with an interval, without its unit."""
    return Cell("", "number") if found is None else Cell(found.span(), "number", tone)


def digest(text: str) -> Cell:
    """A cell with the start of a digest; the whole is in its title."""
    return Cell(text[:DIGEST_SHOWN], "code", title=text)


def facts(items: Iterable[tuple[str, Cell]], title: str = "") -> tuple[Facts, ...]:
    """Facts that have a text; nothing when none has."""
    kept = tuple((name, cell) for name, cell in items if cell.text)
    return (Facts(kept, title),) if kept else ()


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], title: str = "", note: str = "", stacked: bool = False) -> tuple[Table, ...]:
    """A table; nothing when it has no rows."""
    filled = tuple(tuple(row) for row in rows)
    return (Table(tuple(head), filled, title, note, stacked),) if filled else ()


def figures(*items: Figure | None) -> tuple[Figures, ...]:
    """The plots that could be drawn, two side by side and the odd one over the whole width; nothing when none could."""
    drawn = tuple(item for item in items if item is not None)
    if len(drawn) % 2:
        drawn = (*drawn[:-1], replace(drawn[-1], wide=True))
    return (Figures(drawn),) if drawn else ()


def folded(title: str, parts: Sequence[Any]) -> tuple[Folded, ...]:
    """Parts behind a title; nothing when there are none."""
    return (Folded(title, tuple(parts)),) if parts else ()
