"""A document as one comment of a pull request: always under what GitHub takes, and always saying what was left out."""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.review import markdown
from runner.pipeline.review.document import Document
from runner.pipeline.review.markdown import Detail
from runner.report.words import listed, some

# GitHub takes 65,536 characters; bytes are counted here, which are never fewer.
MOST = 64_900
# By this line the comment of an earlier push is found again.
MARK = "<!-- runner review -->"
DETAILS = (markdown.WHOLE, Detail(200, 4000), Detail(60, 1500), Detail(25, 600), Detail(10, 300), Detail(5, 0, folded=False))
TOP = 12_000
FOOT = 700
NAMED = 8


def comment(document: Document) -> str:
    """The document as Markdown, in as much detail as fits; deterministic."""
    for detail in DETAILS:
        whole = _whole(document, detail)
        if _size(whole) <= MOST:
            return whole
    return _cut(document, DETAILS[-1])


def _whole(document: Document, detail: Detail) -> str:
    parts = [_top(document, detail)]
    for shown in document.chapters:
        head, sections = markdown.chapter(shown, detail)
        parts += [head, *(text for _, text in sections)]
    left = "" if detail == markdown.WHOLE else "Long tables and values are shortened to fit one comment; the HTML review has all of them."
    return _joined([*parts, left])


def _top(document: Document, detail: Detail) -> str:
    title = f"## Review: {markdown.span(document.base)} → {markdown.span(document.head)}"
    alerts = [f"> [!CAUTION]\n> {markdown.sentences(alert)}" for alert in document.alerts[: detail.rows]]
    lead = f"**{markdown.text(document.word)}.** {markdown.sentences(' '.join(document.lead))}"
    overview = [markdown.part(table, detail) for table in document.overview]
    return _joined([MARK, title, *alerts, lead, *overview, *(markdown.sentences(note) for note in document.notes)])


def _cut(document: Document, detail: Detail) -> str:
    """What fits: the top, then every experiment's sentence, then sections from the first one on; what does not is counted and named."""
    top = _top(document, detail)
    if _size(top) > TOP:
        # Names can be of any length and number; the first line and the judgement are not.
        top = _joined([MARK, f"## Review: {markdown.span(document.base)} → {markdown.span(document.head)}", f"**{markdown.text(document.word)}.**"])
        top = _joined([top, markdown.text(" ".join(document.lead)), *(markdown.text(alert) for alert in document.alerts[:5])])
    room = MOST - FOOT - _size(top)
    chapters = [markdown.chapter(shown, detail) for shown in document.chapters]
    kept: list[list[str]] = [[] for _ in chapters]
    for n, (head, _) in enumerate(chapters):
        if (needed := _size(head) + 2) <= room:
            kept[n].append(head)
            room -= needed
    sections = 0
    for n, (_, texts) in enumerate(chapters):
        for _, text in texts if kept[n] else ():
            if (needed := _size(text) + 2) <= room:
                kept[n].append(text)
                room -= needed
            else:
                sections += 1
    names = [shown.room for shown, parts in zip(document.chapters, kept, strict=True) if not parts]
    return _joined([top, *(text for parts in kept for text in parts), _left_out(sections, names)])


def _left_out(sections: int, names: Sequence[str]) -> str:
    told = [some(sections, "section")] if sections else []
    told += [f"{some(len(names), 'experiment')} ({listed([name[:40] for name in names], NAMED)})"] if names else []
    return markdown.text(f"Left out to fit one comment: {' and '.join(told)}. Long tables are shortened. The HTML review has all of it.")


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _size(text: str) -> int:
    return len(text.encode())
