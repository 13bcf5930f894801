"""Columns as a batch brings them: what makes a typed column of a raw one becomes a step, so that a model scores rows of the same raw form."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.proposal.recipe import unique
from runner.proposal.table import Column, Table

MONTHS = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
# What a part of a written date looks like.
SIGNS = {
    "%d": "(0?[1-9]|[12][0-9]|3[01])",
    "%m": "(0?[1-9]|1[0-2])",
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%b": f"(?i:{MONTHS})",
    "%B": f"(?i:{MONTHS}[a-z]*)",
    "%H": "([01]?[0-9]|2[0-3])",
    "%I": "(0?[1-9]|1[0-2])",
    "%M": "[0-5][0-9]",
    "%S": "[0-5][0-9]",
    "%p": "(?i:am|pm)",
}
WRITTEN_DATE = re.compile(r"(DATE|STRPTIME)\((.+), '([^']+)'\)")
EXACT = 2**53
"""Whole numbers up to here are the same numbers as floats."""


@dataclass(frozen=True)
class Read:
    """table: under the names that models will see; made: new name to the SQL over the raw column; contract: raw column to its declaration,
    features only."""

    table: Table
    made: Mapping[str, str]
    contract: Mapping[str, dict[str, Any]]

    @property
    def raw(self) -> list[str]:
        """Raw columns that only a step reads."""
        return [self.table.columns[name].raw for name in self.made]


def read_by_steps(table: Table, apart: Collection[str]) -> Read:
    """Every column that is not as the file has it gets a name of its own, made by a step. apart: columns that are read where the file is."""
    made: dict[str, str] = {}
    contract: dict[str, dict[str, Any]] = {}
    taken, renamed = set(table.columns), dict[str, str]()
    for name, column in table.columns.items():
        if name in apart:
            continue
        if column.reading.sql is None or column.name != column.raw:
            contract[name] = {"type": _type(column), "nullable": True, "on_fail": "warn"}
            continue
        new = unique(f"{name}_read", taken)
        taken.add(new)
        renamed[name] = new
        made[new] = safely(column.reading.sql)
        contract[name] = {"type": _raw_type(column), "nullable": True, "on_fail": "warn"}
    kept = {renamed.get(name, name): replace(column, name=renamed.get(name, name)) for name, column in table.columns.items()}
    return Read(replace(table, rows=table.rows.rename(renamed), columns=kept), made, contract)


def safely(sql: str) -> str:
    """SQL that reads written dates, for texts that it was not tried on: what does not look like such a date is missing.

    >>> safely("DATE(TRIM(day), '%d/%m/%Y')")
    "DATE(CASE WHEN REGEXP_LIKE(TRIM(day), '^(0?[1-9]|[12][0-9]|3[01])/(0?[1-9]|1[0-2])/[0-9]{4}$') THEN TRIM(day) END, '%d/%m/%Y')"
    """
    found = WRITTEN_DATE.fullmatch(sql)
    if found is None:
        return sql
    call, inner, fmt = found.groups()
    pattern = "".join(SIGNS.get(part, re.escape(part)) for part in re.findall(r"%.|.", fmt))
    return f"{call}(CASE WHEN REGEXP_LIKE({inner}, '^{pattern}$') THEN {inner} END, '{fmt}')"


def _type(column: Column) -> str:
    """Numbers are held as floats where that loses nothing: a batch may have gaps or fractions where the table had none."""
    ends = [abs(end) for end in (column.facts.low, column.facts.high) if isinstance(end, int | float)]
    return "float" if column.is_number and max(ends, default=0) <= EXACT else column.type


def _raw_type(column: Column) -> str:
    dtype = column.raw_facts.dtype
    if dtype.is_integer():
        return "int"
    return "float" if dtype.is_numeric() else "date" if str(dtype) == "Date" else "datetime" if dtype.is_temporal() else "string"
