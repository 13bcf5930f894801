"""What steps that learn nothing promise beyond the contract of every kind."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bundle import recipe
from runner.core.faults import FaultsError
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec

ROWS = pl.DataFrame(
    {
        "at": [datetime(2024, 5, 1, 9), datetime(2024, 5, 2, 17)],
        "day": [date(2024, 5, 1), date(2024, 5, 2)],
        "lat": [41.9, 59.9],
        "city": ["Rome", "Oslo"],
        "note": ["a", "B 2"],
    }
)


def planned(step: dict[str, Any], rows: pl.DataFrame = ROWS) -> pl.DataFrame:
    """The rows with what a step makes of them."""
    return plan(FeaturesSpec.model_validate({"steps": {"made": step}}), rows, np.zeros((rows.height, 1)), [""], [])[1]


def fault_of(step: dict[str, Any]) -> str:
    with pytest.raises(FaultsError) as refused:
        planned(step)
    return "\n".join(map(str, refused.value.faults))


def holidays(**keys: Any) -> dict[str, Any]:
    return {"kind": "calendar", "column": "day", "holidays": keys}


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (holidays(country="QQ"), ("features.steps.made.holidays.country", "no country has the code 'QQ'")),
        (holidays(country="DE", region="Bayern"), ("features.steps.made.holidays.region", "DE has no region 'Bayern'", "BB, BE, BW, BY")),
        (holidays(country="DE", names=["Chrismas Day"]), ("holidays.names", "no holiday there is called", "did you mean 'Christmas Day'?")),
        (holidays(country="DE", first_year=2030, last_year=2020), ("holidays.last_year", "before the first year")),
        ({"kind": "calendar", "column": "day", "parts": ["hour"]}, ("features.steps.made.column", "it has no hour", "a datetime column")),
        ({"kind": "calendar", "column": "at", "hours_since": ["city"]}, ("features.steps.made.hours_since", "'city' is String", "a date or datetime column")),
        (
            {"kind": "distance", "distances": {"km": {"start": ["lat", "city"], "end": ["lat", "lat"]}}},
            ("features.steps.made.distances.km", "'city' is String", "degrees"),
        ),
        ({"kind": "arithmetic", "make": ["ratio"], "columns": ["lat", "city"]}, ("features.steps.made.columns", "'city' is String", "a number")),
        ({"kind": "text_counts", "columns": ["note"], "patterns": {"odd": "(["}}, ("features.steps.made.patterns.odd", "is no regular expression")),
        ({"kind": "text_counts", "columns": ["lat"], "counts": ["length"]}, ("features.steps.made.columns", "'lat' is Float64", "a text column")),
        ({"kind": "unnest", "column": "city", "format": "nested", "make": ["length"]}, ("features.steps.made.column", "a list or a struct")),
        ({"kind": "distance", "distances": {"km": {"start": ["lat", "lon"], "end": ["lat", "lat"]}}}, ("names a column 'lon' that is not there",)),
    ],
)
def test_what_a_step_cannot_work_with_is_told_at_its_key(step: dict[str, Any], told: tuple[str, ...]) -> None:
    found = fault_of(step)
    assert all(words in found for words in told), found


@pytest.mark.parametrize(
    "step",
    [
        {"kind": "calendar", "column": "at"},
        {"kind": "arithmetic", "make": ["ratio"], "columns": ["lat"]},
        {"kind": "text_counts", "columns": ["note"]},
        {"kind": "unnest", "column": "note"},
        {"kind": "unnest", "column": "note", "format": "separated", "fields": {"a": "text"}},
    ],
)
def test_a_step_that_would_make_nothing_is_refused(step: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"makes no column|names no pair|has no fields"):
        FeaturesSpec.model_validate({"steps": {"made": step}})


def test_holidays_are_those_of_the_region_and_reach_ten_years_on() -> None:
    import holidays as library

    known = library.country_holidays("DE", subdiv="BY", years=range(2020, 2037))
    days = pl.date_range(date(2020, 1, 1), date(2036, 12, 31), eager=True)
    made = planned({"kind": "calendar", "column": "day", "holidays": {"country": "DE", "region": "BY"}}, pl.DataFrame({"day": days}))
    assert made["day_is_holiday"].to_list() == [int(day in known) for day in days]
    ahead = [next(n for n in range(400) if day + timedelta(days=n) in known) for day in days.head(1000)]
    assert made["day_days_to_holiday"].head(1000).to_list() == ahead


@given(st.lists(st.tuples(st.dates(date(1991, 1, 1), date(2049, 1, 1)), st.dates(date(1991, 1, 1), date(2049, 1, 1))), min_size=1, max_size=20))
def test_business_days_are_counted_as_numpy_counts_them(pairs: list[tuple[date, date]]) -> None:
    rows = pl.DataFrame(pairs, schema={"day": pl.Date, "before": pl.Date}, orient="row")
    made = planned({"kind": "calendar", "column": "day", "business_days_since": ["before"]}, rows)
    one = timedelta(days=1)
    expected = np.busday_count([b + one for _, b in pairs], [d + one for d, _ in pairs])
    # NumPy leaves out the day before where the order is turned round; the difference of two counts does not care.
    forward = np.array([d >= b for d, b in pairs])
    backward = -np.busday_count([d + one for d, _ in pairs], [b + one for _, b in pairs])
    assert made["day_business_days_since_before"].to_list() == np.where(forward, expected, backward).tolist()


def test_no_helper_column_becomes_a_feature() -> None:
    spec = FeaturesSpec.model_validate({"steps": {"made": {"kind": "calendar", "column": "at", "business_days_since": ["day"], "parts": ["is_business_day"]}}})
    found, _ = plan(spec, ROWS, np.zeros((2, 1)), [""], [])
    assert [f["name"] for f in found.features if f["name"].startswith(("at", recipe.HIDDEN))] == ["at_is_business_day", "at_business_days_since_day"]


COORDINATES = st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180))


@given(COORDINATES)
def test_a_distance_is_the_same_both_ways_and_at_most_half_around_the_earth(places: tuple[float, float, float, float]) -> None:
    names = ["a", "b", "c", "d"]
    distances = {"there": {"start": ["a", "b"], "end": ["c", "d"]}, "back": {"start": ["c", "d"], "end": ["a", "b"]}}
    made = planned({"kind": "distance", "distances": distances}, pl.DataFrame([places], schema=names, orient="row"))
    there, back = made["there"].item(), made["back"].item()
    assert there == pytest.approx(back)
    assert 0 <= there <= math.pi * 6371.01
