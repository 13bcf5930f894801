"""The flights' weather, lookups and history against loops over the raw tables: nothing of it was known only later.

Here on the flights of January, in tests/slow/test_point_in_time.py on all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import ROOT

from runner.core.files import write_json
from runner.core.registry import part
from runner.core.stage import Given
from runner.core.workspace import Workspace
from runner.data import stage
from runner.data.spec import DataSpec
from runner.experiment.compose import compose
from runner.features.steps.fitting import Fitting
from runner.pipeline.stages import stage_of
from runner.problem.task import Task

RAW = "data/raw/nycflights_{}.parquet"
LAG = timedelta(hours=24)
Row = Mapping[str, Any]


def raw(name: str) -> pl.DataFrame:
    return pl.read_parquet(ROOT / RAW.format(name))


def departures(flights: pl.DataFrame) -> list[datetime]:
    hours = [datetime.fromisoformat(text).replace(tzinfo=None) for text in flights["time_hour"]]
    return [hour + timedelta(minutes=minute) for hour, minute in zip(hours, flights["minute"], strict=True)]


def trained(root: Path, flights: pl.DataFrame) -> tuple[Any, pl.DataFrame]:
    """The experiment with a history join more, and the training rows that the data room makes of these flights."""
    (root / "data/raw").mkdir(parents=True)
    flights.write_parquet(root / RAW.format("flights"))
    for name in ("weather", "planes", "airlines", "airports"):
        raw(name).write_parquet(root / RAW.format(name))
    experiment = compose(Workspace(ROOT), ["+experiment=flight_delay"])
    declared = experiment.data.model_dump(mode="python")
    declared["joins"]["week"] = {
        "kind": "history",
        "source": "flights",
        "by": {"tailnum": "tailnum"},
        "time": "scheduled_departure",
        "source_time": "scheduled_departure",
        "lag_hours": 24.0,
        "aggregates": {"flown": {"how": "count", "within_days": 7.0}, "delay": {"how": "mean", "of": "arr_delay", "within_days": 7.0}},
    }
    declared["columns"] |= {"flown": {"type": "int", "nullable": True}, "delay": {"type": "float", "nullable": True}}
    declared["order"] = {}
    write_json(root / "task.json", Task("binary", "outcome", "a flight", "late", ("late", "on_time"), time="scheduled_departure").as_json())
    out = {name: root / "out" / name for name in stage_of("data").writes}
    stage.run(DataSpec.model_validate(declared), Given({"task": root / "task.json"}, "flight_delay", 1, root, root / ".runner"), out)
    return experiment, pl.read_parquet(out["train"])


def check_joins(flights: pl.DataFrame, train: pl.DataFrame, picked: list[int]) -> None:
    """Sampled rows against a loop over every raw row."""
    times, observations = departures(flights), raw("weather").rows(named=True)
    taken = [datetime.fromisoformat(row["time_hour"]).replace(tzinfo=None) for row in observations]
    planes = {row["tailnum"]: row for row in raw("planes").rows(named=True)}
    airlines, airports = dict(raw("airlines").rows()), {row["faa"]: row for row in raw("airports").rows(named=True)}
    tails, delays = flights["tailnum"].to_list(), flights["arr_delay"].to_list()
    for place in picked:
        row = train.row(place, named=True)
        now = times[row["row_id"]]
        assert row["scheduled_departure"] == now
        known = [
            (at, n)
            for n, (at, seen) in enumerate(zip(taken, observations, strict=True))
            if seen["origin"] == row["origin"] and at <= now - timedelta(minutes=30)
        ]
        latest = max(known, default=None)
        fresh = latest is not None and now - latest[0] <= timedelta(hours=6)
        weather: Row = observations[latest[1]] if latest is not None and fresh else {}
        assert all(
            alike(row[name], weather.get(name)) for name in ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")
        )
        plane: Row = planes.get(row["tailnum"], {})
        assert [row["plane_built"], row["plane_seats"], row["plane_maker"]] == [plane.get("year"), plane.get("seats"), plane.get("manufacturer")]
        assert row["airline"] == airlines[row["carrier"]]
        assert row["dest_alt"] == airports.get(row["dest"], {}).get("alt")
        past = [n for n, at in enumerate(times) if tails[n] == row["tailnum"] and now - timedelta(days=7) <= at < now - LAG]
        values = [delays[n] for n in past if delays[n] is not None]
        assert row["flown"] == (None if row["tailnum"] is None else len(past))
        assert alike(row["delay"], sum(values) / len(values) if values and row["tailnum"] is not None else None)


def check_features(experiment: Any, train: pl.DataFrame, picked: list[int]) -> None:
    """The history of aircraft and route that the recipe makes, against a loop over the training rows."""
    rows = train.with_columns(route=pl.col("origin") + "-" + pl.col("dest"))
    steps = experiment.features.steps
    own = {
        name: part("step", "history")(steps[name], Fitting(name, rows, np.zeros((rows.height, 1)), ("",), 1)).own for name in ("aircraft_past", "route_past")
    }
    every = rows.select("scheduled_departure", "arr_delay", "tailnum", "carrier", "route").rows(named=True)
    for place in picked:
        row = every[place]
        before = [other for other in every if other["scheduled_departure"] < row["scheduled_departure"] - LAG]
        flown = [other for other in before if row["tailnum"] is not None and other["tailnum"] == row["tailnum"]]
        same = [other for other in before if (other["carrier"], other["route"]) == (row["carrier"], row["route"])]
        found = own["aircraft_past"].row(place, named=True) | own["route_past"].row(place, named=True)
        assert found["aircraft_flights"] == len(flown)
        assert alike(found["aircraft_late_share"], late_share(flown))
        assert alike(found["route_late_share"], late_share(same))
        assert alike(found["route_mean_delay"], sum(other["arr_delay"] for other in same) / len(same) if same else None)


def late_share(flights: list[Row]) -> float | None:
    return sum(flight["arr_delay"] > 30 for flight in flights) / len(flights) if flights else None


def alike(found: float | None, expected: float | None) -> bool:
    return found is expected if found is None or expected is None else isclose(found, expected, rel_tol=1e-9)


def picks(train: pl.DataFrame, n: int) -> list[int]:
    """Sampled places, the first and the last among them."""
    return [0, train.height - 1, *np.random.default_rng(5).choice(train.height, n, replace=False).tolist()]


@pytest.mark.parametrize("days", [14])
def test_what_a_flight_is_told_was_known_at_its_departure(tmp_path: Path, days: int) -> None:
    flights = raw("flights").filter((pl.col("month") == 1) & (pl.col("day") <= days))
    experiment, train = trained(tmp_path, flights)
    picked = picks(train, 25)
    assert train["temp"].null_count() < train.height / 10
    check_joins(flights, train, picked)
    check_features(experiment, train, picked)
