"""What every join is once its source is read: it adds columns to any slice of the rows, and tells at the end how that went."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from runner.core.faults import Fault

POSITION = "__runner_row_id"
"""Position of a row in the primary source, UInt64: what messages name, whatever slice the row stands in."""


@dataclass
class Tally:
    """Over all slices: rows, those that found a partner, and rows of the other source that share key and time with a later one;
    and of those without a partner, rows that would have one if case and spaces at the ends of keys did not count."""

    rows: int = 0
    matched: int = 0
    ties: int = 0
    near: int = 0

    def count(self, found: pl.Series) -> None:
        """found: null where a row of the slice has no partner."""
        self.rows += found.len()
        self.matched += found.len() - found.null_count()

    def as_json(self) -> dict[str, int]:
        return {"matched": self.matched, "unmatched": self.rows - self.matched, "ties": self.ties} | ({"near": self.near} if self.near else {})


@dataclass
class Lost:
    """Distinct keys that a message shows, and how many rows have one; values stay few whatever the rows are."""

    n_rows: int = 0
    keys: list[pl.DataFrame] = field(default_factory=list)

    def note(self, rows: pl.DataFrame) -> None:
        """rows: the key columns of rows that are lost."""
        if rows.height:
            self.n_rows += rows.height
            self.keys = [pl.concat([*self.keys, rows.unique(maintain_order=True)]).unique(maintain_order=True)]


class Prepared(Protocol):
    """A join whose source is read. Slices come in the order of the rows."""

    tally: Tally

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The slice with the declared columns; it has POSITION."""
        ...

    def faults(self) -> list[Fault]:
        """After the last slice: what was declared of the match and does not hold."""
        ...
