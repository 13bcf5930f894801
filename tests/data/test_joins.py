from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.faults import FaultsError
from runner.data.joins import asof, common_key, lookup
from runner.data.spec import AsofSpec, LookupSpec

START = datetime(2020, 1, 1)
HOURS = st.none() | st.integers(0, 12).map(lambda h: START + timedelta(hours=h))
KEYS = st.none() | st.sampled_from(["a", "b", ""])
ROWS = st.lists(st.tuples(HOURS, KEYS, st.integers(0, 1)), max_size=12)


def brute_force(rows: list[Any], others: list[Any], lag: float, tolerance: float | None) -> list[int | None]:
    """For each row the position of the last of the latest other rows that were known and young enough."""
    found: list[int | None] = []
    for time, key, number in rows:
        best: tuple[datetime, int] | None = None
        for place, (then, other_key, other_number) in enumerate(others):
            if time is None or then is None or key is None or (key, number) != (other_key, other_number):
                continue
            if then + timedelta(hours=lag) <= time and (best is None or (then, place) > best):
                best = (then, place)
        too_old = best is not None and tolerance is not None and time - best[0] > timedelta(hours=tolerance)
        found.append(None if best is None or too_old else best[1])
    return found


def frame(rows: list[Any], names: tuple[str, str, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={names[0]: pl.Datetime("us"), names[1]: pl.String, names[2]: pl.Int64}, orient="row")


@given(ROWS, ROWS, st.sampled_from([0.0, 1.0, 2.5]), st.sampled_from([None, 0.5, 3.0]))
def test_asof_equals_brute_force(rows: list[Any], others: list[Any], lag: float, tolerance: float | None) -> None:
    left, right = frame(rows, ("t", "k", "n")), frame(others, ("at", "key", "m"))
    right = right.with_columns(v=pl.int_range(right.height, dtype=pl.Int64, eager=True))
    spec = AsofSpec(
        kind="asof",
        source="o",
        by={"k": "key", "n": "m"},
        time="t",
        source_time="at",
        lag_hours=lag,
        tolerance_hours=tolerance,
        columns={"found": "v"},
    )
    joined = asof(left, spec, right, "join")
    assert joined.rows["found"].to_list() == brute_force(rows, others, lag, tolerance)
    assert joined.rows.drop("found").equals(left, null_equal=True)
    assert joined.matched == joined.rows["found"].count()


def test_asof_without_a_key_reads_times_as_text() -> None:
    rows = pl.DataFrame({"t": ["2020-01-01T05:00:00Z", "2020-01-01T03:00:00Z"]})
    other = pl.DataFrame({"t": ["2020-01-01T04:00:00Z"], "v": [1]})
    spec = AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"})
    assert asof(rows, spec, other, "join").rows["v"].to_list() == [1, None]


def test_asof_counts_ties_and_takes_the_last() -> None:
    rows = pl.DataFrame({"t": [START]})
    other = pl.DataFrame({"t": [START, START], "v": [1, 2]})
    joined = asof(rows, AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"}), other, "join")
    assert (joined.rows["v"].to_list(), joined.ties) == ([2], 1)


def test_asof_names_a_value_that_is_no_time() -> None:
    rows = pl.DataFrame({"t": ["2020-01-01", "soon"]})
    spec = AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"})
    with pytest.raises(FaultsError, match=r"join\.time: column 't' \(String\): row 1 \(from 0\) has 'soon'"):
        asof(rows, spec, pl.DataFrame({"t": [START], "v": [1]}), "join")


@given(st.lists(st.none() | st.integers(0, 5)), st.lists(st.none() | st.integers(0, 5), unique=True))
def test_lookup_keeps_rows_in_order(keys: list[int | None], known: list[int | None]) -> None:
    rows = pl.DataFrame({"k": pl.Series(keys, dtype=pl.Int32)})
    other = pl.DataFrame({"id": pl.Series(known, dtype=pl.Int64), "v": [f"v{k}" for k in known]}, schema_overrides={"v": pl.String})
    joined = lookup(rows, LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"w": "v"}), other, "join")
    assert joined.rows["k"].to_list() == keys
    assert joined.rows["w"].to_list() == [f"v{k}" if k is not None and k in known else None for k in keys]


def test_lookup_refuses_a_key_that_stands_twice() -> None:
    rows = pl.DataFrame({"k": ["a"]})
    other = pl.DataFrame({"id": ["a", "a", None, None], "v": [1, 2, 3, 4]})
    with pytest.raises(FaultsError) as caught:
        lookup(rows, LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}), other, "data.joins.o")
    assert "data.joins.o.keys: 1 key of 'o' with more than one row: k = 'a'" in str(caught.value)


def test_lookup_that_expects_all_names_what_is_missing() -> None:
    rows = pl.DataFrame({"k": ["a", "b", None]})
    spec = LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}, expect="all")
    with pytest.raises(FaultsError, match=r"2 rows without a match in 'o': k = 'b'; k = None"):
        lookup(rows, spec, pl.DataFrame({"id": ["a"], "v": [1]}), "join")


@pytest.mark.parametrize(("left", "right"), [(pl.Int64(), pl.String()), (pl.Float64(), pl.Float64()), (pl.Date(), pl.Datetime("us"))])
def test_keys_of_different_kinds_do_not_meet(left: pl.DataType, right: pl.DataType) -> None:
    assert common_key(left, right) is None
