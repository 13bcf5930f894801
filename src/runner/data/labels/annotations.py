"""What annotators said: a long table of rows, annotators and labels, as codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.bundle.casts import cast
from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.data.joins.keys import common_key
from runner.data.labels.cells import as_text
from runner.data.labels.spec import AnnotationsSpec
from runner.problem.task import Task

AT = "data.label.annotations"
SHOWN = 5


@dataclass(frozen=True)
class Annotated:
    """n annotations of I items by J annotators, sorted, so that the order of the file decides nothing.

    keys: (I) one row per item; item, annotator, label: (n,) positions in keys, annotators and labels; skipped: annotations without a label.
    """

    keys: pl.DataFrame
    annotators: tuple[str, ...]
    labels: tuple[str, ...]
    item: np.ndarray
    annotator: np.ndarray
    label: np.ndarray
    skipped: int

    def place(self, rows: pl.DataFrame, spec: AnnotationsSpec) -> pl.Series:
        """Position of each row's key among the items; null where nobody has said anything of it."""
        mine, theirs = [], []
        for left, right in spec.keys.items():
            kind = common_key(rows[left].dtype, self.keys[right].dtype) or self.keys[right].dtype
            mine.append(rows[left].cast(kind).alias(left))
            theirs.append(self.keys[right].cast(kind).alias(left))
        items = pl.DataFrame(theirs).with_row_index("__runner_item")
        return pl.DataFrame(mine).join(items, on=list(spec.keys), how="left", maintain_order="left")["__runner_item"]

    def agreed(self, rows: pl.DataFrame, posterior: np.ndarray, spec: AnnotationsSpec) -> pl.Series:
        """The most probable label of each row, as text; null without one, or where it is less probable than declared. posterior: (I, K)."""
        best = posterior.argmax(axis=1)
        sure = posterior.max(axis=1) >= spec.min_probability if len(best) else np.zeros(0, dtype=bool)
        names = pl.Series([self.labels[k] if ok else None for k, ok in zip(best, sure, strict=True)], dtype=pl.String)
        return names.gather(self.place(rows, spec))


def gather(spec: AnnotationsSpec, table: pl.DataFrame, task: Task, kind: str, shown: str) -> Annotated:
    """The declared columns of the annotations, checked. kind: contract type of the outcome; shown: the file, for messages.

    Raises FaultsError for labels that are none, keys or annotators that are missing, and two labels by one annotator for one row.
    """
    keys = list(dict.fromkeys(spec.keys.values()))
    given = table[spec.label]
    frame = table.select(keys).with_columns(
        table[spec.annotator].cast(pl.String).alias("__runner_who"),
        as_text(given, kind).alias("__runner_label"),
        given.cast(pl.String).alias("__runner_written"),
        _when(table, spec.at).alias("__runner_at"),
    )
    said = frame.filter(pl.col("__runner_written").fill_null("") != "")
    labels = task.labels or ()
    faults = [*_missing(said, keys, spec, shown), *_unknown(said, labels, shown)]
    whole = said.drop_nulls([*keys, "__runner_who"])
    latest = whole.filter(pl.col("__runner_at").rank("dense", descending=True).fill_null(0).over([*keys, "__runner_who"]) <= 1)
    faults += _twice(latest.select(*keys, "__runner_who"), spec, shown)
    if faults:
        raise FaultsError(faults)
    ordered = latest.sort([*keys, "__runner_who"])
    items = ordered.select(keys).unique(maintain_order=True)
    who = sorted(set(ordered["__runner_who"].to_list()))
    place = ordered.select(keys).join(items.with_row_index("__runner_item"), on=keys, how="left", maintain_order="left")["__runner_item"]
    return Annotated(
        items,
        tuple(who),
        tuple(labels),
        place.cast(pl.Int64).to_numpy(),
        _codes(ordered["__runner_who"], who),
        _codes(ordered["__runner_label"], labels),
        frame.height - said.height,
    )


def _when(table: pl.DataFrame, at: str | None) -> pl.Series:
    if at is None:
        return pl.repeat(0, table.height, dtype=pl.Int8, eager=True)
    return table[at] if table[at].dtype.is_numeric() else cast(table[at], "datetime").values


def _some(n: int) -> str:
    return f"{n:,} annotation{'' if n == 1 else 's'}"


def _codes(values: pl.Series, known: tuple[str, ...] | list[str]) -> np.ndarray:
    return values.cast(pl.Enum(list(known))).to_physical().cast(pl.Int64).to_numpy()


def _missing(said: pl.DataFrame, keys: list[str], spec: AnnotationsSpec, shown: str) -> list[Fault]:
    faults = []
    for at, column in [*((f"{AT}.keys", key) for key in keys), (f"{AT}.annotator", "__runner_who")]:
        n = said[column].null_count()
        name = spec.annotator if column == "__runner_who" else column
        if n:
            faults.append(Fault(at, f"{_some(n)} of {shown} without {name}", "a row and an annotator for each label", "leave these annotations out"))
    return faults


def _unknown(said: pl.DataFrame, labels: tuple[str, ...], shown: str) -> list[Fault]:
    known = pl.col("__runner_label").is_in(list(labels)).fill_null(value=False)
    wrong = said.filter(~known)["__runner_written"].value_counts(name="rows").sort(["rows", "__runner_written"], descending=[True, False])
    return [
        Fault(f"{AT}.label", f"{_some(n)} of {shown} {'says' if n == 1 else 'say'} {text!r}", f"one of {listed(labels)}, or nothing", nearest(text, labels))
        for text, n in wrong.head(SHOWN).iter_rows()
    ]


def _twice(latest: pl.DataFrame, spec: AnnotationsSpec, shown: str) -> list[Fault]:
    n = int(latest.is_duplicated().sum())
    if not n:
        return []
    told = f"{_some(n)} of {shown} share row and annotator" + (f" and the latest {spec.at}" if spec.at else "")
    return [Fault(AT, told, "one label by each annotator for a row", "leave all but one out" if spec.at else "declare `at`, so that the later counts")]
