"""A raw table, read as the contract will hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from runner.core.expressions import identifier, is_pattern
from runner.proposal.infer import Reading, Told, readings, typed
from runner.proposal.profile import Facts, profile

LONGEST_NAME = 200
OWN_NAMES = ("row_id",)
# Names that mean something else where a contract or a payoff is written.
TAKEN = ("decision", "actual", "prediction", "expected_payoff", "flags", "_target_", "_recursive_", "_partial_", "_convert_", "_args_")


@dataclass(frozen=True)
class Source:
    """Where a table lies. name: of the source in config; kind, path, options: as config declares it; shown: how the person named it;
    note: what was done to bring it here."""

    name: str
    kind: str
    path: str
    shown: str
    options: Mapping[str, str] | None = None
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A usable column under its contract name. raw: its name in the file; facts: of the typed values; raw_facts: of the file's own."""

    name: str
    raw: str
    reading: Reading
    facts: Facts
    raw_facts: Facts

    @property
    def type(self) -> str:
        return self.reading.type or "string"

    @property
    def sql(self) -> str:
        """The column as SQL names it."""
        return identifier(self.name)

    @property
    def is_number(self) -> bool:
        return self.type in ("int", "float")

    @property
    def is_moment(self) -> bool:
        return self.type in ("date", "datetime")


@dataclass(frozen=True)
class Table:
    """rows: usable columns in contract types and under contract names; columns: by contract name, in order;
    left_out: raw column to why it is not used; n_repeated: rows that equal an earlier one in everything; size: rows and columns of the file."""

    source: Source
    rows: pl.DataFrame
    columns: Mapping[str, Column]
    left_out: Mapping[str, str]
    n_repeated: int
    size: tuple[int, int]

    def of_raw(self, raw: str) -> Column | None:
        """The column that was made of a raw one; None where that is left out."""
        return next((column for column in self.columns.values() if column.raw == raw), None)

    def without(self, left_out: Mapping[str, str]) -> Table:
        """The table without some of its columns. left_out: contract name to why."""
        kept = {name: column for name, column in self.columns.items() if name not in left_out}
        why = {self.columns[name].raw: reason for name, reason in left_out.items()}
        return replace(self, rows=self.rows.select(list(kept)), columns=kept, left_out={**self.left_out, **why})

    def renamed(self, name: str, new: str) -> Table:
        """The table with another contract name for one of its columns."""
        columns = {new if n == name else n: replace(column, name=new) if n == name else column for n, column in self.columns.items()}
        return replace(self, rows=self.rows.rename({name: new}), columns=columns)

    def only(self, kept: pl.Series) -> Table:
        """The table with some of its rows, described anew; columns that are empty there are left out. kept: Boolean, one value a row."""
        if kept.all():
            return self
        rows = self.rows.filter(kept)
        facts = profile(rows)
        columns = {name: replace(column, facts=facts[name]) for name, column in self.columns.items()}
        table = replace(self, rows=rows, columns=columns)
        return table.without({name: "empty wherever there is an outcome" for name, found in facts.items() if not found.distinct})

    @property
    def markers(self) -> list[str]:
        """Cells that mean 'missing' in the whole file."""
        return sorted({text for column in self.columns.values() for text in column.reading.markers})


def table_of(source: Source, raw: pl.DataFrame, told: Told | None = None, has_markers: bool | None = None) -> Table:
    """Read every column of a raw table. Columns that config cannot name, that are empty, or that no model can use are left out.

    told: hears how many of how many columns were read; has_markers: whether the source may name cells that are missing in the whole file, as a CSV can.
    """
    nameless = {name: why for name in raw.columns if (why := _unwritable(name))}
    usable = pl.DataFrame([values for values in raw if values.name not in nameless])
    before = profile(usable)
    found = readings(usable, before, source.kind == "csv" if has_markers is None else has_markers, told)
    renamed = {name: _renamed(name, raw.columns) for name in usable.columns if found[name].type is not None}
    rows = typed(usable, found).rename(renamed)
    # A column that is read as it stands needs no second look.
    touched = {pl.String()} if any(reading.markers for reading in found.values()) else set()
    same = {new: name for name, new in renamed.items() if found[name].sql is None and rows.schema[new] == usable.schema[name] not in touched}
    later = profile(rows.select(new for new in rows.columns if new not in same))
    facts = {new: replace(before[same[new]], name=new) if new in same else later[new] for new in rows.columns}
    columns = {new: Column(new, name, found[name], facts[new], before[name]) for name, new in renamed.items()}
    left_out = {**nameless, **{name: reading.note for name, reading in found.items() if reading.type is None}}
    emptied = {name: "empty: no row has a value" for name, column in columns.items() if not column.facts.distinct}
    n_repeated = raw.height - raw.n_unique() if raw.width and not any(dtype.is_nested() or dtype == pl.Object for dtype in raw.dtypes) else 0
    return Table(source, rows, columns, left_out, n_repeated, raw.shape).without(emptied)


def _unwritable(name: str) -> str:
    """Why config cannot speak of a column; '' where it can."""
    if not name.strip():
        return "the column has no name"
    if len(name) > LONGEST_NAME:
        return f"its name has more than {LONGEST_NAME} signs"
    if is_pattern(name):
        return "its name is read as several columns at once; rename it in the data to use it"
    if "${" in name or "???" in name:
        return "its name means something else in config; rename it in the data to use it"
    return ""


def _renamed(name: str, taken: list[str]) -> str:
    if name not in OWN_NAMES + TAKEN:
        return name
    new = f"{name.strip('_')}_column"
    while new in taken:
        new += "_"
    return new
