"""Parts as GitHub's and GitLab's Markdown. Values come from configs and data that a stranger may have written: nothing in them acts.

Not markup, not HTML, not a mention, not a reference to an issue, not a link, not a formula, not a turn of the reading direction.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runner.report.parts import Cell, Chapter, Code, Facts, Folded, Part, Section, Table, Text
from runner.report.words import clean, shorten

BREAK = "&#8203;"  # of no width: what follows is no longer what a platform looks for
# What starts a mention or a reference on one platform or the other, when a letter or digit follows.
TRIGGERS = re.compile(r"([@#!~%$^&])(?=[\w\"{-])")
LINKS = re.compile(r"(://|www\.|mailto:|xmpp:|\bGH-|(?<=\w)@)", re.IGNORECASE)
SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~&$]")
AT_START = re.compile(r"^(\s*)([#+=:-]|\d+(?=[.)]))")
# As a backslash escape a sign stays what it is; these two would not: a backslash could join the next one, a dollar may still open a formula.
ENTITIES = {"\\": "&#92;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "<span>&#36;</span>"}
PLAIN_CODE = re.compile(r"[^`|\\]+")
CODE = re.compile(r"`([^`]+)`")
CELL = 400


@dataclass(frozen=True)
class Detail:
    """How much is shown: rows of a table, signs of a code block, and whether what is folded is there at all."""

    rows: int
    signs: int
    folded: bool = True


WHOLE = Detail(10_000, 1_000_000)


def text(value: object) -> str:
    r"""Text that shows as it is, on one line.

    >>> text("5% of *all* <b>"), text("ask @team, see #12"), text("a|b")
    ('5% of \\*all\\* &lt;b&gt;', 'ask @&#8203;team, see #&#8203;12', 'a\\|b')
    """
    tidy = shorten(value, CELL)
    marks = [m.end() for m in (*TRIGGERS.finditer(tidy), *LINKS.finditer(tidy))]
    pieces = [tidy[a:b] for a, b in zip((0, *sorted(set(marks))), (*sorted(set(marks)), len(tidy)), strict=True)]
    return BREAK.join(SPECIAL.sub(_escaped, piece) for piece in pieces)


def paragraph(value: object) -> str:
    """Text that stands at the start of a line, where some signs would begin a heading, a list or a rule."""
    shown = text(value)
    return AT_START.sub(lambda m: f"{m.group(1)}{m.group(2)}{BREAK}" if m.group(2).isdigit() else f"{m.group(1)}\\{m.group(2)}", shown)


def span(value: object) -> str:
    r"""Code within a line.

    >>> span("a < 3"), span("a || b")
    ('`a < 3`', '<code>a &#124;&#124; b</code>')
    """
    tidy = shorten(value, CELL).strip()
    if not tidy:
        return ""
    if PLAIN_CODE.fullmatch(tidy):
        return f"`{tidy}`"
    return f"<code>{''.join(sign if sign.isalnum() or sign == ' ' or ord(sign) > 127 else f'&#{ord(sign)};' for sign in tidy)}</code>"


def block(value: str, signs: int) -> str:
    """Lines of code behind a fence that nothing in them closes."""
    lines = [clean(line) for line in value.replace("\t", "    ").splitlines()]
    tidy = "\n".join(lines)
    cut = tidy if len(tidy) <= signs else f"{tidy[:signs]}\n… and {len(tidy) - signs:,} more characters"
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", cut)), default=0))
    return f"{fence}\n{cut}\n{fence}"


def chapter(shown: Chapter, detail: Detail) -> tuple[str, list[tuple[str, str]]]:
    """An experiment's head, and each section's title and text."""
    head = "\n\n".join(filter(None, (f"### {span(shown.room)}: {text(shown.question)}", sentences(shown.answer))))
    return head, [(s.title, section(s, detail)) for s in shown.filled]


def section(shown: Section, detail: Detail) -> str:
    """A titled run of parts."""
    return "\n\n".join([f"#### {text(shown.title)}", *filter(None, (part(p, detail) for p in shown.parts))])


def part(shown: Part, detail: Detail) -> str:
    """One part; empty where there is nothing to show."""
    if isinstance(shown, Table):
        return _table(shown, detail)
    if isinstance(shown, Text):
        return sentences(shown.text)
    if isinstance(shown, Facts):
        return "\n".join(f"- {text(name)}: {_cell(cell)}" for name, cell in shown.items)
    if isinstance(shown, Code):
        return f"{text(shown.title)}\n\n{block(shown.text, detail.signs)}" if shown.title else block(shown.text, detail.signs)
    if isinstance(shown, Folded):
        return _folded(shown, detail)
    return ""


def _table(shown: Table, detail: Detail) -> str:
    head = f"| {' | '.join(text(name) for name in shown.head)} |"
    rule = f"|{'|'.join('---:' if cell.style == 'number' else '---' for cell in shown.rows[0])}|"
    rows = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in shown.rows[: detail.rows]]
    more = len(shown.rows) - len(rows)
    left = [f"… and {more:,} more row{'' if more == 1 else 's'}."] if more else []
    note = [f"<sub>{text(shown.note)}</sub>"] if shown.note else []
    return "\n\n".join(["\n".join([head, rule, *rows]), *left, *note])


def _cell(cell: Cell) -> str:
    if cell.style == "code":
        return span(cell.text)
    shown = text(cell.text).strip()
    return f"**{shown}**" if cell.tone == "key" and shown else shown


def _folded(shown: Folded, detail: Detail) -> str:
    if not detail.folded:
        return ""
    inner = "\n\n".join(filter(None, (part(p, detail) for p in shown.parts)))
    return f"<details><summary>{text(shown.title)}</summary>\n\n{inner}\n\n</details>"


def sentences(told: str) -> str:
    r"""A paragraph, whole, whatever its length; what stands between two backticks is code.

    >>> sentences("run `dvc repro` at * once"), sentences("one ` only")
    ('run `dvc repro` at \\* once', 'one \\` only')
    """
    return " ".join(_with_code(piece, paragraph if not n else text) for n, piece in enumerate(_pieces(told)))


def _with_code(piece: str, first: Callable[[object], str]) -> str:
    parts = CODE.split(piece)
    return "".join(span(part) if n % 2 else (text if n else first)(part) for n, part in enumerate(parts))


def _pieces(told: str) -> Iterable[str]:
    piece = ""
    for word in clean(told).split(" "):
        if piece and len(piece) + len(word) >= CELL:
            yield piece
            piece = word
        else:
            piece = f"{piece} {word}" if piece else word
    if piece:
        yield piece


def _escaped(found: re.Match[str]) -> str:
    return ENTITIES.get(found.group(), f"\\{found.group()}")
