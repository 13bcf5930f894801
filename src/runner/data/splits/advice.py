"""What to say of a split that cannot serve, or that ends far from what was asked: the words for people, with the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from runner.core.faults import listed
from runner.data.splits.split import PURGED, TEST

FAR_OFF = 0.25
MOST_PURGED = 0.5
HOUR = 3600.0


def hint(spec: Any, rows: pl.DataFrame, place: pl.Series) -> str:
    """The next step where the test or a fold cannot serve. rows, place: as `assign` was given them and gave them back."""
    said = [*_of_time(spec, rows, place), *_of_groups(spec, rows, place)]
    if said:
        return "; ".join(said)
    if getattr(spec, "starts", None):
        return "declare other moments under data.split.starts, or bring more rows"
    return "declare fewer folds or another test_share, or bring more rows"


def _of_time(spec: Any, rows: pl.DataFrame, place: pl.Series) -> Iterator[str]:
    column = getattr(spec, "column", None)
    if column is None or not rows.height:
        return
    at = rows[column].cast(pl.Datetime("us"))
    first: Any = at.min()
    last: Any = at.max()
    n = at.n_unique()
    outside = [text for text, moment in zip(spec.starts, spec.moments, strict=True) if not first < moment <= last]
    if n == 1:
        instead = "take a column that tells rows apart in time, or a split without time such as `data/split=stratified`"
        yield f"every row has the same {column}, {_when(first)}: {instead}"
        return
    if outside:
        lie = f"{listed(outside)} of data.split.starts {'lies' if len(outside) == 1 else 'lie'} outside"
        yield f"{column} runs from {_when(first)} to {_when(last)}, and {lie}: declare moments within"
        return
    if not spec.starts and n < spec.folds + 2:
        few = f"{column} has {n} different moments, and {spec.folds} folds need {spec.folds + 2}, with the first block and the test"
        yield few + (": declare fewer folds" if n > 2 else ": take a finer column, or a split without time")
        return
    begins: Any = spec.moments[-1] if spec.starts else at.filter(place == TEST).min()
    if begins is None:
        latest = int((at == last).sum()) / rows.height
        yield f"{latest:.1%} of the rows are of the latest moment, and cuts fall between moments: declare a test_share above that, or take a finer column"
        return
    history = (begins - first).total_seconds() / HOUR
    if spec.embargo_hours and spec.embargo_hours >= history:
        yield f"data.split.embargo_hours is {spec.embargo_hours:,g}, and all history before the test is {history:,.0f} hours: declare a shorter embargo"
    elif spec.embargo_hours and spec.embargo_hours * (spec.folds + 1) >= history:
        spans = f"{history:,.0f} hours of history are cut for {spec.folds} folds, and the embargo takes {spec.embargo_hours:,g} before each"
        yield f"{spans}: declare fewer folds or a shorter embargo_hours"


def _of_groups(spec: Any, rows: pl.DataFrame, place: pl.Series) -> Iterator[str]:
    group = getattr(spec, "group", None)
    if group is None or not rows.height:
        return
    if getattr(spec, "walks_forward", False):
        if int((place == PURGED).sum()) > MOST_PURGED * int((place != TEST).sum()):
            yield f"most rows before the test are of a {group} that comes again in it: `grouped` or `by_time` keeps more"
        return
    n = rows[group].n_unique()
    if n > spec.folds:
        return
    there = f"there {'is 1 group' if n == 1 else f'are {n} groups'} in {group} for {spec.folds} folds and a test"
    others = "take a column with more groups, or a split without groups such as `data/split=stratified`"
    yield f"{there}: {f'declare at most {n - 1} folds' if n > 2 else others}"


def far_off(spec: Any, rows: pl.DataFrame, place: pl.Series) -> list[tuple[str, float, float]]:
    """Name, share asked and share got, of the test and of folds of whole groups that miss what was asked by more than a quarter of it.

    Two rows more or less never count. Nothing where the split is told by dates.
    """
    asked = getattr(spec, "test_share", None)
    if asked is None or not rows.height or getattr(spec, "starts", None):
        return []
    due = {"the test": (TEST, float(asked))}
    if getattr(spec, "group", None) is not None and not spec.walks_forward:
        due |= {f"fold {k}": (k, (1 - asked) / spec.folds) for k in range(spec.folds)}
    where, n = place.to_numpy(), rows.height
    got = {name: float((where == at).sum()) / n for name, (at, _) in due.items()}
    return [(name, share, got[name]) for name, (_, share) in due.items() if abs(got[name] - share) > max(FAR_OFF * share, 2.0 / n)]


def why_far_off(spec: Any, rows: pl.DataFrame) -> str:
    """What keeps a split from what was asked."""
    name = getattr(spec, "group", None) if not spec.walks_forward else getattr(spec, "column", None)
    if name is None:
        return ""
    largest = float(np.max(rows[name].alias("value").value_counts(name="rows")["rows"].to_numpy())) / rows.height
    if spec.walks_forward:
        return f"{largest:.1%} of the rows have one and the same {name}, and cuts fall between moments"
    return f"the largest group of {name} has {largest:.1%} of the rows, and groups are not cut; name a finer group, or ask for shares that the groups allow"


def _when(moment: Any) -> str:
    return f"{moment:%Y-%m-%d}" if isinstance(moment, datetime) and moment.time() == datetime.min.time() else f"{moment:%Y-%m-%d %H:%M}"
