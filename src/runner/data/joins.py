"""Columns of other sources: by key, or the latest known at the row's time. Rows keep their number and order."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from runner.bundle.casts import cast
from runner.bundle.contract import shown
from runner.core.faults import fault
from runner.data.spec import AsofSpec, LookupSpec

ROW, OTHER, MOMENT, KNOWN = "__runner_row", "__runner_other", "__runner_moment", "__runner_known"
SHOWN_KEYS = 5


@dataclass(frozen=True)
class Joined:
    """rows: with the new columns; matched: how many rows found a partner; ties: rows of the other source that share key
    and time with a later one."""

    rows: pl.DataFrame
    matched: int
    ties: int = 0


def common_key(left: pl.DataType, right: pl.DataType) -> pl.DataType | None:
    """The type in which two key columns can be compared, or None: keys are never rounded or parsed to fit."""
    if left.is_integer() and right.is_integer():
        return pl.Int128()
    texts = (pl.String, pl.Categorical, pl.Enum)
    if isinstance(left, texts) and isinstance(right, texts):
        return pl.String()
    return left if left == right and not left.is_float() else None


def join(rows: pl.DataFrame, spec: LookupSpec | AsofSpec, other: pl.DataFrame, at: str) -> Joined:
    """Add the declared columns of `other` to each row. Raises FaultsError when what is declared of the match does not hold."""
    return lookup(rows, spec, other, at) if isinstance(spec, LookupSpec) else asof(rows, spec, other, at)


def lookup(rows: pl.DataFrame, spec: LookupSpec, other: pl.DataFrame, at: str) -> Joined:
    """Add columns of the one row of `other` with the same key; a null key never matches.

    Raises FaultsError when keys of `other` stand there twice, or `expect: all` is declared and a row finds no partner.
    """
    left, right = _keys(rows, other, spec.keys)
    known = right.drop_nulls()
    doubled = known.filter(known.select(keys := list(spec.keys)).is_duplicated()).select(keys).unique(maintain_order=True)
    if doubled.height:
        hint = "declare the columns that name one row, or use an as-of join"
        raise fault(
            f"{at}.keys",
            f"{_count(doubled.height, 'key')} of {spec.source!r} with more than one row: {_shown_keys(doubled)}",
            "at most one row a key",
            hint,
        )
    place = left.join(known, on=list(spec.keys), how="left", maintain_order="left")[OTHER]
    if spec.expect == "all" and place.null_count():
        lost = left.filter(place.is_null()).select(keys).unique(maintain_order=True)
        wrong = f"{_count(place.null_count(), 'row')} without a match in {spec.source!r}: {_shown_keys(lost)}"
        raise fault(at, wrong, "a match for every row (expect: all)", "add the missing rows there, or declare `expect: some`")
    return Joined(_taken(rows, other, place, spec.columns), rows.height - place.null_count())


def asof(rows: pl.DataFrame, spec: AsofSpec, other: pl.DataFrame, at: str) -> Joined:
    """Add columns of the latest row of `other` that was known at the row's time (its time plus the lag, not after).

    Of rows of `other` with the same key and time the last one counts. Older than the tolerance, null keys and null times
    never match. Raises FaultsError when a time cannot be read as one.
    """
    by = list(spec.by)
    left, right = _keys(rows, other, spec.by)
    left = left.with_columns(moments(rows[spec.time], f"{at}.time").alias(MOMENT)).drop_nulls().sort(MOMENT, ROW)
    known_at = moments(other[spec.source_time], f"{at}.source_time")
    right = right.with_columns(known_at.alias(KNOWN)).drop_nulls()
    ties = right.height - right.select(KNOWN, *by).n_unique()
    # Stable by place: among equals the later row of the file stands last, and the last one is matched.
    right = right.sort(KNOWN, OTHER).unique([KNOWN, *by], keep="last", maintain_order=True)
    right = right.with_columns(pl.duration(microseconds=pl.lit(round(spec.lag_hours * 3_600_000_000))).add(pl.col(KNOWN)).alias(MOMENT))
    matched = left.join_asof(right, on=MOMENT, by=by or None, strategy="backward", check_sortedness=False)
    if spec.tolerance_hours is not None:
        age = (pl.col(MOMENT) - pl.col(KNOWN)).dt.total_microseconds()
        matched = matched.with_columns(pl.when(age <= round(spec.tolerance_hours * 3_600_000_000)).then(OTHER).alias(OTHER))
    every = pl.DataFrame({ROW: pl.int_range(rows.height, eager=True)})
    place = every.join(matched.select(ROW, OTHER), on=ROW, how="left", maintain_order="left")[OTHER]
    return Joined(_taken(rows, other, place, spec.columns), rows.height - place.null_count(), ties)


def moments(values: pl.Series, at: str) -> pl.Series:
    """A time column as Datetime in microseconds. Raises FaultsError naming the first value that is no time."""
    found = cast(values, "datetime")
    if found.bad.any():
        row = int(found.bad.arg_max() or 0)
        raise fault(
            at,
            f"column {values.name!r} ({values.dtype}): row {row} (from 0) has {shown(values[row])}",
            "a date or time",
            "make one under `derive`",
        )
    return found.values


def _keys(rows: pl.DataFrame, other: pl.DataFrame, on: dict[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both sides' keys under the rows' names and in a common type, with each row's position."""
    types = {mine: common_key(rows.schema[mine], other.schema[theirs]) for mine, theirs in on.items()}
    left = [rows[mine].cast(dtype) for mine, dtype in types.items() if dtype is not None]
    right = [other[on[mine]].cast(dtype).alias(mine) for mine, dtype in types.items() if dtype is not None]
    return (
        pl.DataFrame([pl.int_range(rows.height, eager=True).alias(ROW), *left]),
        pl.DataFrame([pl.int_range(other.height, eager=True).alias(OTHER), *right]),
    )


def _taken(rows: pl.DataFrame, other: pl.DataFrame, place: pl.Series, columns: dict[str, str]) -> pl.DataFrame:
    return rows.with_columns([other[theirs].gather(place).alias(mine) for mine, theirs in columns.items()])


def _count(n: int, noun: str) -> str:
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"


def _shown_keys(keys: pl.DataFrame) -> str:
    some = [", ".join(f"{name} = {shown(value)}" for name, value in row.items()) for row in keys.head(SHOWN_KEYS).to_dicts()]
    return "; ".join(some) + (f"; and {keys.height - SHOWN_KEYS} more" if keys.height > SHOWN_KEYS else "")
