"""What the splits that go by time share: where blocks and test begin, and what is left out before them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.core.spec import Complaint, ComplaintsError
from runner.data.splits.split import EMBARGOED, FIRST_BLOCK, PURGED, TEST, SplitSpec, blocks_of

USUAL_SHARE = 0.2
FEWEST_STARTS = 2
WITHOUT = "data/split=by_dates has neither test_share nor folds"


class TimedSpec(SplitSpec):
    """The latest rows are the test; folds walk forward through the rest."""

    walks_forward: ClassVar[bool] = True
    """A fold is trained on earlier blocks only."""
    column: str
    """Date or datetime column that orders the rows, usually `problem.time`."""
    test_share: float | None = Field(default=None, ge=0, lt=1)
    """Share of the rows, the latest ones, that are sealed for the test; 0.2 where neither this nor `starts` is given. 0: none, every row is learned
    from, and the experiment cannot be adopted."""
    folds: int = Field(default=4, ge=1, le=100)
    """Blocks of time that are validated one after the other; there is one block more, which is only trained on. Filled in where `starts` says it."""
    starts: list[str] = []
    """Dates or moments (ISO 8601, UTC) instead of shares: at the first one fold 0 begins, at each next one another fold, at the last one the test."""
    embargo_hours: float = Field(default=0.0, ge=0)
    """Rows nearer than this before a fold or the test are not learned from when it is judged, as their outcome would not be known yet."""

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        starts = given.get("starts")
        if not starts:
            return dict(given) | ({"test_share": USUAL_SHARE} if given.get("test_share") is None else {})
        counted = {"folds": len(starts) - 1} if isinstance(starts, list) and len(starts) >= FEWEST_STARTS else {}
        return counted | dict(given)

    @model_validator(mode="after")
    def _starts_rise(self) -> Self:
        wrong = list(_start_complaints(self)) if self.starts else []
        if wrong:
            raise ComplaintsError(wrong)
        return self

    @property
    def moments(self) -> list[datetime]:
        """The starts as UTC without a zone, as the contract holds moments."""
        return [moment(text) for text in self.starts]

    @property
    def share(self) -> float:
        """Share of the rows that are the test, where no moment says it."""
        return USUAL_SHARE if self.test_share is None else self.test_share

    @property
    def embargo(self) -> timedelta:
        return timedelta(hours=self.embargo_hours)


def moment(text: str) -> datetime:
    """A date or moment in ISO 8601 as UTC without a zone. Raises ValueError for any other text.

    >>> moment("2013-09-01"), moment("2013-09-01T02:00+02:00")
    (datetime.datetime(2013, 9, 1, 0, 0), datetime.datetime(2013, 9, 1, 0, 0))
    """
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def _start_complaints(spec: TimedSpec) -> list[Complaint]:
    found = []
    times: list[datetime] = []
    for place, text in enumerate(spec.starts):
        try:
            times.append(moment(text))
        except ValueError:
            found.append(Complaint(("starts", str(place)), f"{text!r} is no date", "a date or moment such as 2013-09-01 or 2013-09-01T06:00Z"))
    if found:
        return found
    if len(times) < FEWEST_STARTS:
        found.append(Complaint(("starts",), "names one moment", "at least two: where the first fold begins, and where the test begins"))
    if any(later <= earlier for earlier, later in pairwise(times)):
        found.append(Complaint(("starts",), "does not rise from entry to entry", "each moment later than the one before"))
    if spec.test_share is not None:
        found.append(Complaint(("test_share",), "the last of `starts` says already where the test begins", "one of the two", WITHOUT))
    if len(times) >= FEWEST_STARTS and spec.folds != len(times) - 1:
        found.append(Complaint(("folds",), f"is {spec.folds}, and {len(times)} starts make {len(times) - 1}", "folds left out", WITHOUT))
    return found


def place_in_time(spec: TimedSpec, times: pl.Series, groups: np.ndarray | None = None) -> pl.Series:
    """Fold of each row, Int8: the places of `split.py`, or 0 to folds-1 for later blocks.

    times: Date or Datetime without nulls; groups: (n,) codes; a row before the test whose group the test has too is PURGED.
    Cuts fall between distinct times, so that rows of one moment stay together: blocks and test can be smaller than their
    share, never mixed.
    """
    at = times.cast(pl.Datetime("us"))
    rank = None if spec.starts else _share_before(at)
    in_test = at >= spec.moments[-1] if rank is None else rank >= 1 - spec.share
    begins = spec.moments[-1] if spec.starts else at.filter(in_test).min()
    purged = ~in_test & (pl.Series(np.isin(groups, groups[in_test.to_numpy()])) if groups is not None else pl.repeat(False, at.len(), eager=True))
    embargoed = ~in_test & ~purged & _too_near(at, begins, spec.embargo)
    block = _block(spec, at, rank, ~(in_test | purged | embargoed))
    place = pl.when(in_test).then(TEST).when(purged).then(PURGED).when(embargoed).then(EMBARGOED).otherwise(block)
    return pl.select(fold=place.cast(pl.Int8))["fold"]


def _share_before(at: pl.Series) -> pl.Series:
    """Share of the rows that are earlier. The first position of a time, not the row's own, decides: equal times land in one block."""
    return (at.rank("min").cast(pl.Int64) - 1) / max(at.len(), 1)


def _too_near(at: pl.Series, begins: Any, embargo: timedelta) -> pl.Series:
    if begins is None or not embargo:
        return pl.repeat(False, at.len(), eager=True)
    return at.is_between(begins - embargo, begins, closed="none")


def _block(spec: TimedSpec, at: pl.Series, rank: pl.Series | None, kept: pl.Series) -> pl.Series:
    """The block of each kept row, FIRST_BLOCK for the first one."""
    if rank is None:
        starts = spec.moments[:-1]
        return pl.select(sum((at >= start).cast(pl.Int64) for start in starts) + FIRST_BLOCK).to_series()
    blocks, share = spec.folds + 1, 1 - spec.share
    if kept.sum() < (rank < share).sum():
        # Blocks are shares of what is left to learn from, wherever in time that lies.
        left = pl.select(pl.when(kept).then(at)).to_series()
        rank, share = (left.rank("min").cast(pl.Int64) - 1) / max(int(kept.sum()), 1), 1.0
    return blocks_of(rank, share, blocks)


def skips_in_time(spec: TimedSpec, times: pl.Series, place: pl.Series, groups: np.ndarray | None = None) -> pl.Series | None:
    """List(Int8) a row: later folds whose models must not see it, for the embargo or because they judge a row of its group."""
    if not spec.embargo_hours and groups is None:
        return None
    at, fold = times.cast(pl.Datetime("us")), place.to_numpy()
    learned = fold >= FIRST_BLOCK
    rows, folds = [], []
    for k in range(spec.folds):
        judged = fold == k
        if not judged.any():
            continue
        begins = spec.moments[k] if spec.starts else at.filter(pl.Series(judged)).min()
        hit = _too_near(at, begins, spec.embargo).to_numpy()
        if groups is not None:
            hit = hit | np.isin(groups, groups[judged])
        found = np.flatnonzero(hit & learned & (fold < k))
        rows.append(found)
        folds.append(np.full(len(found), k, dtype=np.int8))
    pairs = pl.DataFrame({"row": np.concatenate([np.zeros(0, np.int64), *rows]), "fold": np.concatenate([np.zeros(0, np.int8), *folds])})
    lists = pairs.group_by("row", maintain_order=True).agg("fold")
    everyone = pl.DataFrame({"row": np.arange(len(fold))}).join(lists, on="row", how="left", maintain_order="left")
    return everyone.select(skips=pl.col("fold").fill_null(pl.lit([], dtype=pl.List(pl.Int8))))["skips"]
