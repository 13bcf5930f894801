"""The declared contract put to the rows: what stops the run, what is set aside, what is only counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from runner.bundle.contract import Check, checks, order, reasons, shown
from runner.core.digests import of_value
from runner.core.faults import Fault, RefusedError
from runner.data.spec import ColumnSpec, DataSpec
from runner.problem.task import Task

ROW_ID = "row_id"
REASON = "__runner_reason"
DOUBLED = "unique"
TIMELESS = "split.time"
OPTIONAL = ("min", "max", "allowed", "pattern", "unit")


@dataclass(frozen=True)
class Enforced:
    """good: rows that may be learned from; bad: rows set aside, with why in REASON; quarantined, warned: check name to rows."""

    good: pl.DataFrame
    bad: pl.DataFrame
    quarantined: dict[str, int] = field(default_factory=dict)
    warned: dict[str, int] = field(default_factory=dict)


def contract_of(spec: DataSpec, task: Task) -> dict[str, Any]:
    """The content of contract.json, in declared types; `as_shipped` gives the form that leaves this room."""
    columns = {name: _column(column) for name, column in spec.columns.items()}
    columns[task.target]["available"] = "after_event"
    rules = {name: rule.model_dump(mode="json") for name, rule in spec.rules.items()}
    return {
        "columns": columns,
        "rules": rules,
        "order": list(columns),
        "target": task.target,
        "key": list(task.key),
        "time": task.time,
        "version": of_value({"columns": columns, "order": list(columns), "rules": rules}),
    }


def _column(column: ColumnSpec) -> dict[str, Any]:
    declared = column.model_dump(mode="json")
    return {key: value for key, value in declared.items() if key not in OPTIONAL or value is not None}


def as_shipped(contract: dict[str, Any], task: Task, dropped: Iterable[str]) -> dict[str, Any]:
    """The contract that other rooms and the bundle see: a class label is text, lifeless columns are named."""
    columns = dict(contract["columns"])
    if task.labels is not None:
        target = {key: value for key, value in columns[task.target].items() if key not in ("min", "max")}
        columns[task.target] = target | {"type": "string", "from": target["type"], "allowed": list(task.labels)}
    return {**contract, "columns": columns, "dropped": list(dropped)}


def enforce(rows: pl.DataFrame, contract: Mapping[str, Any], spec: DataSpec, source: str) -> Enforced:
    """Judge conformed rows (row_id and all contract columns, none without a target).

    source: the primary source, for messages. Raises RefusedError when a check declared as `reject` fails somewhere, or
    more than max_quarantined_share of the rows would be set aside.
    """
    judged = [c for c in checks(contract, order(contract)) if c.name != f"{contract['target']}.present"]
    verdicts = _verdicts(rows, judged)
    broken = {c.name: rows.height - int(verdicts[c.name].sum()) for c in judged}
    rejected = [_refusal(rows, c, verdicts[c.name], source) for c in judged if c.on_fail == "reject" and broken[c.name]]
    if rejected:
        raise RefusedError(rejected)
    why = reasons(rows, [*[c for c in judged if c.on_fail == "quarantine"], *_timeless(spec)])
    fine = why.list.len() == 0
    doubled = _doubled(rows, fine, spec.unique)
    reason = pl.select(pl.when(doubled).then(pl.lit(DOUBLED)).otherwise(why.list.join("; ")).alias(REASON))[REASON]
    good = fine & ~doubled
    bad = rows.with_columns(reason).filter(~good)
    quarantined = _counts(why) | ({DOUBLED: int(doubled.sum())} if doubled.any() else {})
    _check_share(bad.height, rows.height, quarantined, spec.max_quarantined_share, source)
    warned = {c.name: broken[c.name] for c in judged if c.on_fail == "warn" and broken[c.name]}
    return Enforced(rows.filter(good), bad, quarantined, warned)


def _timeless(spec: DataSpec) -> list[Check]:
    """A row without a time cannot be put before or after another, whatever its column allows."""
    cut = getattr(spec.split, "column", None)
    if cut is None or (not spec.columns[cut].nullable and spec.columns[cut].on_fail != "warn"):
        return []
    return [Check(TIMELESS, "split.column", "a time in every row", "quarantine", pl.col(cut).is_not_null(), cut)]


def _verdicts(rows: pl.DataFrame, judged: list[Check]) -> pl.DataFrame:
    return rows.with_columns([c.fine.alias(f"__runner_{c.name}") for c in judged]).select([pl.col(f"__runner_{c.name}").alias(c.name) for c in judged])


def _refusal(rows: pl.DataFrame, check: Check, fine: pl.Series, source: str) -> Fault:
    first = int((~fine).arg_max() or 0)
    found = f" with {shown(rows[check.column][first])}" if check.column else ""
    n = rows.height - int(fine.sum())
    wrong = f"{n:,} of {rows.height:,} rows of {source} break {check.name}, first row {rows[ROW_ID][first]} (from 0){found}"
    return Fault(f"data.{check.at}", wrong, check.says, "correct the data, or declare `on_fail: quarantine`")


def _doubled(rows: pl.DataFrame, fine: pl.Series, unique: list[str]) -> pl.Series:
    """TRUE for each row whose key stands in an earlier row that is fine."""
    if not unique:
        return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
    kept = rows.select(ROW_ID, *[c for c in unique if c != ROW_ID]).filter(fine)
    repeated = kept.filter(~kept.select(pl.struct(unique).is_first_distinct()).to_series())[ROW_ID]
    return rows[ROW_ID].is_in(repeated.implode()) if repeated.len() else pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)


def _counts(why: pl.Series) -> dict[str, int]:
    """Check name to rows that break it; a row may break several."""
    names = why.filter(why.list.len() > 0).explode().alias("check")
    return dict(names.value_counts(name="rows").sort("check").iter_rows())


def _check_share(n_bad: int, n_rows: int, quarantined: Mapping[str, int], limit: float, source: str) -> None:
    if not n_rows or n_bad / n_rows <= limit:
        return
    most = ", ".join(f"{name} {count:,}" for name, count in sorted(quarantined.items(), key=lambda item: (-item[1], item[0]))[:8])
    wrong = f"{n_bad:,} of {n_rows:,} rows of {source} ({n_bad / n_rows:.1%}) break the contract: {most}"
    raise RefusedError(
        [
            Fault(
                "data.max_quarantined_share",
                wrong,
                f"at most {limit:.1%} set aside",
                "look at these columns; correct the data or the contract",
            )
        ]
    )
