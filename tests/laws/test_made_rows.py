"""Made-up rows keep the contract that they are made from, whatever it is."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from runner.bundle.contract import breaches, conform, required
from runner.bundle.examples import rows
from runner.core.expressions import is_pattern
from runner.data.spec import ColumnSpec

BOUND = st.none() | st.integers(-(10**12), 10**12) | st.floats(-1e300, 1e300) | st.floats(-1, 1)
WORDS = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=4, unique=True)


@st.composite
def column(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["int", "float", "string", "bool", "date", "datetime"]))
    declared: dict[str, Any] = {"type": kind, "nullable": draw(st.booleans())}
    if kind in ("int", "float"):
        low, high = draw(BOUND), draw(BOUND)
        if low is not None and high is not None and low > high:
            low, high = high, low
        declared |= {"min": None if low is None else float(low), "max": None if high is None else float(high)}
    if kind == "string":
        declared["allowed"] = draw(st.none() | WORDS)
    return ColumnSpec.model_validate(declared).model_dump(mode="json")


CONTRACT = st.dictionaries(
    st.text(min_size=1, max_size=8).filter(lambda n: not n.startswith("__") and not is_pattern(n)), column(), min_size=1, max_size=4
).map(lambda columns: {"columns": columns, "order": list(columns)})


def number(kind: str, low: float | None, high: float | None) -> dict[str, Any]:
    made = ColumnSpec.model_validate({"type": kind, "min": low, "max": high}).model_dump(mode="json")
    return {"columns": {"a": made}, "order": ["a"]}


@given(contract=CONTRACT, seed=st.integers(0, 2**31 - 1))
@example(contract=number("int", None, -5.0), seed=1)
@example(contract=number("float", None, -5.0), seed=1)
@example(contract=number("int", 0.2, 0.8), seed=1)
@example(contract=number("int", 0.5, 9e18), seed=1)
@example(contract=number("float", None, -0.0), seed=0)
@example(contract=number("int", 9.3e18, None), seed=1)
@example(contract=number("int", None, -9.3e18), seed=1)
@example(contract=number("float", -1.7e308, 1.7e308), seed=1)
@example(contract=number("float", 1e-5, 2e-5), seed=1)
def test_made_rows_break_no_rule_and_have_every_column(contract: dict[str, Any], seed: int) -> None:
    made = rows(contract, 30, seed)
    assert made.columns == required(contract)
    assert breaches(made, contract).list.len().sum() == 0
    assert conform(made, contract, "made").equals(made)
    assert rows(contract, 30, seed).equals(made)


@given(low=st.none() | st.integers(-(10**9), 10**9), width=st.none() | st.integers(0, 10**6), seed=st.integers(0, 999))
@example(low=None, width=None, seed=0)
def test_limits_that_leave_room_leave_rows(low: int | None, width: int | None, seed: int) -> None:
    high = None if width is None else (low or 0) + width - (10**6 if low is None else 0)
    for kind in ("int", "float"):
        assert rows(number(kind, None if low is None else float(low), None if high is None else float(high)), 30, seed).height == 30


@given(high=st.floats(1e-9, 1e-3), seed=st.integers(0, 999))
def test_small_limits_leave_rows_too(high: float, seed: int) -> None:
    assert rows(number("float", high / 2, high), 30, seed).height == 30
