"""The one language of declared expressions: Polars SQL, one value per row, checked before any data is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

import polars as pl
from polars.exceptions import PolarsError

from runner.core.faults import Fault, nearest

# Functions that look at other rows: a declared expression must give the same value whatever rows stand beside it.
POSITIONAL = (".over(", "int_range(", "len()", ".shift(", ".cum_", ".rank(")
# The same inside arithmetic, where an aggregate is silently broadcast over the rows.
AGGREGATES = (
    ".mean()",
    ".sum()",
    ".min()",
    ".max()",
    ".count()",
    ".n_unique()",
    ".std(",
    ".var(",
    ".median()",
    ".first()",
    ".last()",
    ".quantile(",
    ".implode(",
)
# Quoted text is matched first, so that a number inside it stays as it is.
DECIMAL = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w.])(\d+\.\d*|\.\d+)(?![\w.])""")
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MISSING_COLUMN = re.compile(r'unable to find column "(.*?)"')


def quoted(name: str) -> str:
    """A column name as an SQL identifier.

    >>> quoted('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


@cache
def identifier(name: str) -> str:
    """A column name as a person would write it: in quotes only where SQL would read the bare word as something else.

    >>> identifier("Amount"), identifier("user"), identifier("unit price")
    ('Amount', '"user"', '"unit price"')
    """
    if PLAIN_NAME.fullmatch(name):
        try:
            read = parse(f"CASE WHEN {name} > 1 THEN {name} + 1 END").meta.root_names()
            if set(read) == {name} == set(parse(name).meta.root_names()):
                return name
        except PolarsError:
            pass  # a word of the language
    return quoted(name)


def literal(text: str) -> str:
    """A string as an SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def with_floats(sql: str) -> str:
    """SQL in which 0.5 is a floating-point number.

    Polars reads it as a decimal: 38 digits that overflow, and a division by zero that fails the whole query.

    >>> with_floats("0.12 * Amount + CASE WHEN code = '1.5' THEN .5 ELSE 2 END")
    "0.12e0 * Amount + CASE WHEN code = '1.5' THEN .5e0 ELSE 2 END"
    """
    return DECIMAL.sub(lambda found: f"{found.group(0)}e0" if found.group(1) else found.group(0), sql)


def parse(sql: str) -> pl.Expr:
    """The Polars expression of an SQL expression; it must have passed `check` before."""
    return pl.sql_expr(with_floats(sql))


def check(expressions: Mapping[str, str], schema: Mapping[str, pl.DataType], at: str) -> tuple[list[Fault], dict[str, pl.DataType]]:
    """Faults of named SQL expressions against a schema, and the types of those that are right.

    expressions: name to SQL; schema: column to dtype; at: the config key above the names.
    No data is read: the expressions are typed on an empty frame and tried on two rows of nulls.
    """
    faults: list[Fault] = []
    types: dict[str, pl.DataType] = {}
    for name, sql in expressions.items():
        found = _check_one(sql, schema, f"{at}.{name}" if name else at)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            types[name] = found
    return faults, types


def _check_one(sql: str, schema: Mapping[str, pl.DataType], at: str) -> Fault | pl.DataType:
    shown = f"`{sql.strip()}`"
    try:
        expression = parse(sql)
        # A constant is broadcast over the rows, so it is as per-row as a column.
        rows = pl.DataFrame(schema=dict(schema), data={c: [None, None] for c in schema})
        result = rows.lazy().select(__runner_value=expression)
        dtype = result.collect_schema()["__runner_value"]
        height = rows.select(__runner_value=expression).height
    except PolarsError as error:
        return _explained(error, shown, schema, at)
    if any(mark in str(expression) for mark in POSITIONAL):
        return Fault(at, f"{shown} looks at other rows", "an expression over the columns of one row", "use a `history` step for what happened before")
    if any(mark in str(expression) for mark in AGGREGATES) or (height != 2 and expression.meta.root_names()):
        return Fault(at, f"{shown} aggregates over rows", "an expression over the columns of one row", "leave out AVG, SUM, COUNT, MIN or MAX")
    return dtype


def _explained(error: PolarsError, shown: str, schema: Mapping[str, pl.DataType], at: str) -> Fault:
    message = str(error).split("\n")[0].strip()
    missing = MISSING_COLUMN.search(message)
    if missing:
        name = missing.group(1)
        hint = nearest(name, schema) or f"columns here: {', '.join(list(schema)[:30])}"
        return Fault(at, f"{shown} names a column {name!r} that is not there", "a column of the data", hint)
    return Fault(at, f"{shown} is not a valid expression: {message}", "a Polars SQL expression over one row")


def evaluate(rows: pl.DataFrame, expressions: Mapping[str, str]) -> pl.DataFrame:
    """The named expressions as columns, one row per row of `rows`; NaN and infinities become null."""
    columns = [parse(sql).alias(name) for name, sql in expressions.items()]
    if not columns:
        return pl.DataFrame()
    computed = rows.lazy().with_columns(columns).select(list(expressions)).collect()
    return computed.with_columns(pl.when(pl.selectors.float().is_finite()).then(pl.selectors.float()))
