"""Keys of two tables in a common type, and times as moments, whatever slice of the rows is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from runner.bundle.casts import cast
from runner.bundle.contract import shown
from runner.core.faults import Fault, FaultsError

SHOWN_KEYS = 5
TEXTS = (pl.String, pl.Categorical, pl.Enum)
WIDE = (pl.UInt64, pl.Int128, pl.UInt128)


def common_key(left: pl.DataType, right: pl.DataType) -> pl.DataType | None:
    """The type in which two key columns can be compared, or None: keys are never rounded or parsed to fit."""
    if left.is_integer() and right.is_integer():
        return pl.Int128()
    if isinstance(left, TEXTS) and isinstance(right, TEXTS):
        return pl.String()
    return left if left == right and not left.is_float() else None


def held_as(dtype: pl.DataType) -> pl.DataType:
    """The type in which a key column of the matched source is held."""
    if dtype.is_integer():
        return pl.Int128() if isinstance(dtype, WIDE) else pl.Int64()
    return pl.String() if isinstance(dtype, TEXTS) else dtype


def keys_of_source(other: pl.DataFrame, on: Mapping[str, str]) -> list[pl.Series]:
    """The matched source's keys under the names of the rows' columns."""
    return [other[theirs].cast(held_as(other.schema[theirs])).alias(mine) for mine, theirs in on.items()]


def keys_of_rows(rows: pl.DataFrame, types: Mapping[str, pl.DataType]) -> list[pl.Series]:
    """The rows' keys in the types of the source's. A value that does not fit there is equal to none, as null is."""
    return [rows[mine].cast(dtype, strict=False) for mine, dtype in types.items()]


@dataclass
class Moments:
    """A time column of the rows as moments, slice by slice; what is no time is missing, and told at the end.

    Text in which only some values name a zone is ambiguous; that shows only when all slices are seen.
    """

    at: str
    bad: Fault | None = None
    plain: Fault | None = None
    zoned: bool = False

    def read(self, values: pl.Series, rows: pl.Series) -> pl.Series:
        """The values as Datetime in microseconds, UTC where they name a zone. rows: their positions in the source."""
        found = cast(values, "datetime")
        self.zoned = self.zoned or found.zoned
        if found.bad.any() and self.bad is None:
            self.bad = self._fault(values, rows, int(found.bad.arg_max() or 0))
        if found.plain is not None and self.plain is None and found.plain.any():
            self.plain = self._fault(values, rows, int(found.plain.arg_max() or 0))
        return found.values

    def faults(self) -> list[Fault]:
        """What was wrong, the first of it."""
        if self.bad is not None:
            return [self.bad]
        return [self.plain] if self.zoned and self.plain is not None else []

    def _fault(self, values: pl.Series, rows: pl.Series, row: int) -> Fault:
        wrong = f"column {values.name!r} ({values.dtype}): row {rows[row]} (from 0) has {shown(values[row])}"
        return Fault(self.at, wrong, "a date or time, in text all with a zone or all without", "make one under `derive`")


def moments(values: pl.Series, at: str) -> pl.Series:
    """A whole time column as Datetime in microseconds. Raises FaultsError naming the first value that is no time."""
    reading = Moments(at)
    found = reading.read(values, pl.int_range(values.len(), eager=True))
    if faults := reading.faults():
        raise FaultsError(faults)
    return found


def known_from(happened: pl.Expr, lag_hours: float, arrived: pl.Expr | None) -> pl.Expr:
    """When rows became known: the lag after they happened, and not before they arrived; null where one of the times is missing."""
    settled = happened + pl.duration(microseconds=pl.lit(micros(lag_hours)))
    if arrived is None:
        return settled
    return pl.when(settled.is_not_null() & arrived.is_not_null()).then(pl.max_horizontal(settled, arrived))


def micros(hours: float) -> int:
    """Hours in whole microseconds."""
    return round(hours * 3_600_000_000)


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"


def shown_keys(keys: pl.DataFrame, n_keys: int | None = None) -> str:
    """The first keys for a message. n_keys: how many there are, where the frame has not all."""
    many = keys.height if n_keys is None else n_keys
    some = [", ".join(f"{name} = {shown(value)}" for name, value in row.items()) for row in keys.head(SHOWN_KEYS).to_dicts()]
    return "; ".join(some) + (f"; and {many - SHOWN_KEYS} more" if many > SHOWN_KEYS else "")
