from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.report.headline import gain_told
from runner.report.numbers import Interval, figure
from runner.report.words import clean, shorten

finite = st.floats(-1e12, 1e12, allow_nan=False)


def test_a_loss_is_told_as_earning_less() -> None:
    assert gain_told(Interval(-2.0, -3.0, -1.0, 0.95, "EUR per row"), "constant", 100) == (
        "200 EUR a month less than always doing the same (between 100 and 300 at 95% confidence)"
    )


def test_a_gain_without_an_interval_says_why() -> None:
    told = gain_told(Interval(2.0, None, None, 0.95, "EUR per row", "too few rows"), "officer", 100)
    assert told == "200 EUR a month more than the officer rule (how sure is unknown: too few rows)"


@given(finite)
def test_a_figure_reads_back_within_half_a_percent(value: float) -> None:
    assert abs(float(figure(value).replace(",", "")) - value) <= 0.005 * abs(value)


@given(finite, finite, finite)
def test_an_end_that_is_not_zero_never_reads_as_zero(a: float, b: float, c: float) -> None:
    low, value, high = sorted((a, b, c))
    texts = Interval(value, low, high).rounded()
    assert all((float(text.replace(",", "")) == 0) == (number == 0) for text, number in zip(texts, (value, low, high), strict=True))


@given(st.text(), st.integers(2, 50))
def test_shortened_text_is_printable_and_short(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit
    assert all(c.isprintable() or c == "\u00a0" for c in clean(text))
