"""What reviewers said of labels: read from their file, and put onto the rows they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle.casts import cast
from runner.bundle.contract import missing_columns
from runner.core.digests import of_file
from runner.core.faults import Fault, FaultsError, nearest
from runner.data.labels.cells import ROW_ID, as_text, unescaped
from runner.data.sources import csv
from runner.data.unreadable import UnreadableError, WrongSeparatorError
from runner.problem.task import Task

AT = "data.label.corrections"
KEEP, CHANGE, DROP = "keep", "change", "drop"
VERDICTS = (KEEP, CHANGE, DROP)
VERDICT, NEW, GIVEN, REVIEWER = "verdict", "new_label", "given_label", "reviewer"
NUMBER = "__runner_correction"
Types = Mapping[str, str]


@dataclass(frozen=True)
class Corrections:
    """The verdicts of one file.

    shown, sha256: of the file; key: columns that name a row; rows: key columns, verdict, new_label and given_label as text, and `row`,
    the place in the file from 1; one row per verdict and key. not_reviewed: rows without a verdict; reviewers: name to verdicts;
    faults: what is wrong with rows of the file, told together with verdicts that do not fit the data; a verdict with a fault changes nothing.
    """

    shown: str
    sha256: str
    key: tuple[str, ...]
    rows: pl.DataFrame
    not_reviewed: int
    reviewers: Mapping[str, int]
    faults: tuple[Fault, ...] = ()

    def of(self, verdict: str) -> pl.Series:
        """Boolean: the verdicts of this kind."""
        return self.rows[VERDICT] == verdict

    def named(self, rows: pl.DataFrame, types: Types) -> pl.DataFrame:
        """Which rows a verdict is about: `place` in the rows, and `NUMBER`, the position of the verdict."""
        theirs = self.rows.select(*self.key, pl.int_range(self.rows.height, dtype=pl.Int64, eager=True).alias(NUMBER))
        return key_of(rows, self.key, types).with_row_index("place").join(theirs, on=list(self.key), how="inner", maintain_order="left")


def key_of(rows: pl.DataFrame, key: tuple[str, ...], types: Types, position: str = ROW_ID) -> pl.DataFrame:
    """The key columns of rows, as text. types: contract type of each column; position: the column that holds the row's position."""
    return pl.DataFrame([as_text(rows[position if c == ROW_ID else c], types.get(c, "int")).alias(c) for c in key])


def read_corrections(path: Path, shown: str, key: tuple[str, ...], types: Types, task: Task) -> Corrections:
    """Read a file of verdicts; unknown verdicts and labels and a key twice are `faults`.

    Raises FaultsError for a file that cannot be read or lacks a column.
    """
    table, sha256 = _table(path, shown)
    faults = missing_columns([*key, VERDICT], table.columns, f"{AT} ({shown})")
    if faults:
        raise FaultsError(faults)
    given = {name: table[name] if name in table.columns else pl.repeat(None, table.height, dtype=pl.String, eager=True) for name in (NEW, GIVEN, REVIEWER)}
    keys = [as_text(unescaped(table[c]), types.get(c, "int")).alias(c) for c in key]
    found = pl.DataFrame(
        [
            pl.int_range(1, table.height + 1, dtype=pl.Int64, eager=True).alias("row"),
            *keys,
            table[VERDICT].str.strip_chars().str.to_lowercase().alias(VERDICT),
            given[REVIEWER].alias(REVIEWER),
            *[as_text(unescaped(given[name]), types[task.target]).alias(name) for name in (NEW, GIVEN)],
            given[NEW].alias("written"),
        ]
    )
    said = found.filter(pl.col(VERDICT).fill_null("") != "")
    faults = [*_verdict_faults(said, shown), *_key_faults(said, key, shown), *_label_faults(said, task, types[task.target], shown)]
    if faults:
        # What can be looked up still is, so that stale labels and unknown keys are told in the same breath.
        wrong = [_row_of(fault) for fault in faults]
        said = said.drop_nulls(list(key)).unique(list(key), keep="first", maintain_order=True)
        said = said.with_columns(pl.when(pl.col("row").is_in(wrong)).then(pl.lit(KEEP)).otherwise(VERDICT).alias(VERDICT))
    reviewers = said[REVIEWER].fill_null("not named").alias("name").value_counts(name="rows").sort("name")
    return Corrections(shown, sha256, key, said.drop("written", REVIEWER), found.height - said.height, dict(reviewers.iter_rows()), tuple(faults))


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Faults of rows of the file, by their place in it."""
    return sorted(faults, key=_row_of)


def _row_of(fault: Fault) -> int:
    return int(fault.at.rsplit(" ", 1)[-1])


def _table(path: Path, shown: str) -> tuple[pl.DataFrame, str]:
    if not path.is_file():
        wrong = "is a folder" if path.is_dir() else "is missing"
        hint = "python -m runner labels review writes one; fetch a file under DVC with `dvc pull`"
        raise FaultsError([Fault(AT, f"{shown} {wrong}", "a CSV file with reviewers' verdicts", hint)])
    try:
        sha256 = of_file(path)
        try:
            return csv.scan(_dialect(path, ","), path).collect(), sha256
        except WrongSeparatorError as error:
            # A spreadsheet saves with the separator of its country.
            return csv.scan(_dialect(path, error.found), path).collect(), sha256
    except UnreadableError as error:
        raise FaultsError([Fault(AT, f"{shown}: {error.wrong}", error.expected, error.hint)]) from None
    except OSError as error:
        raise FaultsError([Fault(AT, f"{shown} cannot be read: {error.strerror}", "a readable file")]) from None


def _dialect(path: Path, separator: str) -> csv.CsvSpec:
    # Only an empty cell is missing: NA may well be somebody's key.
    return csv.CsvSpec(kind="csv", path=str(path), separator=separator, null_values=[""])


def _verdict_faults(said: pl.DataFrame, shown: str) -> list[Fault]:
    wrong = said.filter(~pl.col(VERDICT).is_in(VERDICTS))
    return [
        Fault(_at(shown, row), f"the verdict {verdict!r} is not known", f"one of {', '.join(VERDICTS)}, or nothing", nearest(verdict, VERDICTS))
        for row, verdict in wrong.select("row", VERDICT).iter_rows()
    ]


def _key_faults(said: pl.DataFrame, key: tuple[str, ...], shown: str) -> list[Fault]:
    named = ", ".join(key)
    lost = said.filter(pl.any_horizontal(pl.col(list(key)).is_null()))
    faults = [Fault(_at(shown, row), f"{named} is empty or of another type", "the key of a row", "copy it from the review file") for row in lost["row"]]
    known = said.drop_nulls(list(key)).with_columns(first=pl.col("row").min().over(list(key)))
    again = known.filter(pl.col("row") != pl.col("first"))
    return faults + [
        Fault(_at(shown, row), f"{named} stands in row {first} already", "one verdict a row", "keep the one that holds")
        for row, first in again.select("row", "first").iter_rows()
    ]


def _label_faults(said: pl.DataFrame, task: Task, kind: str, shown: str) -> list[Fault]:
    """A change needs a label that the outcome can have."""
    expected = f"one of {', '.join(task.labels)}" if task.labels is not None else f"a number of the type {kind}"
    faults = []
    for row, label, written in said.filter(pl.col(VERDICT) == CHANGE).select("row", NEW, "written").iter_rows():
        if written is None:
            faults.append(Fault(_at(shown, row), f"{NEW} is empty, and the verdict is {CHANGE}", expected))
        elif label is None or (task.labels is not None and label not in task.labels) or (task.labels is None and not _is_finite(label)):
            faults.append(Fault(_at(shown, row), f"{NEW} {written!r} is no outcome", expected, nearest(written, task.labels or ())))
    return faults


def _is_finite(text: str) -> bool:
    return bool(pl.Series([text]).cast(pl.Float64, strict=False).is_finite().fill_null(value=False)[0])


def _at(shown: str, row: int) -> str:
    return f"{AT} ({shown}), row {row}"


def changed(target: pl.Series, places: pl.Series, new: pl.Series, kind: str) -> pl.Series:
    """The outcome column with new labels at some places, in the type it has.

    places: positions in the column; new: labels as text, one per place; kind: the contract's type of the outcome.
    """
    typed: Any = cast(new, kind).values
    dtype = target.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        # Such a column may not know the label; the contract reads text as well.
        target, dtype = target.cast(pl.String), pl.String()
    typed = new if dtype == pl.String else typed.cast(dtype)
    # A copy: scatter writes into the column it is called on.
    return target.clone().scatter(places, typed) if len(places) else target
