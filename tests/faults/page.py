"""docs/faults.md as the catalogue reads and writes it: what a person is told, case by case."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import ROOT

PAGE = ROOT / "docs" / "faults.md"
HEADS = re.compile(r"(\d+ problems? to mend:|refused, \d+ reasons?:)$")
VERDICTS = (" REFUSED ", " NO GO ", " EXPLORING ")


def told(code: int, out: str, err: str, root: Path) -> str:
    """The lines that say what is wrong: the faults of a mistake, or the sentence of a verdict. root: the project, left out of paths."""
    lines = (out if code == 3 else err).replace(f"{root}/", "").splitlines()
    start = next((i for i, line in enumerate(lines) if HEADS.match(line) or line.startswith(VERDICTS)), len(lines))
    found = []
    for line in lines[start:]:
        if not line.strip():
            break
        found.append(line.strip() if code == 3 else line.rstrip())
    return "\n".join(found)


def entry_of(page: str, name: str) -> str:
    """What the page says is told in a case; empty when the page does not have it."""
    found = re.search(rf"^### {re.escape(title(name))}\n.*?^```text\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def title(name: str) -> str:
    """A case's name as a heading.

    >>> title("missing file")
    'Missing file'
    """
    return name[:1].upper() + name[1:]
