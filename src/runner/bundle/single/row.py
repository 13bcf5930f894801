"""A plan on rows that come alone: each block made ready for the columns that come again and again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from runner.bundle.columns import Lookup, Operation, compute
from runner.bundle.plan import Block
from runner.bundle.single.compiled import compiled
from runner.bundle.single.functions import FLOAT, PLAIN, Function, HandBackError, Values
from runner.bundle.single.trial import agrees, trial_rows

# Making a block ready takes as long as some hundred rows.
WARM_AFTER, MOST_SCHEMAS, LARGEST_INDEX = 3, 16, 200_000
Shape = tuple[int, tuple[str, ...], tuple[pl.DataType, ...]]


class OneRow:
    """Applies a plan to single rows; from the third of the same columns and types on with plain functions where there are any."""

    def __init__(self, plan: Sequence[Block | Operation]) -> None:
        self._plan = plan
        self._seen: dict[Shape, int] = {}
        self._ready: dict[Shape, ReadyBlock] = {}

    def apply(self, row: pl.DataFrame) -> pl.DataFrame:
        """The row with the plan's columns: to the bit what the plan gives for it among others."""
        for number, part in enumerate(self._plan):
            ready = self._made_ready(number, part, row) if isinstance(part, Block) else None
            try:
                row = ready.apply(row) if ready else part.apply(row)
            except (HandBackError, OverflowError, ValueError):
                row = part.apply(row)
        return row

    def _made_ready(self, number: int, block: Block, row: pl.DataFrame) -> ReadyBlock | None:
        shape = (number, tuple(row.columns), tuple(row.dtypes))
        ready = self._ready.get(shape)
        if ready is None and len(self._ready) < MOST_SCHEMAS:
            self._seen[shape] = self._seen.get(shape, 0) + 1
            if self._seen[shape] >= WARM_AFTER and not block.adds.keys() & set(row.columns):
                ready = self._ready[shape] = ReadyBlock(block, row)
        return ready


@dataclass(frozen=True)
class Index:
    """A lookup as a dictionary: from key, or keys, to the values of the columns."""

    on: tuple[str, ...]
    columns: tuple[str, ...]
    found: Mapping[Any, tuple[Any, ...]]
    absent: tuple[Any, ...]

    def values(self, row: Values) -> tuple[Any, ...]:
        key = row[self.on[0]] if len(self.on) == 1 else tuple([row[c] for c in self.on])
        return self.found.get(key, self.absent)


@dataclass(frozen=True)
class ReadyLevel:
    """A level of a block, each column by its quickest way. reads: what Polars reads here; flushes: whether plain functions made some of it."""

    functions: tuple[tuple[str, Function], ...]
    indices: tuple[Index, ...]
    expressions: Mapping[str, pl.Expr]
    lookups: tuple[Lookup, ...]
    reads: tuple[str, ...]
    flushes: bool

    @property
    def is_plain(self) -> bool:
        return not self.expressions and not self.lookups


class ReadyBlock:
    """A block for single rows of certain columns and types."""

    def __init__(self, block: Block, row: pl.DataFrame) -> None:
        after = block.apply(row).schema
        self._adds = list(block.adds)
        self._types = {name: after[name] for name in self._adds}
        plain = {name for name, dtype in after.items() if dtype in PLAIN}
        self._read = [name for name in row.columns if name in block.reads and name in plain]
        self._is_all_plain = plain >= set(row.columns)
        functions = _functions(block, row, after)
        by_hand: set[str] = set()
        levels = []
        for level in block.levels:
            made = {name: functions[name] for name in level.expressions if name in functions}
            indices = [index for lookup in level.lookups if (index := _index(lookup, after)) is not None]
            indexed = {name for index in indices for name in index.columns}
            left = {name: e for name, e in level.expressions.items() if name not in made}
            lookups = tuple(lookup for lookup in level.lookups if not set(lookup.columns) <= indexed)
            needed = {c for e in left.values() for c in e.meta.root_names()} | {c for lookup in lookups for c in lookup.on}
            # An element of a list is no column; a constant reads nothing, and is still to have a row.
            reads = tuple(sorted(needed & after.keys())) or tuple(row.columns[:1])
            levels.append(ReadyLevel(tuple(made.items()), tuple(indices), left, lookups, reads, bool(needed & by_hand)))
            by_hand |= made.keys() | indexed
        self._levels = levels
        self._by_hand = by_hand

    def apply(self, row: pl.DataFrame) -> pl.DataFrame:
        """The row with the block's columns. Raises HandBackError where its values are for Polars."""
        values = self._values(row)
        made: dict[str, Any] = {}
        columns: dict[str, pl.Series] = {}
        for level in self._levels:
            found: dict[str, Any] = {name: function(values) for name, function in level.functions}
            for index in level.indices:
                found.update(zip(index.columns, index.values(values), strict=True))
            if not level.is_plain:
                self._by_polars(level, row, made, columns, values)
            values |= found
            made |= found
        if len(made) == len(self._adds):
            return row.hstack(self._frame(made))
        columns |= {c.name: c for c in self._frame(made).get_columns()}
        return row.hstack([columns[name] for name in self._adds])

    def _values(self, row: pl.DataFrame) -> dict[str, Any]:
        if not self._is_all_plain:
            return {name: row.get_column(name).item() for name in self._read}
        return row.row(0, named=True)

    def _by_polars(self, level: ReadyLevel, row: pl.DataFrame, made: Mapping[str, Any], columns: dict[str, pl.Series], values: dict[str, Any]) -> None:
        """Compute what is left of a level, into columns and values."""
        here = {c.name: c for c in self._frame(made).get_columns()} if level.flushes else {}
        # A query's cost grows with the columns that it is given.
        named = [here.get(name, columns.get(name)) for name in level.reads]
        frame = pl.DataFrame([row.get_column(name) if c is None else c for name, c in zip(level.reads, named, strict=True)])
        results = [column for lookup in level.lookups for column in lookup.found(frame).get_columns()]
        if level.expressions:
            results += compute(frame, level.expressions).get_columns()[frame.width :]
        columns |= {c.name: c for c in results}
        values |= {c.name: c.item() for c in results if c.dtype in PLAIN}

    def _frame(self, made: Mapping[str, Any]) -> pl.DataFrame:
        names = [name for name in self._adds if name in made]
        return pl.from_dicts([{name: made[name] for name in names}], schema={name: self._types[name] for name in names})


def _functions(block: Block, row: pl.DataFrame, after: pl.Schema) -> dict[str, Function]:
    """The block's expressions that have a plain function which stands its trial."""
    expressions = {name: e for level in block.levels for name, e in level.expressions.items()}
    found = compiled(expressions, after)
    trial = trial_rows(after, [expressions[name] for name in found], row)
    made = {name: _finite(f) if after[name] == FLOAT else f for name, f in found.items() if after[name] in PLAIN}
    return {name: f for name, f in made.items() if agrees(f, name, expressions[name], trial)}


def _finite(made: Function) -> Function:
    def result(values: Values) -> Any:
        value = made(values)
        return value if value is None or math.isfinite(value) else None

    return result


def _index(lookup: Lookup, after: pl.Schema) -> Index | None:
    """The lookup as a dictionary, where keys and values are plain and it is not too large."""
    table = lookup.table
    keys = [table.schema[c] for c in lookup.on]
    if table.height > LARGEST_INDEX or FLOAT in keys or any(after[c] != table.schema[c] or after[c] not in PLAIN for c in lookup.on):
        return None
    if any(after[c] not in PLAIN for c in lookup.columns):
        return None
    filled = table.select(lookup.filled())
    absent = table.clear(1).select(lookup.filled())
    if filled.schema != {c: after[c] for c in lookup.columns}:
        return None
    on = table[lookup.on[0]].to_list() if len(lookup.on) == 1 else table.select(lookup.on).rows()
    return Index(lookup.on, tuple(lookup.columns), dict(zip(on, filled.rows(), strict=True)), absent.row(0))
