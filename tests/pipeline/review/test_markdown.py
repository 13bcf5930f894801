"""Values of a config that a stranger wrote show as they are, and nothing in them acts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from runner.pipeline.review import markdown
from runner.report.parts import Cell, Code, Folded, Table, Text, code, plain
from runner.report.words import clean, shorten

SIGNS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
NASTY = st.text(st.sampled_from("`|\\*_~<>[](){}#+-=.!:/@&$%^\"' \n\t\rab1\u202e\u200b\x00"), max_size=40)
HOSTILE = [
    "<script>alert(1)</script>",
    "</code></td><img src=x onerror=alert(1)>",
    "@everyone, see #1 and org/repo#2, !3, &4, ~label, %milestone, GH-5",
    "[a](javascript:alert(1)) ![b](http://x.example/p.png) <http://x.example> www.x.example",
    "| a | b |\n|---|---|\n| c | d |",
    "\\| \\\\| a\\",
    "```\n# heading\n```",
    "`` ` `` ` ```",
    "<!-- --> <details><summary>",
    "a\n\n# heading\n\n- list",
    "\u202eevil\u2066\u200f",
    "$\\frac{1}{2}$ and $`x`$",
    "&lt;b&gt; &#64;team &commat;team",
    "https://x.example/@a?b=#c",
    "**bold** __bold__ ~~gone~~",
]
DRESS = {"strong", "table", "thead", "tbody", "tr", "th", "td", "p", "code", "span", "pre", "sub", "details", "summary", "h4", "br"}


class Rendered(HTMLParser):
    """Tags with their attributes, and the text of each table cell."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.cells: list[str] = []
        self.words: list[str] = []
        self.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(source))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.cells:
            self.cells[-1] += data

    @property
    def text(self) -> str:
        return "".join(self.words)


def harmless(found: Rendered) -> None:
    assert {tag for tag, _ in found.tags} <= DRESS
    assert all(name == "style" and value and value.startswith("text-align") for _, attrs in found.tags for name, value in attrs)


def bare(text: str) -> str:
    """As a reader sees it: without what has no width, runs of spaces as one."""
    return " ".join(text.replace("\u200b", "").split())


def each(cases: list[str]):
    def decorate(test):
        for case in cases:
            test = example(case)(test)
        return settings(max_examples=100, deadline=None)(test)

    return decorate


@each(HOSTILE)
@given(SIGNS | NASTY)
def test_a_table_keeps_its_shape_and_its_cells_their_text(value: str) -> None:
    rows = ((plain(value), code(value), Cell(value, "number", "key")), (plain("a"), code("b"), plain("c")))
    found = Rendered(markdown.part(Table(("x", value, "z"), rows), markdown.WHOLE))
    harmless(found)
    assert len(found.cells) == 9
    expected = bare(shorten(value, markdown.CELL))
    assert [bare(found.cells[n]) for n in (1, 3, 4, 5)] == [expected] * 4
    assert [cell.strip() for cell in found.cells[6:]] == ["a", "b", "c"]


@each(HOSTILE)
@given(SIGNS | NASTY)
def test_a_paragraph_is_one_paragraph(value: str) -> None:
    found = Rendered(markdown.part(Text(f"{value} end"), markdown.WHOLE))
    harmless(found)
    assert [tag for tag, _ in found.tags if tag not in {"code", "span"}] == ["p"]
    assert bare(found.text).replace("`", "").replace(" ", "") == bare(f"{clean(value)} end").replace("`", "").replace(" ", "")


@each(HOSTILE)
@given(SIGNS | NASTY)
def test_a_block_of_code_cannot_be_left(value: str) -> None:
    found = Rendered(markdown.part(Folded(value, (Code(value, "title"),)), markdown.WHOLE) + "\n\nafter\n")
    harmless(found)
    assert [tag for tag, _ in found.tags].count("pre") == 1
    assert found.text.rstrip().endswith("after")


@pytest.mark.parametrize("mention", ["@team", "@org/team", "a@b.example", "#12", "org/repo#12", "!3", "GH-7", "https://x.example", "www.x.example", "$x$"])
def test_no_mention_reference_link_or_formula_is_left_in_text(mention: str) -> None:
    for shown in (markdown.text(f"see {mention} there"), markdown.sentences(f"{mention} there")):
        assert mention not in shown


def test_what_is_hidden_or_turns_the_text_around_is_spelled_out() -> None:
    assert markdown.text("a\u202eb\x1b[1m") == "a\\u202eb\\x1b\\[1m".replace("\\u", "&#92;u").replace("\\x", "&#92;x")
    assert "\u202e" not in markdown.span("\u202e")
    assert "\u202e" not in markdown.block("\u202e", 100)


def test_a_long_block_says_how_much_is_left_out() -> None:
    assert markdown.block("x" * 50, 10) == "```\nxxxxxxxxxx\n… and 40 more characters\n```"


def test_a_long_table_says_how_much_is_left_out() -> None:
    shown = markdown.part(Table(("a",), tuple((plain(str(n)),) for n in range(30))), markdown.Detail(5, 100))
    assert "… and 25 more rows." in shown
