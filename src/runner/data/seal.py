"""Setting rows apart: the sealed test, the folds, and whether each of them can serve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from runner.core.digests import of_value
from runner.core.gates import Gate
from runner.core.registry import part
from runner.data.enforce import ROW_ID
from runner.data.outcome import ROOM
from runner.problem.task import Task

TEST = -2


@dataclass(frozen=True)
class Apart:
    """place: a row, Int8: TEST, FIRST_BLOCK or its fold; folds: row_id, fold (Int8) of the training rows; split: split.json."""

    place: pl.Series
    folds: pl.DataFrame
    split: dict[str, Any]
    gates: list[Gate]


@dataclass(frozen=True)
class Sealed:
    """train and test: contract columns and row_id; folds, split and gates: as those of Apart."""

    train: pl.DataFrame
    test: pl.DataFrame
    folds: pl.DataFrame
    split: dict[str, Any]
    gates: list[Gate]


def columns_needed(spec: Any, task: Task) -> list[str]:
    """The only columns that `set_apart` reads."""
    return list(dict.fromkeys([ROW_ID, task.target, *[name for name in [getattr(spec, "column", None)] if name]]))


def set_apart(rows: pl.DataFrame, spec: Any, task: Task, seed: int) -> Apart:
    """A place for each row by the declared kind. A test or a fold that cannot serve is a failed gate, with the numbers.

    rows: the columns needed, labels as text, in order of row_id; spec: the spec of a registered split.
    """
    place = part("split", spec.kind)(spec, rows, task.target, task.task, seed)
    in_test = place == TEST
    train, test = rows.filter(~in_test), rows.filter(in_test)
    folds = pl.DataFrame({ROW_ID: train[ROW_ID], "fold": place.filter(~in_test)})
    walks_forward = bool(getattr(spec, "walks_forward", False))
    parts = [(k, *_fold(train, folds["fold"], k, walks_forward)) for k in range(spec.folds)]
    split: dict[str, Any] = {
        "kind": spec.kind,
        "walks_forward": walks_forward,
        "seal": of_value([test[ROW_ID].to_list(), test[task.target].to_list()]),
        "rows": {"train": train.height, "test": test.height},
        "folds": [{"fold": k, "train_rows": taught.height, "valid_rows": valid.height} for k, taught, valid in parts],
    }
    cut = getattr(spec, "column", None)
    if cut is not None:
        split["time_ranges"] = {"train": _range(train[cut]), "test": _range(test[cut])} | {f"fold_{k}": _range(valid[cut]) for k, _, valid in parts}
    return Apart(place, folds, split, _judge(test, parts, task, walks_forward))


def seal(rows: pl.DataFrame, spec: Any, task: Task, seed: int) -> Sealed:
    """Set whole rows apart, as `set_apart` says. rows: with row_id and labels as text."""
    apart = set_apart(rows, spec, task, seed)
    return Sealed(rows.filter(apart.place > TEST), rows.filter(apart.place == TEST), apart.folds, apart.split, apart.gates)


def withheld(rows: pl.DataFrame, spec: Any) -> Sealed:
    """What is written when there is too little to split: no rows anywhere, and no seal."""
    none = rows.clear()
    split = {"kind": spec.kind, "walks_forward": bool(getattr(spec, "walks_forward", False)), "seal": None, "rows": {"train": 0, "test": 0}, "folds": []}
    return Sealed(none, none, none.select(ROW_ID, fold=pl.lit(0, pl.Int8)), split, [])


def _fold(train: pl.DataFrame, fold: pl.Series, k: int, walks_forward: bool) -> tuple[pl.DataFrame, pl.DataFrame]:
    return train.filter(fold < k if walks_forward else fold != k), train.filter(fold == k)


def _judge(test: pl.DataFrame, parts: list[tuple[int, pl.DataFrame, pl.DataFrame]], task: Task, walks_forward: bool) -> list[Gate]:
    trained = [(f"the training rows of fold {k}", taught) for k, taught, _ in parts]
    validated = [(f"the validation rows of fold {k}", valid) for k, _, valid in parts]
    faults = [f"{name}: none" for name, rows in (("the test", test), *trained, *validated) if rows.height == 0]
    if task.task == "binary":
        # A block of time may well have no case of a rare label; random folds without one mean fewer cases than folds.
        judged = (("the test", test), *trained, *([] if walks_forward else validated))
        faults += [
            f"{name}: {rows.height:,}, none of them {missing!r}"
            for name, rows in judged
            if rows.height
            for missing in sorted(set(task.labels or ()) - set(rows[task.target].unique()))
        ]
    limit, found = "both labels in the test and in every fold", f"{len(parts)} folds, {test.height:,} test rows"
    limit = limit if task.task == "binary" else "rows in the test and in every fold"
    if not faults:
        return [Gate("split", ROOM, "passed", limit, found)]
    hint = "declare fewer folds or another test_share, or bring more rows"
    return [Gate("split", ROOM, "failed", limit, found, f"{'; '.join(faults[:8])}; {hint}")]


def _range(times: pl.Series) -> list[str | None]:
    return [moment_text(times.min()), moment_text(times.max())]


def moment_text(moment: Any) -> str | None:
    """A date or UTC moment as ISO 8601 text."""
    if isinstance(moment, datetime):
        return f"{moment.isoformat()}Z"
    return moment.isoformat() if isinstance(moment, date) else None
