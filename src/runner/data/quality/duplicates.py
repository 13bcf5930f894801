"""Rows that repeat: copies, copies on both sides of the split, and the same features with different outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
import polars as pl

from runner.core.gates import Gate
from runner.data.enforce import ROW_ID
from runner.data.quality.dependence import Chance, chance
from runner.data.quality.finding import PRICED_GROUPS, Finding, Severity, Stake, as_yaml, first, percent
from runner.data.quality.hashes import hashed, repeated
from runner.data.quality.look import MOST_COLUMNS, Look

# Below this many pairs by chance, rows that agree are copies.
SURE_PAIRS = 0.01
WARNED_SHARE, SERIOUS_COPIES, SERIOUS_SHARE, FEW = 0.001, 0.05, 0.01, 10
MANY_UNTOLD = 0.05
GROUP_ROWS = 20
ROOM = "data"
WHOLE, SEEN, BOTH = "__runner_whole", "__runner_seen", "__runner_both"


def check(look: Look) -> list[Finding]:
    """Exact repetitions over all rows, by 64-bit hashes of their values."""
    if look.n_rows < 2 or not look.seen:
        return []
    found = _Repeated(look)
    return [*found.copies(), *found.shared(), *found.conflicts()]


def sure(odds: Chance, columns: list[str], n_pairs: float) -> bool:
    """Whether agreeing in all of the columns cannot well be chance."""
    return n_pairs * odds.of_all(columns) < SURE_PAIRS


def gates(found: Iterable[Finding]) -> list[Gate]:
    """A warning where so many rows of the test repeat training rows that its figures flatter; nothing else."""
    return [
        Gate("copies across the split", ROOM, "warned", "hardly any row of the test is a training row", f"{f.rows:,} rows", f"{f.evidence}; {f.next}")
        for f in found
        if f.kind == "duplicates_across" and f.severity == "serious"
    ]


class _Repeated:
    def __init__(self, look: Look) -> None:
        self.look = look
        every = [name for name in look.columns if name not in look.task.key]
        self.whole = every[:MOST_COLUMNS]
        self.said = "every column" if len(every) <= MOST_COLUMNS else f"the first {MOST_COLUMNS:,} columns"
        self.known = [name for name in look.known if name not in look.task.forbidden]
        self.odds = chance(look, look.seen)
        # What models see is part of what is known, and that of the whole row: each column is hashed once.
        beside = [name for name in self.known if name not in look.seen]
        rest = [name for name in self.whole if name not in set(self.known)]
        parts = look.rows.select(ROW_ID, hashed(look.seen).alias(SEEN), hashed(beside).alias(BOTH), hashed(rest).alias(WHOLE))
        nested = parts.with_columns((pl.col(SEEN) + pl.col(BOTH)).alias(BOTH)).with_columns((pl.col(BOTH) + pl.col(WHOLE)).alias(WHOLE))
        self.hashes = nested.collect(engine="streaming").sort(ROW_ID)

    @cached_property
    def n_pairs(self) -> float:
        n = float(self.look.n_rows)
        return n * (n - 1) / 2

    def copies(self) -> Iterator[Finding]:
        _, later = repeated(self.hashes[WHOLE].to_numpy())
        ids = self.hashes[ROW_ID].to_numpy()[later]
        n, share = len(ids), len(ids) / self.look.n_rows
        # Rows that are equal in everything are so in what models see; what more they share makes it only surer.
        is_sure = sure(self.odds, self.look.seen, self.n_pairs)
        if not n or (not is_sure and share < MANY_UNTOLD):
            return
        but = " but the key" if self.look.task.key else ""
        if not is_sure:
            calm = "no alarm: the columns have so few values that different cases often look the same"
            told = f"{n:,} rows ({percent(share)}) equal an earlier one in {self.said}{but}; {calm}"
            hint = "nothing, if each row is a case of its own; name the columns that make a row under data.unique if not"
            yield Finding("info", "rows that no column tells apart", told, n, "duplicates", row_ids=first(ids), next=hint)
            return
        severity: Severity = "serious" if share >= SERIOUS_COPIES else "warned" if share >= WARNED_SHARE else "info"
        told = f"{n:,} rows ({percent(share)}) equal an earlier one in {self.said}{but}"
        hint = "find out where they come from; name the columns that make a row under data.unique, and later copies go to quarantine"
        yaml = as_yaml({"data": {"unique": self.whole}}) if len(self.whole) <= 8 else ""
        yield Finding(severity, "rows are repeated", told, n, "duplicates", row_ids=first(ids), next=hint, yaml=yaml)

    def shared(self) -> Iterator[Finding]:
        if self.look.test is None:
            return
        tested = self.look.test.select(hashed(self.known).alias(BOTH)).collect(engine="streaming")[BOTH].to_numpy()
        n = int(np.isin(tested, self.hashes[BOTH].to_numpy()).sum())
        if not n:
            return
        share = n / len(tested)
        is_sure = sure(self.odds, self.look.seen, float(self.look.n_rows) * len(tested))
        severity: Severity = "info" if not is_sure else "serious" if share >= SERIOUS_SHARE and n >= FEW else "warned"
        why = "; with so few values that can be chance" if not is_sure else "; a model that remembers them looks better than it is"
        which = "1 row of the test equals" if n == 1 else f"{n:,} rows of the test equal"
        told = f"{which} a training row in all that is known at the decision, {percent(share)} of the test{why}"
        hint = "set copies aside with data.unique, or split so that rows which belong together stay together" if is_sure else ""
        yield Finding(severity, "rows of the test repeat training rows", told, n, "duplicates_across", next=hint)

    def conflicts(self) -> Iterator[Finding]:
        look, target = self.look, self.look.task.target
        twins = self.hashes.filter(repeated(self.hashes[SEEN].to_numpy())[0]).select(ROW_ID, SEEN)
        if look.task.labels is None or not twins.height:
            return
        labelled = look.rows.select(ROW_ID, target).join(twins.lazy(), on=ROW_ID, how="inner").collect(engine="streaming").sort(ROW_ID)
        torn = labelled.filter(pl.col(target).n_unique().over(SEEN) > 1)
        if not torn.height:
            return
        n, share = torn.height, torn.height / look.n_rows
        is_sure = sure(self.odds, look.seen, self.n_pairs)
        if not is_sure and share < MANY_UNTOLD:
            return
        severity: Severity = "info" if not is_sure else "serious" if share >= SERIOUS_SHARE and n >= FEW else "warned"
        ids = torn[ROW_ID].to_numpy()
        told = f"{n:,} rows ({percent(share)}) have a twin with the same features and another {target}"
        told += ", so that no model can be right about both" if is_sure else "; the features tell so little that this can be chance"
        hint = "have the outcomes of these rows looked at; a column that tells them apart may be missing" if is_sure else ""
        yield Finding(severity, "same features, different outcomes", told, n, "conflicting_labels", (target,), first(ids), hint, stake=_stake(torn))


def _stake(torn: pl.DataFrame) -> Stake:
    """Groups of rows with the same features; some of them, evenly drawn in row order, stand for all."""
    groups = torn.group_by(SEEN, maintain_order=True).agg(pl.col(ROW_ID).head(GROUP_ROWS))[ROW_ID].to_list()
    drawn = [groups[at] for at in np.unique(np.linspace(0, len(groups) - 1, PRICED_GROUPS).astype(int))]
    return Stake("conflict", torn.height, tuple(tuple(int(n) for n in ids) for ids in drawn))
