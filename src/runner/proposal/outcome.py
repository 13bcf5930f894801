"""The outcome to learn: what kind of task it is, its labels, and which of them is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from runner.bundle.contract import labels as label_text
from runner.core.expressions import literal
from runner.core.faults import FaultsError, fault, listed, nearest
from runner.proposal.asked import Asked
from runner.proposal.table import Column, Table

MOST_LABELS = 20
MOST_NUMBERED_LABELS = 6
RARE = 20  # labels with fewer rows are left out where there are more than two
POSITIVE_WORDS = (
    *("yes", "true", "1", "y", "t", "churned", "churn", "left", "bad", "default", "defaulted", "fraud", "fraudulent"),
    *("positive", "cancelled", "canceled", "late", "failed", "failure", "won", "converted", "accepted", "subscribed"),
)


@dataclass(frozen=True)
class Outcome:
    """task; column: of the target; labels: label to rows, by name, {} for regression;
    positive: the label looked for in a binary task; filter: SQL of the rows to learn from, where not all of them have an outcome;
    n_missing: rows without one; n_rare: rows of labels that are left out; respelled: the file writes some labels otherwise."""

    task: str
    column: Column
    labels: Mapping[str, int] = field(default_factory=dict)
    positive: str | None = None
    filter: str | None = None
    n_missing: int = 0
    n_rare: int = 0
    respelled: bool = False

    @property
    def rarest(self) -> int:
        """Rows of the rarest label; 0 for regression."""
        return min(self.labels.values(), default=0)


@dataclass(frozen=True)
class Labels:
    """Which labels of several can be learned. most: so many; fewest_rows: a label with fewer is left out;
    whole: whether few different whole numbers are labels where they are written as broken ones, as a column with gaps has them."""

    most: int = MOST_LABELS
    fewest_rows: int = RARE
    whole: bool = False


USUAL = Labels()


def outcome_of(table: Table, asked: Asked, raw_columns: list[str], learned: Labels = USUAL) -> Outcome:
    """Infer the task from the target's values. Raises FaultsError where it cannot be one."""
    column = _target(table, asked, raw_columns)
    facts, n_missing = column.facts, column.facts.missing
    at = f"--target {asked.target}"
    if facts.distinct < 2:
        value = f", {facts.top[0][0]!r}" if facts.top else ""
        raise fault(
            at, f"has one value in every row{value}", "an outcome that differs from row to row", "choose another column, or add rows of the other outcome"
        )
    if column.is_moment:
        raise fault(at, f"is a {column.type}", "a label or a number", "make the outcome with data.label, for example whether the day came within a month")
    task = asked.task or _task(column, learned)
    if task == "regression":
        return _regression(column, at, n_missing)
    counts = _counts(table.rows[column.name])
    if task == "multiclass" and len(counts) > 2:
        return _multiclass(column, counts, n_missing, at, learned)
    if len(counts) != 2:
        raise fault(at, f"has {len(counts)} labels: {listed(counts, 8)}", "two labels for a binary task", "--task multiclass")
    return _binary(column, counts, n_missing, asked)


def _target(table: Table, asked: Asked, raw_columns: list[str]) -> Column:
    column = table.of_raw(asked.target)
    if column is not None:
        return column
    at = f"--target {asked.target}"
    if asked.target in table.left_out:
        raise fault(at, f"cannot be the outcome: {table.left_out[asked.target]}", "a column of labels or numbers with values", "choose another column")
    hint = nearest(asked.target, raw_columns) or f"columns: {listed(raw_columns, 40)}"
    raise fault("--target", f"there is no column {asked.target!r} in {table.source.shown}", "a column of the data", hint)


def _task(column: Column, learned: Labels) -> str:
    distinct = column.facts.distinct
    if distinct == 2:
        return "binary"
    if not column.is_number:
        return "multiclass"
    is_whole = column.type == "int" or (learned.whole and all(float(text).is_integer() for text, _ in column.facts.top))
    return "multiclass" if is_whole and distinct <= MOST_NUMBERED_LABELS else "regression"


def _counts(values: pl.Series) -> dict[str, int]:
    counted = label_text(values.drop_nulls()).alias("label").value_counts(name="rows").sort("label")
    return dict(counted.iter_rows())


def _regression(column: Column, at: str, n_missing: int) -> Outcome:
    if not column.is_number:
        raise fault(at, f"is {column.type}, such as {column.facts.top[0][0]!r}", "a number for a regression", "leave --task out, or choose another column")
    known = f"{column.sql} IS NOT NULL" if n_missing else None
    return Outcome("regression", column, filter=known, n_missing=n_missing)


def _multiclass(column: Column, counts: Mapping[str, int], n_missing: int, at: str, learned: Labels) -> Outcome:
    fewest = learned.fewest_rows
    kept = {label: n for label, n in counts.items() if n >= fewest} if max(counts.values()) >= fewest else dict(counts)
    if len(kept) > learned.most or len(kept) < 2:
        n_common = sum(n >= fewest for n in counts.values())
        wrong = f"has {len(counts):,} different values, {n_common or 'none'} of them in at least {fewest} rows"
        raise fault(at, wrong, f"a number, or 2 to {learned.most} labels", "group the labels into one column first, or choose another target")
    _check_labels(kept, at)
    rare = sum(counts.values()) - sum(kept.values())
    known = f"{column.sql} IS NOT NULL" if n_missing else None
    rows = _among(column, kept) if rare else known
    return Outcome("multiclass", column, kept, filter=rows, n_missing=n_missing, n_rare=rare, respelled=_respelled(column, counts))


def _among(column: Column, kept: Mapping[str, int]) -> str:
    """SQL over a row of the source that is TRUE for the kept labels."""
    if column.type == "string":
        return f"{column.sql} IN ({', '.join(map(literal, kept))})"
    is_text = column.raw_facts.dtype == pl.String and column.reading.sql is None
    number = f"TRY_CAST(TRIM({column.sql}) AS DOUBLE)" if is_text else column.sql
    return f"{number} IN ({', '.join(kept)})"


def _binary(column: Column, counts: Mapping[str, int], n_missing: int, asked: Asked) -> Outcome:
    at = f"--target {asked.target}"
    _check_labels(counts, at)
    chosen = _positive(counts)
    if asked.positive is not None:
        wanted = asked.positive.strip().casefold()
        same = [label for label in counts if label == asked.positive] or [label for label in counts if label.casefold() == wanted]
        if not same:
            raise fault(f"--positive {asked.positive}", f"is not a label of {asked.target}", f"one of {listed(counts)}", nearest(asked.positive, counts))
        chosen = same[0]
    known = f"{column.sql} IS NOT NULL" if n_missing else None
    return Outcome("binary", column, counts, chosen, known, n_missing=n_missing, respelled=_respelled(column, counts))


def _positive(counts: Mapping[str, int]) -> str:
    """The label that sounds like the event; of two that do or do not, the rarer one."""
    telling = [label for label in counts if label.strip().casefold() in POSITIVE_WORDS]
    return telling[0] if len(telling) == 1 else min(counts, key=lambda label: (counts[label], label))


def _check_labels(counts: Mapping[str, int], at: str) -> None:
    wrong = [label for label in counts if "${" in label or label == "???" or not label]
    if wrong:
        raise FaultsError(
            fault(at, f"the label {label!r} means something else in config", "another text", "rename it in the data").faults[0] for label in wrong
        )


def _respelled(column: Column, counts: Mapping[str, int]) -> bool:
    """Whether some rows of the file write a label as it will be called, and others do not: 'yes' beside 'Yes '."""
    written = {text for text, _ in column.raw_facts.top if text not in column.reading.markers}
    return bool(written & set(counts)) and bool(written - set(counts))
