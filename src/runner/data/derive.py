"""Declared columns: SQL expressions put onto a frame, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars.exceptions import PolarsError

from runner.core import expressions
from runner.core.faults import Fault, fault


def typed(schema: Mapping[str, pl.DataType], declared: Mapping[str, str], at: str) -> tuple[dict[str, pl.DataType], list[Fault]]:
    """The schema with the declared columns added in order, each seeing those before it, and what is wrong with them."""
    known, faults = dict(schema), []
    for name, sql in declared.items():
        wrong, types = expressions.check({name: sql}, known, at)
        faults += wrong
        # A wrong column counts as there, so that what is built on it does not complain a second time.
        known[name] = types.get(name, pl.Null())
    return known, faults


def add(rows: pl.DataFrame, declared: Mapping[str, str], at: str) -> pl.DataFrame:
    """The rows with the declared columns added in order. Raises FaultsError when a value cannot be computed."""
    for name, sql in declared.items():
        rows = add_one(rows, name, sql, f"{at}.{name}")
    return rows


def add_one(rows: pl.DataFrame, name: str, sql: str, at: str) -> pl.DataFrame:
    """The rows with one declared column. Raises FaultsError when a value cannot be computed."""
    try:
        return rows.with_columns(expressions.parse(sql).alias(name))
    except PolarsError as error:
        found = " ".join(str(error).split("\n")[0].split())
        raise fault(
            at,
            f"`{sql.strip()}` cannot be computed: {found}",
            "an expression that holds for every row",
            "TRY_CAST gives null where a value does not fit",
        ) from None


def lazily(rows: pl.LazyFrame, name: str, sql: str) -> pl.LazyFrame:
    """The rows with one declared column, computed when they are collected; a value that cannot be computed is a PolarsError then."""
    return rows.with_columns(expressions.parse(sql).alias(name))


def roots(declared: Mapping[str, str]) -> set[str]:
    """Columns that checked expressions read."""
    return {root for sql in declared.values() for root in expressions.parse(sql).meta.root_names()}
