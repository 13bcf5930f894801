"""What the plain functions are put together from."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

Values = Mapping[str, Any]
Function = Callable[[Values], Any]

BITS: dict[pl.DataType, int] = {pl.Int8(): 7, pl.Int16(): 15, pl.Int32(): 31, pl.Int64(): 63}
FLOAT, TEXT, TRUTH, DAY, NOTHING = pl.Float64(), pl.String(), pl.Boolean(), pl.Date(), pl.Null()
MOMENT = pl.Datetime("us")
START = datetime(1970, 1, 1)
PLAIN = (*BITS, FLOAT, TEXT, TRUTH, DAY, MOMENT)


class HandBackError(Exception):
    """The values of this row are for Polars."""


PARTS_OF_TIME: dict[str, tuple[tuple[pl.DataType, ...], Callable[[Any], int]]] = {
    "Hour": ((MOMENT,), operator.attrgetter("hour")),
    "Minute": ((MOMENT,), operator.attrgetter("minute")),
    "Nanosecond": ((MOMENT,), lambda at: at.microsecond * 1000),
    "WeekDay": ((MOMENT, DAY), lambda at: at.isoweekday()),
    "Month": ((MOMENT, DAY), operator.attrgetter("month")),
    "Day": ((MOMENT, DAY), operator.attrgetter("day")),
    "Year": ((MOMENT, DAY), operator.attrgetter("year")),
    "OrdinalDay": ((MOMENT, DAY), lambda at: at.toordinal() - date(at.year, 1, 1).toordinal() + 1),
    "Quarter": ((MOMENT, DAY), lambda at: (at.month + 2) // 3),
    "Week": ((MOMENT, DAY), lambda at: at.isocalendar()[1]),
}


def of_one(work: Callable[[Any], Any], made: Function) -> Function:
    """A function of one value; nothing of nothing."""
    return lambda row: None if (value := made(row)) is None else work(value)


BOOLEAN: dict[str, Callable[[Function], Function]] = {
    '{"Boolean": "IsNull"}': lambda made: lambda row: made(row) is None,
    '{"Boolean": "IsNotNull"}': lambda made: lambda row: made(row) is not None,
    '{"Boolean": "Not"}': lambda made: of_one(operator.not_, made),
}


def of_two(op: Callable[[Any, Any], Any], a: Function, b: Function) -> Function:
    """A function of two values; nothing where one of them is missing."""

    def result(row: Values) -> Any:
        one = a(row)
        if one is None:
            return None
        two = b(row)
        return None if two is None else op(one, two)

    return result


def whole_part(one: int, two: int) -> int:
    """Division of whole numbers, downwards."""
    if two == 0:
        raise HandBackError
    return one // two


def nanoseconds(at: date) -> int:
    """A day or moment (UTC) as nanoseconds since 1970."""
    since = (at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)) - START
    return (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 1000


def divide(one: float, two: float) -> float:
    """IEEE 754: Python refuses to divide by zero."""
    if two == 0.0:
        return math.nan if one == 0.0 or one != one else math.copysign(math.inf, one) * math.copysign(1.0, two)  # noqa: PLR0124 - NaN
    return one / two


def root(value: float) -> float:
    """Square root; NaN below zero."""
    return math.sqrt(value) if value >= 0.0 else math.nan


def bounded(made: Function, bits: int) -> Function:
    """Polars wraps whole numbers around at their width."""
    most = 2**bits

    def result(row: Values) -> Any:
        value = made(row)
        if value is not None and not -most <= value < most:
            raise HandBackError
        return value

    return result


def kleene(a: Function, b: Function, decides: bool) -> Function:
    """AND and OR of three values (Kleene 1938). decides: the value that settles it, whatever the other."""

    def result(row: Values) -> Any:
        one = a(row)
        if one is decides:
            return decides
        two = b(row)
        if two is decides:
            return decides
        return None if one is None or two is None else not decides

    return result


def coalesce(made: Sequence[Function]) -> Function:
    """The first value that is not missing."""

    def result(row: Values) -> Any:
        return next((value for each in made if (value := each(row)) is not None), None)

    return result


def extreme(made: Sequence[Function], pick: Callable[[list[Any]], Any]) -> Function:
    """The least or the greatest of the values that are not missing."""

    def result(row: Values) -> Any:
        values = [value for each in made if (value := each(row)) is not None]
        if not values:
            return None
        best = pick(values)
        if isinstance(best, float):
            # Where NaN stands, and which zero is meant, is for Polars to say.
            if any(value != value for value in values):  # noqa: PLR0124 - NaN
                raise HandBackError
            if best == 0.0 and len({math.copysign(1.0, value) for value in values if value == 0.0}) > 1:
                raise HandBackError
        return best

    return result
