"""The flights' weather, lookups and history on all flights of the year: across both changes of the clock, and late in long histories."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.data.test_flights import check_features, check_joins, departures, picks, raw, trained

pytestmark = pytest.mark.slow


@pytest.mark.timeout(1800)
def test_what_any_flight_is_told_was_known_at_its_departure(tmp_path: Path) -> None:
    flights = raw("flights")
    experiment, train = trained(tmp_path, flights)
    clocks = pl.Series(departures(flights)).dt.date()
    nights = [place for place, row in enumerate(train["row_id"]) if (clocks[int(row)].month, clocks[int(row)].day) in ((3, 10), (11, 3))][::60]
    picked = [*picks(train, 60), *nights]
    check_joins(flights, train, picked)
    check_features(experiment, train, picked[:40])
