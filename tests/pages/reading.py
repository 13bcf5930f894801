"""The pages as tests read them: fenced blocks, links, headings, words."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Fence:
    """A fenced block. page: relative to the repository; language: the first word behind the fence; about: the words after it."""

    page: str
    line: int
    language: str
    about: str
    content: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def fences(language: str) -> list[Fence]:
    """Every block of a language, in the order of the pages."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            first, _, about = match.group(1).strip().partition(" ")
            if first == language:
                found.append(Fence(name_of(page), text[: match.start()].count("\n") + 1, first, about.strip(), match.group(2)))
    return found


def commands(fence: Fence) -> Iterator[list[str]]:
    """The words of each command, as a shell would split them, without comments."""
    for line in fence.content.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """What the page links to inside the repository."""
    return [target for target in LINK.findall(prose(page)) if "://" not in target and not target.startswith("mailto:")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them.

    >>> "the-rule-book" in {re.sub(r"[^\\w\\- ]", "", "The `rule` book".lower()).replace(" ", "-")}
    True
    """
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(prose(page))}


def banned() -> dict[str, str]:
    """Banned word to the word that is used instead, from the tables of docs/words.md."""
    found = {}
    for line in (ROOT / "docs" / "words.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] != "word" and not set(cells[0]) <= {"-"}:
            found |= {word.strip(): cells[0] for word in cells[1].split(",") if word.strip()}
    return found
