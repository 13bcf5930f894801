from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from runner.bundle.casts import DTYPES, cast
from runner.bundle.contract import breaches, conform, conform_recorded, required
from runner.core.faults import FaultsError


def contract(columns: dict[str, dict[str, Any]], **more: Any) -> dict[str, Any]:
    full = {name: {"nullable": False, "available": "at_decision", "on_fail": "quarantine"} | column for name, column in columns.items()}
    return {"columns": full, "rules": {}, "order": list(full), "target": None, "key": []} | more


HELD = [
    (pl.Series(["12", " 7", "-3", "12.0", None]), "int", [12, 7, -3, 12, None]),
    (pl.Series([12.0, float("nan"), -0.0]), "int", [12, None, 0]),
    (pl.Series([12.0, float("nan"), -0.0], dtype=pl.Float16), "int", [12, None, 0]),
    (pl.Series([Decimal("3.00")]), "int", [3]),
    (pl.Series([2**63 - 1], dtype=pl.UInt64), "int", [2**63 - 1]),
    (pl.Series(["1.5", "1e308", "nan", ".5"]), "float", [1.5, 1e308, None, 0.5]),
    (pl.Series(["9007199254740992"]), "float", [9007199254740992.0]),
    (pl.Series([Decimal("1.10")]), "float", [1.1]),
    (pl.Series([7, 12]), "string", ["7", "12"]),
    (pl.Series(["a", None], dtype=pl.Categorical), "string", ["a", None]),
    (pl.Series(["true", "FALSE", "0", "1"]), "bool", [True, False, False, True]),
    (pl.Series([0, 1]), "bool", [False, True]),
    (pl.Series(["2013-01-01", "0001-01-01", "9999-12-31"]), "date", [date(2013, 1, 1), date(1, 1, 1), date(9999, 12, 31)]),
    (pl.Series([datetime(2013, 1, 1)]), "date", [date(2013, 1, 1)]),
    (pl.Series(["2013-01-01T10:00:00Z", "2013-01-01T12:00:00+02:00"]), "datetime", [datetime(2013, 1, 1, 10), datetime(2013, 1, 1, 10)]),
    (pl.Series(["2013-01-01", "2013-01-01 10:00", "2013-01-01T10:00:00.25"]), "datetime", None),
    (pl.Series([date(2013, 1, 1)]), "datetime", [datetime(2013, 1, 1)]),
]

REFUSED = [
    (pl.Series(["007"]), "int"),
    (pl.Series(["99999999999999999999"]), "int"),
    (pl.Series([1.5]), "int"),
    (pl.Series([0.5], dtype=pl.Float16), "int"),
    (pl.Series([2.0**53 + 2]), "int"),
    (pl.Series([float("inf")]), "int"),
    (pl.Series([2**63], dtype=pl.UInt64), "int"),
    (pl.Series([Decimal("3.10")]), "int"),
    (pl.Series([date(2013, 1, 1)]), "int"),
    (pl.Series([2**53 + 1]), "float"),
    (pl.Series(["9007199254740993"]), "float"),
    (pl.Series(["1,5"]), "float"),
    (pl.Series([1.0]), "string"),
    (pl.Series([2]), "bool"),
    (pl.Series(["yes"]), "bool"),
    (pl.Series(["01/02/2013"]), "date"),
    (pl.Series(["2013-02-29"]), "date"),
    (pl.Series([datetime(2013, 1, 1, 5)]), "date"),
    (pl.Series([1357000000]), "datetime"),
    (pl.Series(["2013-01-01T25:00:00"]), "datetime"),
    (pl.Series(["2013-01-01T10:00:60"]), "datetime"),
    (pl.Series([b"x"]), "string"),
    (pl.Series([[1]]), "int"),
]


@pytest.mark.parametrize(("values", "to", "expected"), HELD)
def test_a_lossless_cast_is_made(values: pl.Series, to: str, expected: list[Any] | None) -> None:
    found = cast(values, to)
    assert not found.bad.any()
    assert found.values.dtype == DTYPES[to]
    assert expected is None or found.values.to_list() == expected


@pytest.mark.parametrize(("values", "to"), REFUSED)
def test_a_value_that_would_change_is_refused(values: pl.Series, to: str) -> None:
    found = cast(values, to)
    assert found.bad.to_list() == [True]
    assert found.values.to_list() == [None]


def test_moments_with_and_without_a_zone_do_not_mix() -> None:
    found = cast(pl.Series(["2013-01-01T10:00:00Z", "2013-01-01T10:00:00"]), "datetime")
    assert found.bad.to_list() == [False, True]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_integers_survive_text(numbers: list[int | None]) -> None:
    values = pl.Series("n", numbers, dtype=pl.Int64)
    found = cast(values.cast(pl.String), "int")
    assert not found.bad.any()
    assert found.values.to_list() == numbers


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_an_integer_is_held_as_a_float_exactly_or_refused(numbers: list[int]) -> None:
    for values in (pl.Series("n", numbers, dtype=pl.Int64), pl.Series("n", list(map(str, numbers)))):
        found = cast(values, "float")
        for number, held, bad in zip(numbers, found.values, found.bad, strict=True):
            assert bad == (int(float(number)) != number)
            assert bad or int(held) == number


@given(st.lists(st.none() | st.floats(allow_nan=False)))
def test_floats_survive_text(numbers: list[float | None]) -> None:
    texts = pl.Series("n", [None if n is None else repr(n) for n in numbers], dtype=pl.String)
    found = cast(texts, "float")
    # A long run of digits is an identifier until proven a number: those are refused, never rounded.
    for number, held, bad in zip(numbers, found.values, found.bad, strict=True):
        assert bad or held == number


@given(st.lists(st.none() | st.dates()), st.lists(st.none() | st.datetimes()))
def test_dates_survive_text(days: list[date | None], moments: list[datetime | None]) -> None:
    as_text = pl.Series("d", [None if d is None else d.isoformat() for d in days], dtype=pl.String)
    assert cast(as_text, "date").values.to_list() == days
    with_zone = pl.Series("m", [None if m is None else m.isoformat() + "Z" for m in moments], dtype=pl.String)
    assert cast(with_zone, "datetime").values.to_list() == moments


@given(st.lists(st.none() | st.text()))
def test_text_is_kept_to_the_letter(texts: list[str | None]) -> None:
    values = pl.Series("t", texts, dtype=pl.String)
    assert cast(values, "string").values.to_list() == texts


NUMBERS = {
    pl.Int8: st.integers(-128, 127),
    pl.UInt32: st.integers(0, 2**32 - 1),
    pl.Float16: st.floats(width=16),
    pl.Int64: st.integers(-(2**54), 2**54),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float32: st.floats(width=32),
    pl.Float64: st.floats() | st.integers(-(2**54), 2**54).map(float),
}


@given(st.data())
def test_columns_that_are_cast_all_at_once_hold_what_each_holds_by_itself(data: st.DataObject) -> None:
    names = [f"c{i}" for i in range(data.draw(st.integers(1, 6)))]
    dtypes = {name: data.draw(st.sampled_from(list(NUMBERS))) for name in names}
    n = data.draw(st.integers(0, 4))
    rows = pl.DataFrame(
        {name: pl.Series(name, data.draw(st.lists(st.none() | NUMBERS[dtype], min_size=n, max_size=n)), dtype=dtype) for name, dtype in dtypes.items()}
    )
    declared = contract({name: {"type": data.draw(st.sampled_from(["int", "float"]))} for name in names})
    alone = {name: cast(rows[name], column["type"]) for name, column in declared["columns"].items()}
    bad = {name for name, found in alone.items() if found.bad.any()}
    for name, found in alone.items():
        assert name in bad or all(held is None or held == given_ for held, given_ in zip(found.values, rows[name], strict=True))
    if bad:
        with pytest.raises(FaultsError) as caught:
            conform_recorded(rows, declared, "rows", names)
        assert [fault.at for fault in caught.value.faults] == [f"rows, column {name!r}" for name in names if name in bad]
    else:
        together = conform_recorded(rows, declared, "rows", names)
        assert_frame_equal(together.rows, pl.DataFrame([found.values for found in alone.values()]))
        assert together.casts == {name: found.how for name, found in alone.items() if found.how}


def test_conform_orders_columns_and_leaves_out_others() -> None:
    declared = contract({"a": {"type": "int"}, "b": {"type": "string"}})
    found = conform_recorded(pl.DataFrame({"x": [1], "b": ["u"], "a": ["3"]}), declared, "rows", ["a", "b"])
    assert_frame_equal(found.rows, pl.DataFrame({"a": [3], "b": ["u"]}))
    assert found.casts == {"a": "from String"}


def test_a_narrow_integer_is_no_cast_worth_recording() -> None:
    found = conform_recorded(pl.DataFrame({"a": pl.Series([1], dtype=pl.Int32)}), contract({"a": {"type": "int"}}), "rows", ["a"])
    assert found.casts == {}
    assert found.rows.schema == {"a": pl.Int64}


def test_rows_to_score_need_neither_target_nor_later_columns() -> None:
    declared = contract({"a": {"type": "int"}, "late": {"type": "int", "available": "after_event"}, "y": {"type": "string"}}, target="y")
    assert required(declared) == ["a"]
    assert conform(pl.DataFrame({"a": [1]}), declared, "rows").columns == ["a"]


def test_every_missing_column_is_named_at_once() -> None:
    declared = contract({"Amount": {"type": "int"}, "Income": {"type": "int"}})
    with pytest.raises(FaultsError) as caught:
        conform(pl.DataFrame({"amount ": [1], "Incom": [2]}), declared, "new.parquet")
    first, second = caught.value.faults
    assert (first.at, first.wrong) == ("new.parquet, column 'Amount'", "the column is missing")
    assert first.hint == "'amount ' differs only by case or spaces: rename it"
    assert second.hint == "did you mean 'Incom'?"


def test_a_wrong_type_names_column_types_row_and_value() -> None:
    with pytest.raises(FaultsError) as caught:
        conform(pl.DataFrame({"a": ["1", "2", "three"]}), contract({"a": {"type": "int"}}), "f.csv")
    assert "f.csv, column 'a': String where int is declared: 1 row cannot be cast, first row 2 (from 0) with 'three'" in str(caught.value)


def test_a_control_character_in_a_message_is_escaped() -> None:
    with pytest.raises(FaultsError) as caught:
        conform(pl.DataFrame({"a": ["\x1b[31mred"]}), contract({"a": {"type": "int"}}), "f.csv")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("kind", "given_labels"), [("int", [1, 0]), ("int", [1.0, 0.0]), ("string", ["1", "0"])])
def test_a_label_is_held_as_text(kind: str, given_labels: list[Any]) -> None:
    declared = contract({"y": {"type": "string", "from": kind}}, target="y")
    assert conform(pl.DataFrame({"y": given_labels}), declared, "rows")["y"].to_list() == ["1", "0"]


def test_breaches_name_the_checks_that_a_row_fails() -> None:
    declared = contract(
        {
            "a": {"type": "int", "min": 0.0, "max": 9.0},
            "b": {"type": "string", "nullable": True, "allowed": ["u", "v"]},
            "c": {"type": "float"},
            "d": {"type": "string", "pattern": "[a-z]+|"},
        },
        rules={"sum": {"sql": "a + c < 10", "on_fail": "warn"}, "other": {"sql": "missing > 1", "on_fail": "warn"}},
    )
    rows = pl.DataFrame({"a": [1, -1, None, 10], "b": ["u", "w", None, "v"], "c": [1.0, float("inf"), 2.0, 3.0], "d": ["x", "x1", "", "X"]})
    conformed = conform(rows, declared, "rows")
    assert breaches(conformed, declared).to_list() == [
        [],
        ["a.minimum", "b.allowed", "c.finite", "d.pattern", "rules.sum"],
        ["a.present"],
        ["a.maximum", "d.pattern", "rules.sum"],
    ]


def test_a_large_bound_is_compared_exactly() -> None:
    declared = contract({"a": {"type": "int", "max": float(2**53)}})
    assert breaches(pl.DataFrame({"a": [2**53, 2**53 + 1]}), declared).to_list() == [[], ["a.maximum"]]


def test_the_target_is_not_a_breach_when_scoring() -> None:
    declared = contract({"a": {"type": "int"}, "y": {"type": "string", "allowed": ["u"]}}, target="y")
    assert breaches(pl.DataFrame({"a": [1], "y": ["w"]}), declared).to_list() == [[]]


def test_no_rows_breach_nothing() -> None:
    declared = contract({"a": {"type": "int"}})
    assert breaches(conform(pl.DataFrame({"a": []}), declared, "rows"), declared).to_list() == []


@pytest.mark.parametrize("name", ["a b", "a.b", "select", "__proto__", 'a "b"', "🙂", "; "])
def test_odd_column_names_are_only_names(name: str) -> None:
    declared = contract({name: {"type": "int", "min": 1.0}})
    assert breaches(conform(pl.DataFrame({name: ["0", "1"]}), declared, "rows"), declared).to_list() == [[f"{name}.minimum"], []]
