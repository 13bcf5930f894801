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
        ("LAG(Amount) OVER (PARTITION BY city ORDER BY rate)", "entity: [city], time: rate, aggregates with how: last"),
        ('AVG(Amount) OVER (PARTITION BY city, "when" ORDER BY rate ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING)', 'entity: [city, "when"], time: rate'),
        ("SUM(Amount) OVER (PARTITION BY city)", "time: <when the row happened>, aggregates with how: sum"),
        ("NTILE(4) OVER (ORDER BY rate)", "use a `history` step"),
    ],
)
def test_a_window_is_refused_with_the_history_that_says_the_same_of_earlier_rows(sql: str, told: str) -> None:
    (fault,) = faults_of(sql)
    assert told in fault


@pytest.mark.parametrize(
    ("sql", "sees_later"),
    [
        ("SUM(Amount) OVER (PARTITION BY city)", True),
        ("LEAD(Amount) OVER (PARTITION BY city ORDER BY rate)", True),
        ("SUM(Amount) OVER (ORDER BY rate ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING)", True),
        ("SUM(Amount) OVER (ORDER BY rate ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING)", False),
    ],
)
def test_a_window_that_sees_the_future_is_told_so(sql: str, sees_later: bool) -> None:
    (fault,) = faults_of(sql)
    assert ("also at later ones, which nobody knows at the decision" in fault) is sees_later


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


ROW: dict[str, pl.DataType] = {"amount": pl.Float64(), "n": pl.Int64(), "city": pl.String(), "day": pl.Date(), "x.sum()": pl.Int64()}
REFUSED = {
    "amount -": "expected an expression at the end",
    "amount BETWEEN 1": "expected AND at the end",
    "amount ==== n": "expected an expression at character 10",
    "amount\n+ n\n+ ; 1": "in line 3, character 3",
    "(amount": "a parenthesis is opened and never closed",
    "amount)": "a parenthesis is closed and never opened",
    "": "is empty",
    "amount n": "an operator is missing",
    "amount AS x": "ends in a second name",
    "SELECT amount": "a statement: SELECT at character 1",
    "n IN (SELECT 1)": "a statement: SELECT at character 7",
    "DROP TABLE x": "a statement: DROP",
    "amount; n": "at character 7",
    "AVG(amount)": "aggregates over rows: AVG at character 1",
    "amount * CORR(amount, n)": "aggregates over rows: CORR at character 10",
    "amount - COVAR(amount, n)": "aggregates over rows",
    "n = MAX(n)": "aggregates over rows: MAX at character 5",
    "COUNT(*)": "aggregates over rows",
    "LAG(n) OVER (ORDER BY day)": "looks at other rows: LAG",
    "SUM(n) OVER (PARTITION BY city)": "looks at other rows, also at later ones, which nobody knows at the decision: OVER at character 8",
    "NOW()": "reads the clock",
    "day > CURRENT_DATE": "reads the clock: CURRENT_DATE at character 7",
    "amount / 0": "divides by zero: / 0 at character 8",
    "n % 0.0": "divides by zero",
    "MOD(n, 0)": "divides by zero",
    "SQRTT(amount)": "unsupported function 'sqrtt'",
    "city + 1": "it calculates with text and a number",
    "n = 'x'": "it compares text with a number",
    "amuont + 1": "'amuont' that is not there at character 1",
    "city.name": "needs double quotes",
    "REGEXP_LIKE(city, '(')": "unclosed group",
    " AND ".join(["n > 1"] * 200): "199 ANDs and ORs",
    "+".join(["n"] * 1000): "999 operators",
    "n" * 20_000: "20,000 characters",
    "(" * 2000 + "n" + ")" * 2000: "not a valid expression",
}


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:30])
def test_what_is_wrong_is_told_with_its_place(sql: str) -> None:
    (fault,), _ = expressions.check({"": sql}, ROW, "key")
    assert REFUSED[sql] in str(fault)
    assert len(str(fault)) < 1000


@pytest.mark.parametrize(
    "sql", ["city = 'AVG(x) / 0 SELECT NOW()'", '"x.sum()" + 1', "city = '.sum()'", "amount / 0.5", "amount / NULLIF(n, 0)", "n -- AVG(", "GREATEST(n, amount)"]
)
def test_text_names_and_comments_are_no_sql(sql: str) -> None:
    assert expressions.check({"": sql}, ROW, "key")[0] == []


def test_a_cast_of_text_must_not_fail_on_a_row() -> None:
    assert expressions.check({"": "CAST(city AS BIGINT)"}, ROW, "key")[0] == []
    (fault,), _ = expressions.check({"": "CAST(city AS BIGINT)"}, ROW, "key", total=True)
    assert "fails on some values" in fault.wrong
    assert "TRY_CAST" in fault.hint
    assert expressions.check({"": "TRY_CAST(city AS BIGINT)"}, ROW, "key", total=True)[0] == []
