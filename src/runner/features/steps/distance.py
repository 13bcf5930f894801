"""How far two places on earth lie apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.bundle.recipe import Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.core.spec import Complaint, Spec
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

# Mean radius of the earth (IUGG), in kilometres and in statute miles.
RADIUS = {"km": 6371.0088, "mi": 3958.7613}


class PlacesSpec(Spec):
    """Two places, each the columns of its latitude and its longitude in degrees."""

    start: list[str] = Field(min_length=2, max_length=2)
    """Latitude and longitude of the one place."""
    end: list[str] = Field(min_length=2, max_length=2)
    """Latitude and longitude of the other."""


class DistanceSpec(StepSpec):
    """Great-circle distances; none where a coordinate is missing or no coordinate at all.

    Source: Sinnott (1984), virtues of the haversine, with the mean radius of the earth: right to about 0.5%.
    """

    learns: ClassVar[bool] = False
    kind: Literal["distance"]
    distances: dict[str, PlacesSpec] = Field(min_length=1)
    """New column to the two places whose distance it holds."""
    unit: Literal["km", "mi"] = "km"
    """Kilometres or miles."""

    def reads(self) -> dict[str, list[str]]:
        return {f"distances.{name}": [*places.start, *places.end] for name, places in self.distances.items()}

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        for key, columns in self.reads().items():
            for column in columns:
                if column in schema and not schema[column].is_numeric():
                    yield Complaint(tuple(key.split(".", 1)), f"{column!r} is {schema[column]}", "a number of degrees", "declare its type in data.columns")


@register("step", DistanceSpec)
def fit(spec: DistanceSpec, given: Fitting) -> FittedStep:
    """Nothing is learned: each distance is an SQL expression."""
    columns = {name: _haversine(places, RADIUS[spec.unit]) for name, places in spec.distances.items()}
    return FittedStep((Project(columns),), tuple(columns))


def _haversine(places: PlacesSpec, radius: float) -> str:
    (lat, lon), (to_lat, to_lon) = ([quoted(c) for c in place] for place in (places.start, places.end))
    up, across = (f"SIN(RADIANS({b} - {a}) / 2)" for a, b in ((lat, to_lat), (lon, to_lon)))
    half = f"{up} * {up} + COS(RADIANS({lat})) * COS(RADIANS({to_lat})) * {across} * {across}"
    valid = " AND ".join([*(f"{c} BETWEEN -90 AND 90" for c in (lat, to_lat)), *(f"{c} BETWEEN -360 AND 360" for c in (lon, to_lon))])
    return f"CASE WHEN {valid} THEN {2 * radius!r} * ASIN(LEAST(1.0, SQRT({half}))) END"
