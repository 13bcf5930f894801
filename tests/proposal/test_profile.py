"""What one pass over a table tells."""

from __future__ import annotations

from datetime import date

import polars as pl

from runner.proposal.profile import has_word, profile, tokens


def test_facts_of_numbers_leave_out_what_is_missing() -> None:
    facts = profile(pl.DataFrame({"x": [3.0, None, float("nan"), 1.0, 3.0]}))["x"]
    assert (facts.rows, facts.missing, facts.distinct, facts.low, facts.high) == (5, 2, 2, 1.0, 3.0)
    assert facts.top == (("3.0", 2), ("1.0", 1))


def test_facts_of_text_count_forms_by_rows() -> None:
    facts = profile(pl.DataFrame({"x": ["1", "1", "2", "abc", "N/A", None]}))["x"]
    assert facts.looked_at == 4, "rows that say nothing are no evidence"
    assert facts.share_of("whole") == 0.75


def test_a_column_that_never_falls_is_rising() -> None:
    facts = profile(pl.DataFrame({"day": [date(2020, 1, 1), date(2020, 1, 1), date(2020, 2, 1)], "x": [1, 3, 2]}))
    assert (facts["day"].rising, facts["x"].rising) == (True, False)


def test_every_type_has_facts() -> None:
    rows = pl.DataFrame({"a": [[1]], "b": [b"x"], "c": [None], "d": [{"e": 1}], "f": [date(2020, 1, 1)], "g": [True]})
    assert {name: facts.missing for name, facts in profile(rows).items()} == {"a": 0, "b": 0, "c": 1, "d": 0, "f": 0, "g": 0}
    assert profile(pl.DataFrame()) == {}


def test_words_of_a_name() -> None:
    assert tokens("customerID_no2") == ["customer", "id", "no", "2"]
    assert tokens("Größe (cm)") == ["größe", "cm"]
    assert not has_word("usage", ("age",))
