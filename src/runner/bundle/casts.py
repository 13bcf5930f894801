"""Casts between column types that lose nothing, or say which value would be lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

DTYPES: dict[str, pl.DataType] = {
    "int": pl.Int64(),
    "float": pl.Float64(),
    "string": pl.String(),
    "bool": pl.Boolean(),
    "date": pl.Date(),
    "datetime": pl.Datetime("us"),
}
"""Contract type to the Polars type in which its values are held."""

NARROWER: dict[str, tuple[type[pl.DataType], ...]] = {
    "int": (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32),
    "float": (pl.Float16, pl.Float32, pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32),
}
"""Contract type to the other types whose every value it can hold."""
EXACT: dict[type[pl.DataType], int] = {pl.Float16: 2**11, pl.Float32: 2**24, pl.Float64: 2**53}
"""Up to here floats of a type hold each whole number."""

WHOLE = r"^-?(?:0|[1-9][0-9]*)(?:\.0*)?$"
MANY_DIGITS = r"^[+-]?[0-9]{16,}(?:\.0*)?$"
DATE = r"^[0-9]{4}-(?:0[1-9]|1[0-2])-[0-3][0-9]$"
MOMENT = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-2][0-9]:[0-5][0-9])(:[0-5][0-9](?:\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
ZONED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})$"
NANOS_PER_MICRO = 1000
NO = pl.Series([False])


@dataclass(frozen=True)
class Cast:
    """A column in its contract type.

    values: same length, null where the value was missing or cannot be held; bad: Boolean, TRUE for the latter;
    how: 'from String' when another kind of type was cast, else ''; possible: FALSE when the two types have nothing to do with each other;
    plain: moments in text that name no zone, where the column is such text; zoned: whether some of its text names one.
    """

    values: pl.Series
    bad: pl.Series
    how: str = ""
    possible: bool = True
    plain: pl.Series | None = None
    zoned: bool = False


def held(rows: pl.DataFrame, to: Mapping[str, str]) -> pl.DataFrame:
    """The columns that can be cast as they are, since a contract type holds all of their values, in few passes over all of them.

    to: column, of a plain name, to contract type; NaN counts as missing. What has to be looked at value by value is left out.
    """
    dtypes = rows.schema
    alike: dict[tuple[pl.DataType, str], list[str]] = {}
    for name, kind in to.items():
        alike.setdefault((dtypes[name], kind), []).append(name)
    proofs = [proof for (dtype, kind), names in alike.items() if (proof := _proof(pl.col(names), dtype, kind)) is not None]
    proven = rows.select(proofs).row(0, named=True) if proofs else {}
    found = []
    for (dtype, kind), names in alike.items():
        always = dtype == DTYPES[kind] or dtype in NARROWER.get(kind, ())
        fitting = pl.col(names if always else [name for name in names if proven.get(name)])
        found.append((fitting.fill_nan(None) if dtype.is_float() else fitting).cast(DTYPES[kind]))
    return rows.select(found)


def _proof(values: pl.Expr, dtype: pl.DataType, to: str) -> pl.Expr | None:
    """One Boolean, whether numbers of another kind are all held exactly; None where that is known or cannot be."""
    if to == "float" and dtype == pl.Int64:
        return ((values >= -EXACT[pl.Float64]) & (values <= EXACT[pl.Float64])).all()
    if to == "float" and dtype == pl.UInt64:
        return (values <= EXACT[pl.Float64]).all()
    if to == "int" and dtype.is_float():
        # Polars does not round Float16.
        given = values.fill_nan(None).cast(pl.Float64)
        return ((given.floor() == given) & (given.abs() <= EXACT[type(dtype)])).all()
    return None


def cast(values: pl.Series, to: str) -> Cast:
    """Cast a column to a contract type (a key of DTYPES) so that nothing is lost; NaN counts as missing.

    Text is read as numbers, dates (ISO 8601) and booleans; integers beyond 2**53 are never rounded through floats;
    moments with a zone become UTC.
    """
    plain = held(values.alias("").to_frame(), {"": to})
    if plain.width:
        return Cast(plain.to_series().alias(values.name), _nowhere(values), cast_told(values.dtype, to))
    source = values.cast(pl.String) if isinstance(values.dtype, pl.Categorical | pl.Enum) else values
    if source.dtype.is_float():
        source = source.fill_nan(None)
    if source.dtype == pl.Null or source.null_count() == source.len():
        return Cast(pl.Series(values.name, [None] * source.len(), DTYPES[to]), _nowhere(source), cast_told(values.dtype, to))
    converted = _CONVERTERS[to](source)
    if converted is None:
        return Cast(pl.Series(values.name, [None] * source.len(), DTYPES[to]), source.is_not_null(), cast_told(values.dtype, to), possible=False)
    made = converted.alias(values.name)
    bad = source.is_not_null() & made.is_null()
    if to == "datetime" and source.dtype == pl.String:
        zoned = bool(source.str.strip_chars().str.contains(ZONED).any())
        # Next to a value with a zone, one without is ambiguous; in another slice of the same column as much as in this one.
        return Cast(made, bad, cast_told(values.dtype, to), plain=None if zoned else made.is_not_null(), zoned=zoned)
    return Cast(made.fill_nan(None) if to == "float" else made, bad, cast_told(values.dtype, to))


def cast_told(dtype: pl.DataType, to: str) -> str:
    """'from TYPE' where a cast is worth telling of, else ''."""
    # A narrower number of the same kind, or another unit of time, is no cast worth telling of.
    same = {"int": dtype.is_integer(), "float": dtype.is_float(), "datetime": isinstance(dtype, pl.Datetime) and dtype.time_zone is None}
    return "" if dtype == DTYPES[to] or same.get(to) or dtype == pl.Null else f"from {dtype}"


def _nowhere(values: pl.Series) -> pl.Series:
    return NO.new_from_index(0, values.len())


def _where(values: pl.Series, condition: pl.Series) -> pl.Series:
    """The values where the condition is TRUE, else null."""
    return pl.select(kept=pl.when(condition).then(values))["kept"]


def _to_int(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if dtype.is_float():
        wide = values.cast(pl.Float64)
        return _where(wide, (wide.floor() == wide) & (wide.abs() <= EXACT[type(dtype)])).cast(pl.Int64, strict=False)
    if dtype.is_integer() or dtype == pl.Boolean:
        return values.cast(pl.Int64, strict=False)
    if dtype.is_decimal():
        whole = values.cast(pl.Int64, strict=False)
        return _where(whole, whole.cast(dtype, strict=False) == values)
    if dtype == pl.String:
        text = values.str.strip_chars()
        return _where(text, text.str.contains(WHOLE)).str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
    return None


def _to_float(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if dtype.is_float() or dtype == pl.Boolean:
        return values.cast(pl.Float64)
    if dtype.is_integer():
        return _exact_float(values)
    if dtype.is_decimal():
        near = values.cast(pl.Float64)
        return _where(near, near.cast(dtype, strict=False) == values)
    if dtype == pl.String:
        text = values.str.strip_chars()
        near = text.cast(pl.Float64, strict=False)
        whole = text.str.contains(MANY_DIGITS).fill_null(value=False)
        if not whole.any():
            return near
        exact = _exact_float(_where(text, whole).str.replace(r"\.0*$", "").cast(pl.Int128, strict=False))
        return pl.select(held=pl.when(whole).then(exact).otherwise(near))["held"]
    return None


def _exact_float(values: pl.Series) -> pl.Series:
    near = values.cast(pl.Float64)
    return _where(near, near.cast(pl.Int128, strict=False) == values.cast(pl.Int128))


def _to_string(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if dtype.is_integer() or dtype in (pl.Boolean, pl.Date):
        return values.cast(pl.String)
    return None


def _to_bool(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if dtype == pl.Boolean:
        return values
    if dtype.is_integer() or dtype.is_float():
        return _where(values == 1, values.is_in([0, 1]))
    if dtype == pl.String:
        text = values.str.strip_chars().str.to_lowercase()
        return _where(text.is_in(["true", "1"]), text.is_in(["true", "false", "0", "1"]))
    return None


def _to_date(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if dtype == pl.Date:
        return values
    if isinstance(dtype, pl.Datetime):
        moment = _without_zone(values)
        return _where(moment.cast(pl.Date), moment == moment.dt.truncate("1d"))
    if dtype == pl.String:
        text = values.str.strip_chars()
        return _where(text, text.str.contains(DATE)).str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    return None


def _to_datetime(values: pl.Series) -> pl.Series | None:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        micros = _without_zone(values).cast(pl.Datetime("us"))
        if dtype.time_unit != "ns":
            return micros
        return _where(micros, values.cast(pl.Int64) % NANOS_PER_MICRO == 0)
    if dtype == pl.Date:
        return values.cast(pl.Datetime("us"))
    if dtype == pl.String:
        return _moment(values.str.strip_chars())
    return None


def _without_zone(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        return values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return values


def _moment(text: pl.Series) -> pl.Series:
    """ISO 8601 text as UTC; a column in which only some values name a zone is ambiguous, so those without count as bad."""
    parts = {name: text.str.extract(MOMENT, group) for group, name in enumerate(("day", "clock", "seconds", "zone"), start=1)}
    clock = parts["clock"].fill_null("00:00") + parts["seconds"].fill_null(":00")
    local = (parts["day"] + "T" + clock).str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S%.f", strict=False)
    zone = parts["zone"]
    if zone.null_count() == zone.len():
        return local
    digits = zone.str.replace("Z", "+0000", literal=True).str.replace(":", "", literal=True)
    sign = digits.str.starts_with("-").cast(pl.Int64) * -2 + 1
    minutes = sign * (digits.str.slice(1, 2).cast(pl.Int64) * 60 + digits.str.slice(3, 2).cast(pl.Int64))
    # Null minutes (no zone named) give null: next to zoned values the moment is not known.
    return pl.select(moment=pl.lit(local) - pl.duration(minutes=pl.lit(minutes)))["moment"].cast(pl.Datetime("us"))


_CONVERTERS: dict[str, Callable[[pl.Series], pl.Series | None]] = {
    "int": _to_int,
    "float": _to_float,
    "string": _to_string,
    "bool": _to_bool,
    "date": _to_date,
    "datetime": _to_datetime,
}
