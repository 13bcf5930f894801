"""The one language of declared expressions: Polars SQL, one value per row, checked before any data is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from runner.core.faults import Fault, FaultsError, nearest
from runner.core.sqlform import ALIAS, DOTTED, EXPECTED, EXPECTED_OF_TABLE, bare, form_fault, parse_fault, place, shortened, size_fault
from runner.core.sqlwords import told, type_words

# What looks at other rows under whatever name: a declared expression must give the same value whatever rows stand beside it.
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
    ".pearson_correlation(",
    ".covariance(",
)
# Quoted text is matched first, so that a number inside it stays as it is.
DECIMAL = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w.])(\d+\.\d*|\.\d+)(?![\w.])""")
PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MISSING_COLUMN = re.compile(r'unable to find column "(.*?)"')


class TooLargeError(FaultsError, PolarsError):
    """An expression so large that Polars would run out of stack, which ends the process without a word; for callers one that does not parse."""


def quoted(name: str) -> str:
    """A column name as an SQL identifier.

    >>> quoted('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def is_pattern(name: str) -> bool:
    """Whether Polars reads a column name as several columns at once: no expression can speak of such a column alone.

    >>> [name for name in ("*", "^a.*$", "*a", "^a", "a$") if is_pattern(name)]
    ['*', '^a.*$']
    """
    return name == "*" or (name.startswith("^") and name.endswith("$"))


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


@lru_cache(maxsize=4096)
def parse(sql: str) -> pl.Expr:
    """The Polars expression of an SQL expression; `check` tells what is wrong with one. Raises TooLargeError, and PolarsError where it does not parse."""
    if large := size_fault(sql, "expression"):
        raise TooLargeError([large])
    return pl.sql_expr(with_floats(sql))


def check(expressions: Mapping[str, str], schema: Mapping[str, pl.DataType], at: str, *, total: bool = False) -> tuple[list[Fault], dict[str, pl.DataType]]:
    """Faults of named SQL expressions against a schema, and the types of those that are right.

    expressions: name to SQL; schema: column to dtype; at: the config key above the names; total: an expression must give a
    value or null on every row, so that a CAST of text, which can fail, is a fault too.
    No data is read: the expressions are typed on an empty frame and tried on two made-up rows.
    """
    keys = {name: ".".join(part for part in (at, name) if part) for name in expressions}
    parsed = {name: _parsed(sql, keys[name]) for name, sql in expressions.items()}
    right = {name: found for name, found in parsed.items() if isinstance(found, pl.Expr)}
    types = _types_of(right, schema, total)
    faults: list[Fault] = []
    for name, found in parsed.items():
        if name in types:
            continue
        # One by one, to say what is wrong with each.
        judged = found if isinstance(found, Fault) else _judged(found, expressions[name], schema, keys[name], total)
        if isinstance(judged, Fault):
            faults.append(judged)
        else:
            types[name] = judged
    return faults, types


def check_table(expressions: Mapping[str, str], schema: Mapping[str, pl.DataType], at: str) -> tuple[list[Fault], dict[str, pl.DataType]]:
    """Faults of named SQL expressions over a whole table against its schema, and the types of those that are right.

    Each must give one value for all rows together, and look at no row's neighbours. No data is read: they are tried on made-up rows.
    """
    faults: list[Fault] = []
    types: dict[str, pl.DataType] = {}
    for name, sql in expressions.items():
        key = ".".join(part for part in (at, name) if part)
        found = _judged_of_table(sql, schema, key)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            types[name] = found
    return faults, types


def _judged_of_table(sql: str, schema: Mapping[str, pl.DataType], at: str) -> Fault | pl.DataType:
    if wrong := form_fault(sql, at, table=True):
        return wrong
    try:
        expression = parse(sql)
    except PolarsError as error:
        return parse_fault(error, sql, at)
    missing = [name for name in dict.fromkeys(expression.meta.root_names()) if name not in schema]
    if missing:
        return _missing(missing[0], sql, schema, at)
    rows, nulls = _two_rows(tuple(schema.items())) if schema else [pl.DataFrame({"__runner_row": [0, 0]})] * 2
    try:
        tried = [frame.select(__runner_value=expression) for frame in (rows, nulls, rows.clear())]
    except PolarsError as error:
        return _explained(error, sql, schema, at)
    if any(found.height != 1 for found in tried):
        return Fault(at, f"{shortened(sql)} gives a value a row", EXPECTED_OF_TABLE, "put each column into an aggregate: AVG, SUM, COUNT, MIN, MAX")
    return tried[0].dtypes[0]


def _types_of(expressions: Mapping[str, pl.Expr], schema: Mapping[str, pl.DataType], total: bool) -> dict[str, pl.DataType]:
    """The types of expressions that are all right, tried in one go; empty where one of them is not."""
    if not expressions:
        return {}
    rows, nulls = _two_rows(tuple(schema.items()))
    try:
        tried = (rows if total else nulls).select(e.implode().alias(str(n)) for n, e in enumerate(expressions.values()))
    except PolarsError:
        return {}
    found: dict[str, pl.DataType] = {}
    for (name, expression), column in zip(expressions.items(), tried, strict=True):
        # A constant is broadcast over the rows, so it is as per-row as a column.
        if len(column[0]) == 2 or not expression.meta.root_names():
            found[name] = column[0].dtype
    return found


def syntax_fault(sql: str, at: str) -> Fault | None:
    """What is wrong with an expression whose columns are not known: its form, and whether it parses."""
    found = _parsed(sql, at)
    return found if isinstance(found, Fault) else None


def _parsed(sql: str, at: str) -> pl.Expr | Fault:
    if wrong := form_fault(sql, at):
        return wrong
    try:
        expression = parse(sql)
    except PolarsError as error:
        return parse_fault(error, sql, at)
    return _other_rows(expression, sql, at) or expression


def _judged(expression: pl.Expr, sql: str, schema: Mapping[str, pl.DataType], at: str, total: bool) -> Fault | pl.DataType:
    missing = [name for name in dict.fromkeys(expression.meta.root_names()) if name not in schema]
    if missing:
        return _missing(missing[0], sql, schema, at)
    rows, nulls = _two_rows(tuple(schema.items()))
    try:
        # A constant is broadcast over the rows, so it is as per-row as a column.
        dtype = rows.lazy().select(__runner_value=expression).collect_schema()["__runner_value"]
        height = nulls.select(__runner_value=expression).height
    except PolarsError as error:
        return _explained(error, sql, schema, at)
    if height != 2 and expression.meta.root_names():
        return Fault(at, f"{shortened(sql)} aggregates over rows", "an expression over the columns of one row")
    return (_partial(expression, sql, rows, at) if total else None) or dtype


@lru_cache(maxsize=64)
def _two_rows(schema: tuple[tuple[str, pl.DataType], ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A row of nulls and one of likely values, and two rows of nulls."""
    types = dict(schema)
    rows = pl.DataFrame({name: [None, _sample(dtype)] for name, dtype in schema}, schema=types)
    return rows, pl.DataFrame({name: [None, None] for name in types}, schema=types)


def _sample(dtype: pl.DataType) -> Any:
    """A value that a column of the type may well have."""
    samples: tuple[tuple[Any, Any], ...] = ((pl.String(), "a"), (pl.Boolean(), True), (pl.Date(), date(2000, 1, 1)))
    known = next((value for kind, value in samples if dtype == kind), None)
    if known is not None:
        return known
    if dtype.is_numeric():
        return 1
    return datetime(2000, 1, 1) if isinstance(dtype, pl.Datetime) else None


def _partial(expression: pl.Expr, sql: str, rows: pl.DataFrame, at: str) -> Fault | None:
    """A fault of an expression that fails on some value; rows of nulls have passed already."""
    try:
        rows.select(__runner_value=expression)
    except PolarsError as error:
        found = " ".join(str(error).split("\n")[0].split())
        return Fault(at, f"{shortened(sql)} fails on some values: {found}", "a value or nothing on every row", "TRY_CAST gives nothing where CAST fails")
    return None


def _other_rows(expression: pl.Expr, sql: str, at: str) -> Fault | None:
    """A fault of an expression whose value depends on other rows, or that is named where it should be computed."""
    # Text and names may hold anything: marks that stand in them mean nothing, so they are taken out one by one.
    quoted_parts = [part for part in re.findall(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`""", sql) if any(mark in part for mark in POSITIONAL + AGGREGATES)]
    text = str(expression)
    for part in quoted_parts:
        text = text.replace(part[1:-1], "")
    if any(mark in text for mark in POSITIONAL):
        return Fault(at, f"{shortened(sql)} looks at other rows", "an expression over the columns of one row", "use a `history` step for what happened before")
    if any(mark in text for mark in AGGREGATES):
        return Fault(at, f"{shortened(sql)} aggregates over rows", "an expression over the columns of one row", "leave out AVG, SUM, COUNT, MIN or MAX")
    if ALIAS.search(text):
        return Fault(at, f"{shortened(sql)} is not a valid expression: it ends in a second name", EXPECTED, "an operator is missing, or leave out AS")
    return None


def _missing(name: str, sql: str, schema: Mapping[str, pl.DataType], at: str) -> Fault:
    dotted = next((f'a name with a dot needs double quotes: "{word}"' for word in DOTTED.findall(bare(sql)) if word.startswith(f"{name}.")), "")
    hint = dotted or nearest(name, schema) or f"columns here: {', '.join(list(schema)[:30])}"
    found = re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", sql)
    where = f" {place(sql, found.start())}" if found else ""
    return Fault(at, f"{shortened(sql)} names a column {name!r} that is not there{where}", "a column of the data", hint)


def _explained(error: PolarsError, sql: str, schema: Mapping[str, pl.DataType], at: str) -> Fault:
    message = " ".join(str(error).split("\nResolved plan")[0].split("\n\n")[0].split())
    missing = MISSING_COLUMN.search(message)
    if missing:
        return _missing(missing.group(1), sql, schema, at)
    dotted = next((f'a name with a dot needs double quotes: "{word}"' for word in DOTTED.findall(bare(sql))), "")
    types = ", ".join(f"{name} is {type_words(str(schema[name]).lower())}" for name in schema if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", bare(sql)))
    return Fault(at, f"{shortened(sql)} is not a valid expression: {told(message)[:300]}", EXPECTED, dotted or types)


def evaluate(rows: pl.DataFrame, expressions: Mapping[str, str]) -> pl.DataFrame:
    """The named expressions as columns, one row per row of `rows`; NaN and infinities become null."""
    columns = [parse(sql).alias(name) for name, sql in expressions.items()]
    if not columns:
        return pl.DataFrame()
    computed = as_among_others(rows).lazy().with_columns(columns).select(list(expressions)).collect().head(rows.height)
    return computed.with_columns(pl.when(pl.selectors.float().is_finite()).then(pl.selectors.float()))


def as_among_others(rows: pl.DataFrame) -> pl.DataFrame:
    """A single row with empty ones below: Polars divides one row by a constant, but several by multiplying with its inverse."""
    return rows.vstack(_two_rows(tuple(rows.schema.items()))[1]) if rows.height == 1 else rows
