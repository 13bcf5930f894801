"""A fitted recipe: operations applied in order, to a table, to a table that is not read yet, or to one row at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle.columns import Lookup, Operation, Project, Rowwise
from runner.bundle.plan import Block, lazily, planned
from runner.bundle.single.row import OneRow
from runner.core.faults import fault, listed
from runner.core.registry import part, words

__all__ = ["HIDDEN", "Lookup", "Operation", "Operations", "Project", "Rowwise", "apply", "apply_lazily", "dump", "parse"]
HIDDEN = "__runner_"


class Operations(tuple[Operation, ...]):
    """Operations that are applied again and again: their plan is made once, and single rows of the same columns get quicker."""

    @cached_property
    def plan(self) -> list[Block | Operation]:
        """As `planned` makes it."""
        return planned(self)

    @cached_property
    def singly(self) -> OneRow:
        """What takes rows that come alone."""
        return OneRow(self.plan)


def apply(operations: Iterable[Operation], rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every operation's columns added, in order; one row in, one row out."""
    if isinstance(operations, Operations) and rows.height == 1:
        return operations.singly.apply(rows)
    for step in operations.plan if isinstance(operations, Operations) else planned(operations):
        rows = step.apply(rows)
    return rows


def apply_lazily(operations: Iterable[Operation], rows: pl.LazyFrame) -> pl.LazyFrame:
    """The same on rows that are not read yet; collected or sunk by the streaming engine, memory does not grow with the rows."""
    for step in planned(operations):
        rows = lazily(step, rows)
    return rows


def dump(operations: Sequence[Operation], folder: Path) -> list[dict[str, Any]]:
    """Write the tables into the folder and return the JSON form of the operations."""
    return [operation.save(folder) for operation in operations]


def parse(written: Iterable[Mapping[str, Any]], folder: Path) -> Operations:
    """The operations of a dumped recipe; tables are read from the folder. Raises FaultsError for a word that nobody registered."""
    items = list(written)
    unknown = sorted({str(item["op"]) for item in items} - set(words("operation")))
    if unknown:
        raise fault(str(folder), f"holds operations that nobody registered: {listed(unknown)}", f"one of {listed(words('operation'))}")
    return Operations(part("operation", item["op"])(item, folder) for item in items)
