"""How raw columns are read: every reading holds for every row, and what only looks like a number is left alone."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.bundle.casts import cast
from runner.proposal.infer import Reading, readings, typed
from runner.proposal.profile import EVERYWHERE, SOMEWHERE, profile

MANY = 50


def read(*values: object, name: str = "x", has_markers: bool = True) -> tuple[Reading, list[object]]:
    """The reading of a column of these values, each many times, and its first values."""
    rows = pl.DataFrame({name: pl.Series(list(values) * MANY)})
    found = readings(rows, profile(rows), has_markers)
    made = typed(rows, found)
    return found[name], made[name].to_list()[: len(values)] if name in made.columns else []


@pytest.mark.parametrize(
    ("values", "type_", "made"),
    [
        (("1", "-2", "30"), "int", [1, -2, 30]),
        (("1.0", "2.0", None), "int", [1, 2, None]),
        (("1.5", "1e3", " 7 "), "float", [1.5, 1000.0, 7.0]),
        (("1,234", "12", "1,234,567"), "int", [1234, 12, 1234567]),
        (("1,234.5", "12"), "float", [1234.5, 12.0]),
        (("1.234,50", "12,5", "7"), "float", [1234.5, 12.5, 7.0]),
        (("1 234,5", "12,5"), "float", [1234.5, 12.5]),
        (("$1,200.50", "$ 3"), "float", [1200.5, 3.0]),
        (("12%", "3.5%"), "float", [12.0, 3.5]),
        (("01234", "12345"), "string", ["01234", "12345"]),
        (("123456789012345678901", "1"), "string", ["123456789012345678901", "1"]),
        (("1", "N/A", " "), "int", [1, None, None]),
        (("1.5", "unknown", "2"), "float", [1.5, None, 2.0]),
        (("True", "false", "TRUE"), "bool", [True, False, True]),
        (("Yes", "no ", "NO"), "string", ["yes", "no", "no"]),
        (("Y", "N"), "string", ["Y", "N"]),
        (("0", "1"), "int", [0, 1]),
        ((" Berlin", "Paris"), "string", ["Berlin", "Paris"]),
        (("2020-01-31", None), "date", [date(2020, 1, 31), None]),
        (("2020-01-31", "n/a"), "date", [date(2020, 1, 31), None]),
        (("2020-01-31T10:00", "2020-02-01 11:30:05"), "datetime", [datetime(2020, 1, 31, 10), datetime(2020, 2, 1, 11, 30, 5)]),
        (("2020-01-31T10:00Z", "2020-02-01T11:30:05+02:00"), "datetime", [datetime(2020, 1, 31, 10), datetime(2020, 2, 1, 9, 30, 5)]),
        (("31/12/2020", "01/02/2021"), "date", [date(2020, 12, 31), date(2021, 2, 1)]),
        (("12/31/2020", "01/02/2021"), "date", [date(2020, 12, 31), date(2021, 1, 2)]),
        (("31.12.20", "1.2.21"), "date", [date(2020, 12, 31), date(2021, 2, 1)]),
        (("31/12/2020 10:05", "01/02/2021 23:59"), "datetime", [datetime(2020, 12, 31, 10, 5), datetime(2021, 2, 1, 23, 59)]),
        (("3 Mar 2020", "12 Apr 2021"), "date", [date(2020, 3, 3), date(2021, 4, 12)]),
        ((1.0, 2.0, None), "int", [1, 2, None]),
        ((1.5, float("nan")), "float", [1.5, None]),
        ((1.5, float("inf"), 3.0), "float", [1.5, None, 3.0]),
        ((2**63 + 5, 2**63 + 7), "string", [str(2**63 + 5), str(2**63 + 7)]),
        ((date(2020, 1, 31), None), "date", [date(2020, 1, 31), None]),
        ((True, False), "bool", [True, False]),
    ],
    ids=str,
)
def test_a_column_is_read_as_a_person_would(values: tuple[object, ...], type_: str, made: list[object]) -> None:
    found, held = read(*values)
    assert (found.type, held) == (type_, made)


def test_a_number_such_as_20240131_is_a_day_only_in_a_column_that_is_called_so() -> None:
    assert read("20240131", "20240201", name="order_date")[1] == [date(2024, 1, 31), date(2024, 2, 1)]
    assert read(20240131, 20240201, name="order_date")[0].type == "date"
    assert read("20240131", "20240201", name="order_no")[0].type == "int"


def test_days_that_could_be_months_are_asked_about() -> None:
    found, held = read("01/02/2020", "03/04/2021")
    assert held == [date(2020, 2, 1), date(2021, 4, 3)]
    assert "day first or month first" in found.ask
    assert read("01/02/2020", "13/04/2021")[0].ask == ""


def test_a_little_junk_among_numbers_counts_as_missing_and_is_told() -> None:
    rows = pl.DataFrame({"x": [*map(str, range(99)), "abc"]})
    found = readings(rows, profile(rows), has_markers=True)["x"]
    assert (found.type, found.note) == ("int", "1 cell such as 'abc' read as missing")
    assert typed(rows, {"x": found})["x"].null_count() == 1


def test_much_junk_among_numbers_is_text() -> None:
    rows = pl.DataFrame({"x": [*map(str, range(90)), *["abc"] * 10]})
    assert readings(rows, profile(rows), has_markers=True)["x"].type == "string"


def test_a_source_without_words_for_missing_gets_them_in_sql() -> None:
    found, held = read("31/12/2020", "N/A", has_markers=False)
    assert found.markers == ()
    assert found.sql is not None
    assert held == [date(2020, 12, 31), None]


@pytest.mark.parametrize("values", [[[1], [2]], [b"a", b"b"], [None, None]])
def test_what_no_model_can_use_has_no_type(values: list[object]) -> None:
    found, _ = read(*values)
    assert found.type is None
    assert found.note


NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(["", " ", "NA", "N/A", "nan", "-", "?", "unknown", "0", "1", "007", "1,5", "1.5", "1,234", "1.234,5", "1e400", "inf", "-0", "yes", "No "]),
    st.sampled_from(["2020-02-30", "2020-02-28", "31/12/2020", "12/31/2020", "1/1/20", "2020-01-01T25:00", "$5", "5 %", "9" * 25, "true", "٣", "½"]),
    st.integers().map(str),
    st.floats().map(str),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(st.none(), NASTY), min_size=1, max_size=40), st.booleans())
def test_whatever_a_column_holds_a_reading_loses_only_what_it_says(values: list[str | None], has_markers: bool) -> None:
    rows = pl.DataFrame({"x": pl.Series(values, dtype=pl.String)})
    found = readings(rows, profile(rows), has_markers)["x"]
    if found.type is None:
        assert all(value is None for value in values)
        return
    held = typed(rows, {"x": found})["x"]
    lost = {value for value, kept in zip(values, held.to_list(), strict=True) if value is not None and kept is None}
    silent = {value for value in lost if value.strip().casefold() not in EVERYWHERE | SOMEWHERE and value.strip()}
    assert not silent or "read as missing" in found.note
    assert not cast(held, found.type).bad.any()
