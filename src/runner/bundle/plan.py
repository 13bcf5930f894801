"""How a recipe runs: neighbouring operations over one row, and lookups, as a few levels of one query; anything else as itself.

Operations are put into blocks that no other kind of operation stands in between. Within a block a column is computed at the
level after the last of those it reads, so that forty steps become two or three selects. The columns and their order are those of
the operations applied one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import polars as pl

from runner.bundle.columns import Lookup, Operation, Rowwise, compute, computed


@dataclass
class Level:
    """What can be computed at the same time: none of it reads another."""

    expressions: dict[str, pl.Expr] = field(default_factory=dict)
    lookups: list[Lookup] = field(default_factory=list)


@dataclass
class Block:
    """Levels that run after each other. reads, adds: names of columns, the latter in the order of the operations."""

    levels: list[Level] = field(default_factory=list)
    reads: set[str] = field(default_factory=set)
    adds: dict[str, int] = field(default_factory=dict)

    def take(self, operation: Operation) -> bool:
        """Add an operation; False where it would write over what the block reads or makes."""
        if isinstance(operation, Lookup):
            inputs: dict[str, list[str]] = {c: list(operation.on) for c in operation.columns}
            columns: dict[str, pl.Expr | Lookup] = dict.fromkeys(operation.columns, operation)
        elif isinstance(operation, Rowwise):
            expressions = operation.rowwise()
            inputs, columns = {name: e.meta.root_names() for name, e in expressions.items()}, {**expressions}
        else:
            return False
        reads = {c for named in inputs.values() for c in named}
        if columns.keys() & (self.reads | self.adds.keys() | reads):
            return False
        placed = {name: max((self.adds[c] + 1 for c in inputs[name] if c in self.adds), default=0) for name in columns}
        for name, depth in placed.items():
            while len(self.levels) <= depth:
                self.levels.append(Level())
            level, made = self.levels[depth], columns[name]
            if isinstance(made, pl.Expr):
                level.expressions[name] = made
            elif not level.lookups or level.lookups[-1] is not made:
                level.lookups.append(made)
        self.reads |= reads
        self.adds |= placed
        return True

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the block's columns."""
        there = rows.columns
        for level in self.levels:
            found = [column for lookup in level.lookups for column in lookup.found(rows).get_columns()]
            if level.expressions:
                rows = compute(rows, level.expressions)
            rows = rows.with_columns(found) if found else rows
        return rows.select(self.ordered(there))

    def lazy(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        """The same on rows that are not read yet."""
        there = frame.collect_schema().names()
        for level in self.levels:
            for lookup in level.lookups:
                frame = _looked_up(frame, lookup)
            if level.expressions:
                frame = computed(frame, level.expressions)
        return frame.select(self.ordered(there))

    def ordered(self, there: Sequence[str]) -> list[str]:
        """Names of all columns, those that were there first."""
        known = set(there)
        return [*there, *(name for name in self.adds if name not in known)]


def _looked_up(frame: pl.LazyFrame, lookup: Lookup) -> pl.LazyFrame:
    """Slice by slice: a join that keeps the order would hold all rows in memory."""
    schema = lookup.apply(frame.collect_schema().to_frame()).schema
    return frame.map_batches(lookup.apply, schema=schema, streamable=True)


def planned(operations: Iterable[Operation]) -> list[Block | Operation]:
    """Blocks, and the operations that stand alone, in order."""
    parts: list[Block | Operation] = []
    for operation in operations:
        if parts and isinstance(parts[-1], Block) and parts[-1].take(operation):
            continue
        block = Block()
        parts.append(block if block.take(operation) else operation)
    return parts


def lazily(part: Block | Operation, frame: pl.LazyFrame) -> pl.LazyFrame:
    """A part of a plan on rows that are not read yet; what is no query runs slice by slice.

    The streaming engine may cut off a single row: divided by a constant it can differ in the last bit from the same row in a table.
    """
    if isinstance(part, Block):
        return part.lazy(frame)
    schema = part.apply(frame.collect_schema().to_frame()).schema
    return frame.map_batches(part.apply, schema=schema, streamable=True)
