"""A review fits one comment of a pull request, however much changes, and says what it left out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.experiment.diff import changes
from runner.pipeline.review.comment import DETAILS, MARK, MOST, comment
from runner.pipeline.review.compare import compare
from runner.pipeline.review.cost import Cost
from runner.pipeline.review.document import document
from runner.pipeline.review.html import html
from runner.pipeline.review.paired import Paired
from runner.pipeline.review.rerun import StageRun
from runner.pipeline.review.review import ExperimentReview, Review
from runner.pipeline.stages import ROOMS

LIMIT = 65_000
NOT_JUDGED = Paired(None, why="there are no results of the base and of the head")


def changed(name: str, n: int, value: str = "amount > {n}") -> ExperimentReview:
    """An experiment in which n slices get another expression."""
    old, new = ({"evaluation": {"slices": {f"slice_{i}": f"{value.format(n=i)}{end}" for i in range(n)}}} for end in ("", " + 1"))
    runs = tuple(StageRun(room, "runs" if room == "evaluation" else "kept", ("evaluation.slices",) if room == "evaluation" else ()) for room in ROOMS)
    return ExperimentReview(name, "changed", changes(old, new), runs, Cost(10, 10, 0), compare(None, None), NOT_JUDGED, None, None, None)


def review(*experiments: ExperimentReview, stale: tuple[str, ...] = (), kept: tuple[str, ...] = (), base: str = "main") -> Review:
    return Review(base, "change", stale, experiments, kept, ())


def sections_of(shown: str) -> int:
    return shown.count("\n#### ")


def test_a_small_review_leaves_nothing_out() -> None:
    shown = comment(document(review(changed("one", 3))))
    assert shown.startswith(MARK)
    assert "Left out" not in shown
    assert "shortened" not in shown


@pytest.mark.parametrize(
    "experiments",
    [
        [changed("one", 3000)],
        [changed("one", 3, "x" * 100_000)],
        [changed("one", 500, "`|<b>@a\\" * 200)],
        [changed(f"experiment_{n}", 40, "amount > {n} AND " * 30) for n in range(30)],
        [changed(f"e{n}", 2) for n in range(900)],
        [changed("a" * 70_000, 2), changed("b" * 70_000, 2)],
        [changed("é客🎉"[n % 3] * 4000, 50, "客" * 5000) for n in range(30)],
    ],
    ids=["rows", "values", "escapes", "experiments", "many", "names", "wide"],
)
def test_a_giant_change_fits_one_comment(experiments: list[ExperimentReview]) -> None:
    stale = tuple("x" * 10_000 for _ in range(50))
    shown = comment(document(review(*experiments, stale=stale, kept=tuple("k" * 5000 for _ in range(50)), base="b" * 9000)))
    assert len(shown) < LIMIT
    assert len(shown.encode()) <= MOST < LIMIT
    assert shown.startswith(MARK)
    assert "**STALE.**" in shown


def test_what_is_left_out_is_counted() -> None:
    found = [changed(f"e{n}", 2) for n in range(900)]
    shown = comment(document(review(*found)))
    chapters = shown.count("\n### ")
    assert 0 < chapters < 900
    left_sections = int(shown.rsplit("Left out to fit one comment: ", 1)[1].split(" ")[0].replace(",", ""))
    assert left_sections + sections_of(shown) == 3 * chapters or left_sections + sections_of(shown) == 2 * chapters
    assert f"{900 - chapters:,} experiments (" in shown


def test_tables_are_shortened_before_sections_are_dropped() -> None:
    shown = comment(document(review(changed("one", 2000))))
    assert "more rows." in shown
    assert sections_of(shown) == sections_of(comment(document(review(changed("one", 2)))))


def test_html_leaves_nothing_out() -> None:
    page = html(document(review(changed("one", 2000))))
    assert page.count("amount &gt; 1999") == 2


@given(st.integers(0, 40), st.integers(0, 200), st.text(max_size=80))
@settings(max_examples=15, deadline=None)
def test_any_change_fits_and_is_told_the_same_twice(n: int, m: int, value: str) -> None:
    found = review(*(changed(f"e{i}", m, value.replace("{", "").replace("}", "") + "{n}") for i in range(n)))
    shown = comment(document(found))
    assert len(shown.encode()) <= MOST
    assert comment(document(found)) == shown


def test_details_only_ever_get_fewer() -> None:
    assert [d.rows for d in DETAILS] == sorted((d.rows for d in DETAILS), reverse=True)
    assert [d.signs for d in DETAILS] == sorted((d.signs for d in DETAILS), reverse=True)


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> @everyone | `x` \u202e"


def test_html_shows_hostile_values_as_text() -> None:
    page = html(document(review(changed("one", 2, HOSTILE + "{n}"), stale=(HOSTILE,), base=HOSTILE)))
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "&lt;script&gt;" in page
