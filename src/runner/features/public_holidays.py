"""Days of a calendar as a table: holidays, the days to and since them, and business days; scoring then needs no library."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from pydantic import Field

from runner.core.faults import fault, listed, nearest
from runner.core.spec import Spec

WEEKEND = (5, 6)
FIRST_YEAR, LAST_YEAR = 1990, 2050


class HolidaysSpec(Spec):
    """The public holidays of a country or of one of its regions, kept in the bundle as they were known when the step was fitted."""

    country: str = Field(min_length=2)
    """ISO 3166 code of the country, such as DE."""
    region: str | None = None
    """Code of a state or province that has holidays of its own, such as BY for Bavaria."""
    names: list[str] = []
    """Holidays to count the days to and since one by one, each by a part of its English or local name, such as Christmas Day."""
    first_year: int = Field(default=FIRST_YEAR, ge=1900, le=2100)
    """First year that the table covers; earlier dates have no value."""
    last_year: int = Field(default=LAST_YEAR, ge=1900, le=2100)
    """Last year that the table covers: choose it well after the bundle's last use, later dates have no value."""


def day_table(spec: HolidaysSpec | None, at: str) -> pl.DataFrame:
    """A row per day of the years: `day`, `is_business_day`, `business_days` (their number so far) and the columns of holidays.

    Without a spec business days are Monday to Friday, and there are no columns of holidays. at: the key in config, for faults.
    Raises FaultsError for a country, a region or a holiday that is not known. Source of the dates: the package `holidays`.
    """
    years = range(spec.first_year, spec.last_year + 1) if spec else range(FIRST_YEAR, LAST_YEAR + 1)
    if not years:
        raise fault(f"{at}.last_year", f"is before the first year, {years.start}", "a year at or after first_year")
    days = pl.date_range(date(years.start, 1, 1), date(years.stop - 1, 12, 31), eager=True)
    known, weekend = _holidays(spec, years, at) if spec else ({}, WEEKEND)
    is_holiday = days.is_in(sorted(known)).to_numpy()
    is_business = ~is_holiday & ~(days.dt.weekday() - 1).is_in(list(weekend)).to_numpy()
    columns = {"day": days, "is_business_day": is_business.astype(np.int32), "business_days": is_business.cumsum().astype(np.int64)}
    if spec is None:
        return pl.DataFrame(columns)
    columns |= {"is_holiday": is_holiday.astype(np.int32)} | _around(days, is_holiday, "holiday")
    for name in spec.names:
        named = [day for day, called in known.items() if name.casefold() in called.casefold()]
        if not named:
            raise fault(f"{at}.names", f"no holiday there is called {name!r}", "a part of a holiday's name", _nearest_name(name, known.values()))
        columns |= _around(days, days.is_in(sorted(named)).to_numpy(), slug(name))
    return pl.DataFrame(columns)


def made_of(spec: HolidaysSpec) -> list[str]:
    """The columns of holidays that a table of the spec has."""
    return ["is_holiday", *(f"days_{way}_{name}" for name in ("holiday", *map(slug, spec.names)) for way in ("to", "since"))]


def slug(name: str) -> str:
    """A holiday's name as part of a column's.

    >>> slug("New Year's Day")
    'new_year_s_day'
    """
    return re.sub(r"\W+", "_", name.casefold()).strip("_")


def _around(days: pl.Series, marked: np.ndarray, name: str) -> dict[str, pl.Series]:
    """Days to the next and since the last marked day; 0 on the day itself, null before the first and after the last."""
    here = pl.Series(np.arange(days.len())).to_frame("at").with_columns(marked=pl.when(pl.Series(marked)).then(pl.col("at")))
    around = here.select(to=pl.col("marked").backward_fill() - pl.col("at"), since=pl.col("at") - pl.col("marked").forward_fill())
    return {f"days_{way}_{name}": around[way].cast(pl.Int64) for way in ("to", "since")}


def _holidays(spec: HolidaysSpec, years: range, at: str) -> tuple[dict[date, str], Sequence[int]]:
    """Day to its names, English and local, and the days of the weekend (Monday is 0)."""
    import holidays

    countries = holidays.list_supported_countries()
    if spec.country not in countries:
        raise fault(f"{at}.country", f"no country has the code {spec.country!r}", "an ISO 3166 code such as DE or US", nearest(spec.country, countries))
    regions = countries[spec.country]
    if spec.region is not None and spec.region not in regions:
        expected = f"one of {listed(regions, 60)}" if regions else "no region: this country has none with holidays of its own"
        raise fault(f"{at}.region", f"{spec.country} has no region {spec.region!r}", expected, nearest(spec.region, regions))
    local = holidays.country_holidays(spec.country, subdiv=spec.region, years=years)
    languages = getattr(local, "supported_languages", ())
    english = holidays.country_holidays(spec.country, subdiv=spec.region, years=years, language="en_US") if "en_US" in languages else {}
    return {day: f"{english.get(day, '')}; {name}" for day, name in sorted(local.items())}, sorted(local.weekend)


def _nearest_name(name: str, known: object) -> str:
    names = sorted({part.strip() for called in known for part in called.split(";") if part.strip()})  # type: ignore[attr-defined]
    return nearest(name, names) or f"there are {listed(names, 30)}"
