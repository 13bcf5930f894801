"""What a declared expression may say, and what is said when it may not."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core import expressions

SCHEMA = {"Amount": pl.Int64(), "rate": pl.Float64(), "city": pl.String(), "when": pl.Datetime("us")}


def faults_of(sql: str) -> list[str]:
    return [str(f) for f in expressions.check({"x": sql}, SCHEMA, "features.steps.s")[0]]


@pytest.mark.parametrize(
    "sql",
    [
        "Amount / 2",
        "CASE WHEN city = 'a' THEN 1 ELSE 0 END",
        "0",
        'EXTRACT(hour FROM "when")',
        "Amount IN (1, 2)",
        "COALESCE(rate, 0.5) * Amount",
        "city LIKE 'a%'",
    ],
)
def test_an_expression_over_one_row_is_accepted(sql: str) -> None:
    assert faults_of(sql) == []


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("Amuont * 2", "did you mean 'Amount'?"),
        ("Amount +", "is not a valid expression"),
        ("SELECT 1", "is not a valid expression"),
        ("Amount; DROP TABLE x", "is not a valid expression"),
        ("AVG(Amount)", "aggregates over rows"),
        ("rate / AVG(Amount)", "aggregates over rows"),
        ("MAX(Amount) - 1", "aggregates over rows"),
        ("SUM(Amount) OVER (PARTITION BY city)", "looks at other rows"),
        ("ROW_NUMBER()", "looks at other rows"),
        ("LAG(Amount) OVER (ORDER BY rate)", "looks at other rows"),
        ("NOSUCH(Amount)", "is not a valid expression"),
    ],
)
def test_anything_else_is_refused_with_its_place_and_reason(sql: str, told: str) -> None:
    (message,) = faults_of(sql)
    assert message.startswith("features.steps.s.x: ")
    assert told in message


def test_division_by_zero_gives_null_instead_of_failing_the_query() -> None:
    rows = pl.DataFrame({"Amount": [10, 10], "n": [0, 4]})
    assert expressions.evaluate(rows, {"share": "Amount / (n * 1.0)"})["share"].to_list() == [None, 2.5]


@given(st.text(min_size=1, max_size=20).filter(lambda t: "\x00" not in t))
def test_any_column_name_can_be_quoted(name: str) -> None:
    rows = pl.DataFrame({name: [1, 2]})
    assert rows.select(x=expressions.parse(f"{expressions.quoted(name)} + 1"))["x"].to_list() == [2, 3]


@given(st.text(max_size=20).filter(lambda t: "\x00" not in t))
def test_any_text_can_be_a_literal(text: str) -> None:
    assert pl.DataFrame({"a": [1]}).select(x=expressions.parse(expressions.literal(text)))["x"].to_list() == [text]


def test_numbers_inside_quotes_stay_text() -> None:
    assert expressions.with_floats("\"1.5\" = '2.5' OR x > 3.5") == "\"1.5\" = '2.5' OR x > 3.5e0"
