"""Joins against loops that are too simple to be wrong, on rows with ties, gaps, zones, leap days and late arrivals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import isclose, isfinite
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from runner.core.faults import FaultsError
from runner.data.joins.check import check
from runner.data.joins.keys import common_key
from runner.data.joins.prepare import prepare
from runner.data.joins.prepared import POSITION, Prepared
from runner.data.joins.spec import AggregateSpec, AnyJoinSpec, AsofSpec, HistorySpec, LookupSpec

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2020, 1, 1)
# Hours around a leap day, and around the two nights of 2020 in which Berlin's clocks were changed: one hour is missing, one is there twice.
NIGHTS = [datetime(2020, 2, 28, 22), datetime(2020, 3, 28, 23), datetime(2020, 10, 24, 22)]
MOMENTS = st.none() | st.builds(lambda night, quarters: night + timedelta(minutes=15 * quarters), st.sampled_from(NIGHTS), st.integers(0, 30))
KEYS = st.none() | st.sampled_from(["a", "b", ""])
ROWS = st.lists(st.tuples(MOMENTS, KEYS, st.integers(0, 1)), max_size=12)
VALUES = st.none() | st.integers(-3, 9) | st.floats(-100, 100) | st.just(float("nan")) | st.just(float("inf"))
EVENTS = st.lists(st.tuples(MOMENTS, KEYS, st.integers(0, 1), st.none() | st.integers(-4, 20), VALUES), max_size=14)
LAGS = st.sampled_from([0.0, 0.25, 1.0, 2.5])
# How times are written: naive, with a zone, or as text with one.
FORMS = st.sampled_from(["naive", "berlin", "text"])


def joined(rows: pl.DataFrame, spec: AnyJoinSpec, other: pl.DataFrame, at: str = "join", slice_rows: int = 0) -> tuple[pl.DataFrame, Prepared]:
    """The rows with the join's columns, made slice by slice, and the join as it ended. Raises FaultsError with what it found."""
    made = prepare(spec, other, at)
    positioned = rows.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias(POSITION))
    slices = [positioned] if not slice_rows else [positioned.slice(first, slice_rows) for first in range(0, max(rows.height, 1), slice_rows)]
    found = pl.concat([made.add(part) for part in slices])
    if faults := made.faults():
        raise FaultsError(faults)
    return found.drop(POSITION), made


def written(times: list[datetime | None], form: str) -> pl.Series:
    """Moments of UTC as a source may have them."""
    naive = pl.Series(times, dtype=pl.Datetime("us"))
    if form == "naive":
        return naive
    if form == "berlin":
        return naive.dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    return pl.Series([None if t is None else t.replace(tzinfo=UTC).astimezone(BERLIN).isoformat() for t in times], dtype=pl.String)


def are_mixed(rows: list[Any], form: str, events: list[Any], other_form: str) -> bool:
    """Whether one side names a zone and the other does not; text tells where a time is written."""
    told = [f for f, times in ((form, rows), (other_form, events)) if f != "text" or any(t[0] is not None for t in times)]
    return len(told) == 2 and (told[0] == "naive") != (told[1] == "naive")


def rows_of(rows: list[Any], form: str = "naive") -> pl.DataFrame:
    return pl.DataFrame(
        {"t": written([r[0] for r in rows], form), "k": pl.Series([r[1] for r in rows], dtype=pl.String), "n": pl.Series([r[2] for r in rows], dtype=pl.Int64)}
    )


def events_of(events: list[Any], form: str = "naive") -> pl.DataFrame:
    """Events with key and number, when they happened, when they arrived, a value, and their place."""
    arrived = [None if e[0] is None or e[3] is None else e[0] + timedelta(minutes=30 * e[3]) for e in events]
    return pl.DataFrame(
        {
            "at": written([e[0] for e in events], form),
            "key": pl.Series([e[1] for e in events], dtype=pl.String),
            "m": pl.Series([e[2] for e in events], dtype=pl.Int16),
            "arrived": written(arrived, form),
            "value": pl.Series([None if e[4] is None else float(e[4]) for e in events], dtype=pl.Float64),
            "v": pl.Series(range(len(events)), dtype=pl.Int64),
        }
    )


def known_at(event: Any, lag: float, arrives: bool) -> datetime | None:
    """When an event became known."""
    happened, _, _, delay, _ = event
    if happened is None or (arrives and delay is None):
        return None
    settled = happened + timedelta(hours=lag)
    return max(settled, happened + timedelta(minutes=30 * delay)) if arrives else settled


# ---- as-of ----------------------------------------------------------------------------------------------------------


def latest_known(rows: list[Any], events: list[Any], lag: float, tolerance: float | None, arrives: bool) -> list[int | None]:
    """For each row the place of the last of the latest events that were known, if it is young enough."""
    found: list[int | None] = []
    for time, key, number in rows:
        best: tuple[datetime, int] | None = None
        for place, event in enumerate(events):
            known = known_at(event, lag, arrives)
            if time is None or known is None or key is None or (key, number) != (event[1], event[2]):
                continue
            if known <= time and (best is None or (event[0], place) > best):
                best = (event[0], place)
        too_old = best is not None and tolerance is not None and time - best[0] > timedelta(hours=tolerance)
        found.append(None if best is None or too_old else best[1])
    return found


@settings(max_examples=50)
@given(ROWS, EVENTS, LAGS, st.sampled_from([None, 0.5, 3.0]), st.booleans(), FORMS, FORMS, st.sampled_from([0, 1, 5]))
def test_asof_equals_a_loop(
    rows: list[Any], events: list[Any], lag: float, tolerance: float | None, arrives: bool, form: str, other_form: str, slice_rows: int
) -> None:
    left = rows_of(rows, form)
    spec = AsofSpec(
        kind="asof",
        source="o",
        by={"k": "key", "n": "m"},
        time="t",
        source_time="at",
        lag_hours=lag,
        tolerance_hours=tolerance,
        arrival="arrived" if arrives else None,
        columns={"found": "v"},
    )
    if are_mixed(rows, form, events, other_form):
        with pytest.raises(FaultsError, match="both with a zone, or both without"):
            joined(left, spec, events_of(events, other_form), slice_rows=slice_rows)
        return
    found, made = joined(left, spec, events_of(events, other_form), slice_rows=slice_rows)
    assert found["found"].to_list() == latest_known(rows, events, lag, tolerance, arrives)
    assert_frame_equal(found.drop("found"), left)
    assert made.tally.matched == found["found"].count()


def test_asof_without_a_key_reads_times_as_text() -> None:
    rows = pl.DataFrame({"t": ["2020-01-01T05:00:00Z", "2020-01-01T03:00:00Z"]})
    other = pl.DataFrame({"t": ["2020-01-01T04:00:00Z"], "v": [1]})
    spec = AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"})
    assert joined(rows, spec, other)[0]["v"].to_list() == [1, None]


def test_asof_counts_ties_and_takes_the_last() -> None:
    other = pl.DataFrame({"t": [START, START], "v": [1, 2]})
    found, made = joined(pl.DataFrame({"t": [START]}), AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"}), other)
    assert (found["v"].to_list(), made.tally.ties) == ([2], 1)


def test_asof_does_not_let_a_late_arrival_take_the_place_of_newer_news() -> None:
    hours = [START + timedelta(hours=h) for h in range(4)]
    other = pl.DataFrame({"t": [hours[0], hours[1]], "arrived": [hours[3], hours[1]], "v": ["old", "new"]})
    spec = AsofSpec(kind="asof", source="o", time="t", source_time="t", arrival="arrived", columns={"v": "v"})
    assert joined(pl.DataFrame({"t": hours}), spec, other)[0]["v"].to_list() == [None, "new", "new", "new"]


SINGLE = AsofSpec(kind="asof", source="o", time="t", source_time="t", columns={"v": "v"})


@pytest.mark.parametrize("slice_rows", [0, 1])
def test_asof_names_a_value_that_is_no_time(slice_rows: int) -> None:
    rows = pl.DataFrame({"t": ["2020-01-01", "soon"]})
    with pytest.raises(FaultsError, match=r"join\.time: column 't' \(String\): row 1 \(from 0\) has 'soon'"):
        joined(rows, SINGLE, pl.DataFrame({"t": [START], "v": [1]}), slice_rows=slice_rows)


@pytest.mark.parametrize("slice_rows", [0, 1])
def test_times_with_and_without_a_zone_do_not_mix_whatever_slice_they_stand_in(slice_rows: int) -> None:
    rows = pl.DataFrame({"t": ["2020-01-01T00:00:00", "2020-01-01T00:00:00Z"]})
    with pytest.raises(FaultsError, match=r"row 0 \(from 0\) has '2020-01-01T00:00:00'"):
        joined(rows, SINGLE, pl.DataFrame({"t": [START], "v": [1]}), slice_rows=slice_rows)


def test_local_times_do_not_meet_moments_with_a_zone() -> None:
    rows = pl.DataFrame({"t": ["2020-07-01 20:00:00"]})
    seen = pl.DataFrame({"t": [datetime(2020, 7, 1, 20, 45)], "v": [1]}).with_columns(pl.col("t").dt.replace_time_zone("Europe/Berlin"))
    expected = r"join\.time: 't' has no zone, and 't' of 'o' is in the zone Europe/Berlin.*\n.*both with a zone, or both without\n.*`derive`.*TIMESTAMPTZ"
    with pytest.raises(FaultsError, match=expected):
        joined(rows, SINGLE, seen)
    moments = rows.with_columns(pl.col("t").str.to_datetime())
    assert "Europe/Berlin" in str(check(SINGLE, moments.schema, seen.schema, "join")[0][0])
    local = seen.with_columns(pl.sql_expr("STRFTIME(t, '%Y-%m-%dT%H:%M:%S')").alias("t"))
    assert joined(rows, SINGLE, local)[0]["v"].to_list() == [None]


def test_an_arrival_without_a_zone_does_not_meet_a_time_with_one() -> None:
    other = pl.DataFrame({"t": ["2020-01-01T00:00:00Z"], "came": [START], "v": [1]})
    with pytest.raises(FaultsError, match=r"join\.arrival: 'came' of 'o' has no zone, and 't' of 'o' names a zone in its text"):
        joined(pl.DataFrame({"t": ["2020-01-01T00:00:00Z"]}), SINGLE.model_copy(update={"arrival": "came"}), other)


DAYS = st.lists(st.none() | st.dates(date(2020, 2, 27), date(2020, 3, 2)), max_size=8)


@settings(max_examples=40)
@given(ROWS, DAYS, DAYS, st.sampled_from([None, 0.0, 30.0]), st.booleans(), st.booleans())
def test_a_date_is_known_when_its_day_is_over(
    rows: list[Any], days: list[date | None], arrivals: list[date | None], lag: float | None, arrives: bool, is_text: bool
) -> None:
    """Of as-of and history alike: a lag that is declared counts from midnight, and a date of arrival is a whole day too."""
    arrivals = [*arrivals, *[None] * len(days)][: len(days)]
    other = pl.DataFrame(
        {"d": pl.Series(days, dtype=pl.Date), "came": pl.Series(arrivals, dtype=pl.Date), "k": pl.Series(["a"] * len(days), dtype=pl.String)}
    ).with_row_index("v")
    other = other.with_columns(pl.col("d", "came").cast(pl.String)) if is_text else other
    timed: dict[str, Any] = {"source": "o", "by": {"k": "k"}, "time": "t", "source_time": "d", "lag_hours": lag, "arrival": "came" if arrives else None}
    seen, _ = joined(rows_of(rows), AsofSpec(kind="asof", columns={"v": "v"}, **timed), other)
    past, _ = joined(rows_of(rows), HistorySpec(kind="history", aggregates={"n": AggregateSpec(how="count")}, **timed), other)
    for (time, key, _), found, count in zip(rows, seen["v"], past["n"], strict=True):
        if time is None or key is None:
            assert (found, count) == (None, None)
            continue
        known, before = [], 0
        for place, (day, arrival) in enumerate(zip(days, arrivals, strict=True)):
            if key != "a" or day is None or (arrives and arrival is None):
                continue
            midnight = datetime(day.year, day.month, day.day)
            # A whole day that is over lies before whatever comes at its last midnight; a declared moment must have passed.
            bounds = (
                [(midnight + timedelta(hours=lag or 0), lag is None and not arrives)] if lag is not None or arrives else [(midnight + timedelta(days=1), True)]
            )
            if arrives and arrival is not None:
                bounds.append((datetime(arrival.year, arrival.month, arrival.day) + timedelta(days=1), True))
            if all(moment <= time for moment, _ in bounds):
                known.append((day, place))
            before += all(moment <= time if is_day else moment < time for moment, is_day in bounds)
        assert (found, count) == (max(known)[1] if known else None, before)


# ---- history --------------------------------------------------------------------------------------------------------


def aggregated(how: str, past: list[tuple[datetime, int, float | None]], time: datetime) -> float | None:
    """One aggregate over (when, place, value) of the past events; value None counts as missing."""
    valued = [(when, place, v) for when, place, v in past if v is not None]
    values = [v for _, _, v in valued]
    if how == "count":
        return len(valued)
    if not valued:
        return None
    if how == "hours_since_last":
        return (time - max(when for when, _, _ in valued)) / timedelta(hours=1)
    if how == "trend":
        days = [(when - START) / timedelta(days=1) for when, _, _ in valued]
        center, mean = sum(days) / len(days), sum(values) / len(values)
        spread = sum((d - center) ** 2 for d in days)
        return None if len(set(days)) < 2 else sum((d - center) * (v - mean) for d, v in zip(days, values, strict=True)) / spread
    return {"sum": sum(values), "mean": sum(values) / len(values), "min": min(values), "max": max(values), "last": max(valued)[2]}[how]


def alike(found: float | None, expected: float | None) -> bool:
    return found is expected if expected is None or found is None else isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6)


def finite(value: Any) -> float | None:
    return float(value) if value is not None and isfinite(value) else None


@settings(max_examples=60)
@given(ROWS, EVENTS, LAGS, st.sampled_from([None, 0.05, 0.5, 40.0]), st.booleans(), FORMS, FORMS, st.sampled_from([0, 1, 5]))
def test_history_equals_a_loop(
    rows: list[Any], events: list[Any], lag: float, window: float | None, arrives: bool, form: str, other_form: str, slice_rows: int
) -> None:
    hows = ("count", "sum", "mean", "min", "max", "last", "trend", "hours_since_last")
    declared = {how: AggregateSpec(how=how, of="value", within_days=window) for how in hows}
    # Other windows beside it, and aggregates over every event.
    declared |= {"all": AggregateSpec(how="count"), "since": AggregateSpec(how="hours_since_last", within_days=window)}
    spec = HistorySpec(
        kind="history",
        source="o",
        by={"k": "key", "n": "m"},
        time="t",
        source_time="at",
        lag_hours=lag,
        arrival="arrived" if arrives else None,
        aggregates=declared,
    )
    left = rows_of(rows, form)
    if are_mixed(rows, form, events, other_form):
        with pytest.raises(FaultsError, match="both with a zone, or both without"):
            joined(left, spec, events_of(events, other_form), slice_rows=slice_rows)
        return
    found, _ = joined(left, spec, events_of(events, other_form), slice_rows=slice_rows)
    assert_frame_equal(found.select(left.columns), left)
    for n, (time, key, number) in enumerate(rows):
        row = found.row(n, named=True)
        if time is None or key is None:
            assert all(row[name] is None for name in declared)
            continue
        known = [
            (event[0], place, finite(event[4]))
            for place, event in enumerate(events)
            if (event[1], event[2]) == (key, number) and (since := known_at(event, lag, arrives)) is not None and since < time
        ]
        young = known if window is None else [e for e in known if time - e[0] <= timedelta(days=window)]
        assert row["all"] == len(known)
        expected = {how: aggregated(how, young, time) for how in hows}
        expected["since"] = aggregated("hours_since_last", [(w, p, 0.0) for w, p, _ in young], time)
        assert all(alike(row[how], value) for how, value in expected.items()), (row, expected)


def test_history_over_the_rows_own_source_never_sees_the_row_itself_or_its_moment() -> None:
    hours = [START + timedelta(hours=h) for h in (0, 1, 1, 2)]
    flights = pl.DataFrame({"plane": ["x"] * 4, "at": hours, "late": [True, False, True, True]})
    aggregates = {"flown": AggregateSpec(how="count"), "late_share": AggregateSpec(how="mean", of="late")}
    spec = HistorySpec(kind="history", source="flights", by={"plane": "plane"}, time="at", source_time="at", aggregates=aggregates)
    found, made = joined(flights, spec, flights)
    assert found["flown"].to_list() == [0, 1, 1, 3]
    assert found["late_share"].to_list() == [None, 1.0, 1.0, pytest.approx(2 / 3)]
    assert made.tally.as_json() == {"matched": 3, "unmatched": 1, "ties": 0}


def test_history_keeps_text_and_whole_numbers_as_they_are() -> None:
    large = 2**53 + 1
    other = pl.DataFrame({"k": [1, 1], "at": [START, START + timedelta(hours=1)], "n": [large, 3], "word": ["a", None]})
    aggregates = {"max": AggregateSpec(how="max", of="n"), "last": AggregateSpec(how="last", of="word")}
    spec = HistorySpec(kind="history", source="o", by={"k": "k"}, time="t", source_time="at", aggregates=aggregates)
    rows = pl.DataFrame({"k": [1, 2], "t": [START + timedelta(days=1)] * 2})
    assert joined(rows, spec, other)[0].select("max", "last").rows() == [(large, "a"), (None, None)]


def test_a_large_value_leaves_no_rounding_behind_when_it_leaves_the_window() -> None:
    days = [START + timedelta(days=d) for d in range(6)]
    other = pl.DataFrame({"k": [1] * 6, "at": days, "v": [0.1, 1e300, 0.1, 0.1, 0.1, 0.1]})
    spec = HistorySpec(
        kind="history", source="o", by={"k": "k"}, time="t", source_time="at", aggregates={"sum": AggregateSpec(how="sum", of="v", within_days=2)}
    )
    rows = pl.DataFrame({"k": [1], "t": [START + timedelta(days=5)]})
    assert joined(rows, spec, other)[0]["sum"].to_list() == [0.2]


def test_the_trend_of_a_short_window_is_right_long_after_the_first_event() -> None:
    times = [START, *[START + timedelta(days=9000, seconds=s) for s in range(5)]]
    other = pl.DataFrame({"k": [1] * 6, "at": times, "v": [0.0, *[1e6 + 2 * s for s in range(5)]]})
    spec = HistorySpec(
        kind="history", source="o", by={"k": "k"}, time="t", source_time="at", aggregates={"trend": AggregateSpec(how="trend", of="v", within_days=1)}
    )
    rows = pl.DataFrame({"k": [1], "t": [START + timedelta(days=9000, hours=1)]})
    assert joined(rows, spec, other)[0]["trend"].to_list() == [pytest.approx(2 * 86400, rel=1e-6)]


# ---- lookup ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.none() | st.integers(0, 5)), st.lists(st.none() | st.integers(0, 5), unique=True), st.sampled_from([0, 1, 3]))
def test_lookup_keeps_rows_in_order(keys: list[int | None], known: list[int | None], slice_rows: int) -> None:
    rows = pl.DataFrame({"k": pl.Series(keys, dtype=pl.Int32)})
    other = pl.DataFrame({"id": pl.Series(known, dtype=pl.Int64), "v": [f"v{k}" for k in known]}, schema_overrides={"v": pl.String})
    found, _ = joined(rows, LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"w": "v"}), other, slice_rows=slice_rows)
    assert found["k"].to_list() == keys
    assert found["w"].to_list() == [f"v{k}" if k is not None and k in known else None for k in keys]


def test_lookup_refuses_a_key_that_stands_twice() -> None:
    rows = pl.DataFrame({"k": ["a"]})
    other = pl.DataFrame({"id": ["a", "a", None, None], "v": [1, 2, 3, 4]})
    with pytest.raises(FaultsError) as caught:
        joined(rows, LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}), other, "data.joins.o")
    assert "data.joins.o.keys: 1 key of 'o' with more than one row: k = 'a'" in str(caught.value)
    assert "history join" in str(caught.value)


@pytest.mark.parametrize("slice_rows", [0, 1])
def test_lookup_that_expects_all_names_what_is_missing(slice_rows: int) -> None:
    rows = pl.DataFrame({"k": ["a", "b", None]})
    spec = LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}, expect="all")
    with pytest.raises(FaultsError, match=r"2 rows without a match in 'o': k = 'b'; k = None"):
        joined(rows, spec, pl.DataFrame({"id": ["a"], "v": [1]}), slice_rows=slice_rows)


@pytest.mark.parametrize("slice_rows", [0, 1])
def test_lookup_one_to_one_refuses_a_match_that_two_rows_share(slice_rows: int) -> None:
    rows = pl.DataFrame({"k": ["a", "b", "a", None, None]})
    other = pl.DataFrame({"id": ["a", "b"], "v": [1, 2]})
    spec = LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}, cardinality="one_to_one")
    with pytest.raises(FaultsError, match=r"join\.cardinality: 1 key of 'o' matched by more than one row: k = 'a'"):
        joined(rows, spec, other, slice_rows=slice_rows)
    assert joined(rows[1:3], spec, other)[0]["v"].to_list() == [2, 1]


def test_keys_beyond_the_range_of_the_other_side_match_nothing() -> None:
    rows = pl.DataFrame({"k": pl.Series([2**63 + 1, 5], dtype=pl.UInt64)})
    found, _ = joined(rows, LookupSpec(kind="lookup", source="o", keys={"k": "id"}, columns={"v": "v"}), pl.DataFrame({"id": [5], "v": [1]}))
    assert found["v"].to_list() == [None, 1]


@pytest.mark.parametrize(("left", "right"), [(pl.Int64(), pl.String()), (pl.Float64(), pl.Float64()), (pl.Date(), pl.Datetime("us"))])
def test_keys_of_different_kinds_do_not_meet(left: pl.DataType, right: pl.DataType) -> None:
    assert common_key(left, right) is None
