"""The declared contract put to the rows: what stops the run, what is set aside, what is only counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from runner.bundle.contract import Check, checks, order, shown, verdicts
from runner.core.digests import of_value
from runner.core.faults import Fault, RefusedError
from runner.data.kept import ROW_ID, Kept
from runner.data.spec import ColumnSpec, DataSpec
from runner.data.whole import Whole, broken_tables, whole_checks
from runner.problem.task import Task

__all__ = ["REASON", "ROW_ID", "Enforced", "Judge", "as_shipped", "contract_of"]
REASON = "__runner_reason"
TIMELESS = "split.time"
LIMITS = ("min", "max")
OPTIONAL = (*LIMITS, "allowed", "pattern", "unit", "cost", "unique", "max_age_hours", "tolerated_share")


@dataclass(frozen=True)
class Enforced:
    """n_rows: how many were judged; bad: rows set aside, with why in REASON; quarantined, warned: check name to rows;
    tolerated: check to the step it was softened to; broken_tables: table rules that only warn and do not hold."""

    n_rows: int
    bad: pl.DataFrame
    quarantined: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)
    tolerated: dict[str, str] = field(default_factory=dict)
    broken_tables: tuple[str, ...] = ()


def contract_of(spec: DataSpec, task: Task) -> dict[str, Any]:
    """The content of contract.json, in declared types; `as_shipped` gives the form that leaves this room."""
    columns = {name: _column(column) for name, column in spec.columns.items()}
    columns[task.target]["available"] = "after_event"
    rules = {name: _set(rule.model_dump(mode="json")) for name, rule in spec.rules.items()}
    tables = {name: rule.model_dump(mode="json") for name, rule in spec.table_rules.items()}
    whole = {"table_rules": tables, "as_of": spec.as_of}
    version = {"columns": columns, "order": list(columns), "rules": rules} | {key: value for key, value in whole.items() if value}
    return {
        "columns": columns,
        "rules": rules,
        **whole,
        "order": list(columns),
        "target": task.target,
        "key": list(task.key),
        "time": task.time,
        "version": of_value(version),
    }


def _column(column: ColumnSpec) -> dict[str, Any]:
    return _set(column.model_dump(mode="json"))


def _set(declared: dict[str, Any]) -> dict[str, Any]:
    """Without what is left out: limits that are none, and what nobody asked for."""
    return {key: value for key, value in declared.items() if key not in OPTIONAL or value not in (None, False, 0.0) or (key in LIMITS and value is not None)}


def as_shipped(contract: dict[str, Any], task: Task, dropped: Iterable[str]) -> dict[str, Any]:
    """The contract that other rooms and the bundle see: a class label is text, lifeless columns are named."""
    columns = dict(contract["columns"])
    if task.labels is not None:
        target = {key: value for key, value in columns[task.target].items() if key not in ("min", "max")}
        columns[task.target] = target | {"type": "string", "from": target["type"], "allowed": list(task.labels)}
    return {**contract, "columns": columns, "dropped": list(dropped)}


@dataclass
class _Broken:
    """A check over all slices. rows: how many break it; ids: which, where they may have to be set aside; first: the first row and its value."""

    check: Check | Whole
    rows: int = 0
    ids: list[pl.Series] = field(default_factory=list)
    first: tuple[int, str] | None = None

    def does(self, n_rows: int) -> str:
        """What the check does in the end: as declared, or one step less while few enough rows break it."""
        declared = self.check.on_fail
        return SOFTER[declared] if 0 < self.rows <= self.check.tolerated * n_rows else declared


SOFTER = {"reject": "quarantine", "quarantine": "warn", "warn": "warn"}


class Judge:
    """Puts conformed rows (row_id and all contract columns, none without a target) to the contract, slice by slice."""

    def __init__(self, contract: Mapping[str, Any], spec: DataSpec, source: str) -> None:
        """source: the primary source, for messages."""
        self._contract, self._spec, self._source = contract, spec, source
        judged = [c for c in checks(contract, order(contract)) if c.name != f"{contract['target']}.present"]
        wholes = whole_checks(contract, spec.unique)
        # As they are declared: a column's checks, then what only all rows tell of it, the rules, the rows' place in time.
        of_columns: list[Check | Whole] = []
        for name in order(contract):
            of_columns += [check for check in judged if check.column == name]
            of_columns += [check for check in wholes if check.column == name]
        rest: list[Check | Whole] = [*[c for c in judged if c.column is None], *_timeless(spec), *[w for w in wholes if w.column is None]]
        self._broken = [_Broken(check) for check in (*of_columns, *rest)]
        self._n_rows = 0

    def look(self, rows: pl.DataFrame) -> None:
        """Judge the next slice."""
        self._n_rows += rows.height
        by_row = [broken for broken in self._broken if isinstance(broken.check, Check)]
        if not by_row or not rows.height:
            return
        found = verdicts(rows, [broken.check for broken in by_row if isinstance(broken.check, Check)])
        n_fine = found.select(pl.all().sum()).row(0)
        for broken, name, fine in zip(by_row, found.columns, n_fine, strict=True):
            if fine < rows.height:
                self._note(broken, rows, ~found[name])

    def _note(self, broken: _Broken, rows: pl.DataFrame, where: pl.Series) -> None:
        ids = rows[ROW_ID].filter(where)
        broken.rows += ids.len()
        if broken.check.on_fail == "quarantine" or broken.check.tolerated:
            broken.ids.append(ids)
        if broken.first is None:
            column = broken.check.column
            broken.first = (int(ids[0]), shown(rows[column].filter(where)[0]) if column else "")

    def settle(self, kept: Kept) -> Enforced:
        """The verdict over all rows. kept: those that were judged.

        Raises RefusedError with everything that stops the run: checks declared as `reject`, more than max_quarantined_share of
        the rows to be set aside, rules of the table that do not hold.
        """
        for kind in ("fresh", "unique"):
            for broken in self._broken:
                if isinstance(broken.check, Whole) and broken.check.kind == kind:
                    self._look_at_all(broken, broken.check, kept)
        does = {id(broken): broken.does(self._n_rows) for broken in self._broken if broken.rows}
        told = [broken for broken in self._broken if broken.rows]
        faults = [self._refusal(broken) for broken in told if does[id(broken)] == "reject"]
        aside = [broken for broken in told if does[id(broken)] == "quarantine"]
        why = self._reasons(aside)
        quarantined = dict(sorted((broken.check.name, broken.rows) for broken in aside))
        faults += self._share_fault(why.height, quarantined)
        tables = broken_tables(self._contract, kept, why[ROW_ID], self._source)
        faults += [fault for _, on_fail, fault in tables if on_fail == "reject"]
        if faults:
            raise RefusedError(faults)
        bad = kept.rows().join(why.lazy(), on=ROW_ID, how="inner").sort(ROW_ID).collect(engine="streaming")
        return Enforced(
            self._n_rows,
            bad,
            quarantined,
            {broken.check.name: broken.rows for broken in told if does[id(broken)] == "warn"},
            {broken.check.name: does[id(broken)] for broken in told if does[id(broken)] != broken.check.on_fail},
            tuple(name for name, on_fail, _ in tables if on_fail == "warn"),
        )

    def _look_at_all(self, broken: _Broken, check: Whole, kept: Kept) -> None:
        """Judge what only all rows tell. Of values that stand twice only those count whose rows nothing before sets aside."""
        before = [other for other in self._broken if other.rows and other.does(self._n_rows) == "quarantine"]
        rows = kept.rows().select(ROW_ID, *check.reads).collect(engine="streaming")
        if check.kind == "unique" and before:
            rows = rows.filter(~rows[ROW_ID].is_in(self._reasons(before)[ROW_ID].implode()))
        where = check.broken_by(rows)
        if where.any():
            self._note(broken, rows, where)

    def _reasons(self, aside: list[_Broken]) -> pl.DataFrame:
        """row_id of each row that one of the checks sets aside, in order, with their names in REASON."""
        if not aside:
            return pl.DataFrame(schema={ROW_ID: pl.UInt64, REASON: pl.String})
        rank = {id(broken): n for n, broken in enumerate(self._broken)}
        rows = [pl.DataFrame({ROW_ID: pl.concat(broken.ids)}).with_columns(check=pl.lit(rank[id(broken)], pl.UInt32)) for broken in aside]
        names = pl.Series([broken.check.name for broken in self._broken], dtype=pl.String)
        long = pl.concat(rows).sort(ROW_ID, "check").select(ROW_ID, pl.col("check").alias(REASON))
        return long.with_columns(names.gather(long[REASON]).alias(REASON)).group_by(ROW_ID, maintain_order=True).agg(pl.col(REASON).str.join("; "))

    def _refusal(self, broken: _Broken) -> Fault:
        check = broken.check
        row, value = broken.first or (0, "")
        found = f" with {value}" if value else ""
        beyond = f", more than the tolerated {check.tolerated:.1%}" if check.tolerated else ""
        wrong = f"{broken.rows:,} of {self._n_rows:,} rows of {self._source} break {check.name}{beyond}, first row {row} (from 0){found}"
        return Fault(f"data.{check.at}", wrong, check.says, "correct the data, or declare `on_fail: quarantine`")

    def _share_fault(self, n_bad: int, quarantined: Mapping[str, int]) -> list[Fault]:
        limit = self._spec.max_quarantined_share
        if not self._n_rows or n_bad / self._n_rows <= limit:
            return []
        most = ", ".join(f"{name} {count:,}" for name, count in sorted(quarantined.items(), key=lambda item: (-item[1], item[0]))[:8])
        wrong = f"{n_bad:,} of {self._n_rows:,} rows of {self._source} ({n_bad / self._n_rows:.1%}) break the contract: {most}"
        hint = "look at these columns; correct the data or the contract"
        return [Fault("data.max_quarantined_share", wrong, f"at most {limit:.1%} set aside", hint)]


def _timeless(spec: DataSpec) -> list[Check]:
    """A row without a time cannot be put before or after another, whatever its column allows."""
    cut = getattr(spec.split, "column", None)
    if cut is None or (not spec.columns[cut].nullable and spec.columns[cut].on_fail != "warn" and not spec.columns[cut].tolerated_share):
        return []
    return [Check(TIMELESS, "split.column", "a time in every row", "quarantine", pl.col(cut).is_not_null())]
