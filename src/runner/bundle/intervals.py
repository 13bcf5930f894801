"""Intervals around a number, and sets of labels, that hold the outcome as often as was declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

MISSING = "(missing)"
Intervals = Mapping[str, Any]


def bounded(rows: pl.DataFrame, p: np.ndarray, labels: Sequence[str], intervals: Intervals) -> pl.DataFrame:
    """One row per row: `low` and `high` (Float64, null where nothing bounds it), or for classes `set` (List of String, in the order of labels).

    rows: contract columns; p: (n, k) calibrated probabilities, or (n, 1) predictions; intervals: as `fitted` of problem/policies/conformal
    gives them: {"kind", "coverage", "by", "all": PART, "groups": {value: PART}}. A value of `by` that has no part uses that of all rows.
    """
    groups = group_names(rows, intervals["by"])
    if not labels:
        low, high = np.empty(rows.height), np.empty(rows.height)
        for here, part in _parts(groups, rows.height, intervals):
            low[here], high[here] = ends(p[here, 0], part)
        return pl.DataFrame({"low": low, "high": high}).with_columns(pl.all().replace([-np.inf, np.inf], None))
    inside = np.empty(p.shape, dtype=bool)
    for here, part in _parts(groups, rows.height, intervals):
        inside[here] = within(p[here], intervals["kind"], part)
    return pl.DataFrame({"set": named(inside, labels)})


def group_names(rows: pl.DataFrame, column: str | None) -> pl.Series | None:
    """(n,) String: the group of each row; None where no column makes groups."""
    return None if column is None else rows[column].cast(pl.String).fill_null(MISSING)


def _parts(groups: pl.Series | None, n: int, intervals: Intervals) -> list[tuple[np.ndarray, Mapping[str, Any]]]:
    """Positions of rows, and the part that is for them."""
    if groups is None or not intervals["groups"]:
        return [(np.arange(n), intervals["all"])]
    own: Mapping[str, Any] = intervals["groups"]
    present = [value for value in groups.unique(maintain_order=True).to_list() if value in own]
    found = [(np.flatnonzero((groups == value).to_numpy()), own[value]) for value in present]
    return [*found, (np.flatnonzero((~groups.is_in(present)).to_numpy()), intervals["all"])]


def ends(prediction: np.ndarray, part: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """(n,) low and (n,) high of predictions; infinite where nothing bounds them.

    part: {"x", "low", "high", "reach": [below, above]}: the usual errors along the prediction, moved apart by a reach that calibration
    found (None: no finite one). Where the two would cross, both are what lies between.
    """
    below, above = (np.inf if reach is None else reach for reach in part["reach"])
    low = prediction + np.interp(prediction, part["x"], part["low"]) - below
    high = prediction + np.interp(prediction, part["x"], part["high"]) + above
    crossed = low > high
    low[crossed] = high[crossed] = low[crossed] / 2 + high[crossed] / 2
    return low, high


def strangeness(p: np.ndarray, kind: str) -> np.ndarray:
    """(n, k) how little each label is expected; 0 for the most likely one, so that no set is empty.

    kind: lac, 1 - p (Sadinle, Lei & Wasserman 2019), or aps, the probability of all labels that are likelier (Romano, Sesia & Candes
    2020, without their random part).
    """
    order = np.argsort(-p, axis=1, kind="stable")
    if kind == "lac":
        found = 1.0 - p
        np.put_along_axis(found, order[:, :1], 0.0, axis=1)
        return found
    ranked = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    before[:, 0] = 0.0
    found = np.empty_like(p)
    np.put_along_axis(found, order, before, axis=1)
    return found


def within(p: np.ndarray, kind: str, part: Mapping[str, Any]) -> np.ndarray:
    """(n, k) Boolean: the labels of each row's set. part: {"reach": one per label, None where every row has the label in its set}."""
    reach = np.array([np.inf if r is None else r for r in part["reach"]])
    return np.asarray(strangeness(p, kind) <= reach)


def named(inside: np.ndarray, labels: Sequence[str]) -> pl.Series:
    """(n, k) Boolean as (n,) lists of labels."""
    flags = pl.DataFrame({str(i): inside[:, i] for i in range(len(labels))}, schema={str(i): pl.Boolean for i in range(len(labels))})
    told = [pl.when(pl.col(str(i))).then(pl.lit(label, dtype=pl.String)) for i, label in enumerate(labels)]
    return flags.select(set=pl.concat_list(told).list.drop_nulls())["set"]
