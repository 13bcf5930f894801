"""What of the contract only all rows together can keep: values that stand once, freshness, rules of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from runner.bundle.casts import cast
from runner.bundle.contract import order
from runner.core import expressions
from runner.core.faults import Fault
from runner.data.kept import ROW_ID, Kept

KEY = "unique"


@dataclass(frozen=True)
class Whole:
    """A check that needs all rows.

    name, at, says, on_fail, tolerated: as those of a Check; column: the one it belongs to, None for the rows' key;
    reads: columns it looks at, of freshness the one whose newest value counts last.
    """

    kind: Literal["unique", "fresh"]
    name: str
    at: str
    says: str
    on_fail: str
    tolerated: float
    column: str | None
    reads: tuple[str, ...]
    oldest_hours: float = 0.0
    as_of: str | None = None

    def broken_by(self, rows: pl.DataFrame) -> pl.Series:
        """TRUE for each row that breaks it. rows: row_id and the columns it reads."""
        if self.kind == "unique":
            # A missing value is no value that stands twice; a key may have missing parts.
            known = pl.lit(value=True) if self.column is None else pl.col(self.column).is_not_null()
            return rows.select((known & ~pl.struct(self.reads).is_first_distinct()).alias(KEY))[KEY]
        times = rows.select(pl.col(name).cast(pl.Datetime("us")) for name in self.reads)
        newest = _moment(self.as_of) if self.as_of is not None else times[:, -1].max()
        if not isinstance(newest, datetime):
            return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True)
        return (times[:, 0] < newest - timedelta(hours=self.oldest_hours)).fill_null(value=False)


def _moment(text: str) -> datetime | None:
    found = cast(pl.Series([text]), "datetime").values[0]
    return found if isinstance(found, datetime) else None


def whole_checks(contract: Mapping[str, Any], key: list[str]) -> list[Whole]:
    """The checks of columns that only all rows can keep, in declared order, then that of the rows' key."""
    found = []
    for name in order(contract):
        column = contract["columns"][name]
        shared = {"at": f"columns.{name}", "on_fail": column["on_fail"], "tolerated": column.get("tolerated_share", 0.0), "column": name}
        if column.get("max_age_hours") is not None:
            newest, as_of = contract.get("time") or name, contract.get("as_of")
            hours = column["max_age_hours"]
            says = f"at most {hours:g} hours before {as_of or f'the newest {newest}'}"
            found.append(Whole("fresh", f"{name}.fresh", says=says, reads=tuple(dict.fromkeys((name, newest))), oldest_hours=hours, as_of=as_of, **shared))
        if column.get("unique"):
            found.append(Whole("unique", f"{name}.unique", says="a value that stands once", reads=(name,), **shared))
    if key:
        reads = tuple(name for name in key if name != ROW_ID)
        found.append(Whole("unique", KEY, KEY, f"one row for each {', '.join(key)}", "quarantine", 0.0, None, reads))
    return found


def broken_tables(contract: Mapping[str, Any], kept: Kept, aside: pl.Series, source: str) -> list[tuple[str, str, Fault]]:
    """Name, on_fail and message of each rule over all rows that does not hold. aside: row_id of rows that do not count."""
    rules: Mapping[str, Mapping[str, str]] = contract.get("table_rules") or {}
    if not rules:
        return []
    parsed = {name: expressions.parse(rule["sql"]) for name, rule in rules.items()}
    columns = dict.fromkeys(root for expression in parsed.values() for root in expression.meta.root_names())
    # Summed in memory and in one piece: a sum in whatever order threads finish could tip a rule.
    rows = kept.rows().select(ROW_ID, *columns).collect(engine="streaming").rechunk()
    rows = rows.filter(~rows[ROW_ID].is_in(aside.implode())) if aside.len() else rows
    held = rows.select(expression.cast(pl.Boolean).alias(name) for name, expression in parsed.items()).row(0)
    found = []
    for (name, rule), is_held in zip(rules.items(), held, strict=True):
        if is_held is not True:
            wrong = f"`{rule['sql'].strip()}` is {'FALSE' if is_held is False else 'not known'} over the {rows.height:,} rows of {source} that are kept"
            found.append((name, rule["on_fail"], Fault(f"data.table_rules.{name}", wrong, "TRUE", "look at these columns; correct the data or the rule")))
    return found
