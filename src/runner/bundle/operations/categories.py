"""Categories made of categories: the common ones and the rest, several as one, hashed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle.columns import beside
from runner.core.registry import register

# Below so many rows Python is quicker than a query; the answers are the same.
FEW = 64
BETWEEN, MISSING = " & ", "(missing)"


def joined(of: Iterable[str]) -> pl.Expr:
    """Columns as one column of text: one keeps its missing values, several write them out."""
    columns = list(of)
    if len(columns) == 1:
        return pl.col(columns[0]).cast(pl.String)
    return pl.concat_str([pl.col(c).cast(pl.String).fill_null(MISSING) for c in columns], separator=BETWEEN)


@dataclass(frozen=True)
class Grouped:
    """Add a category: the text of one or several columns where it is one of `kept`, else the word `other`."""

    made: str
    of: tuple[str, ...]
    kept: tuple[str, ...]
    other: str
    _known: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", frozenset(self.kept))

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows.height < FEW:
            grouped = [value if value is None or value in self._known else self.other for value in self._few(rows)]
            return beside(rows, [pl.Series(self.made, grouped, dtype=pl.String)])
        text = rows.select(joined(self.of).alias(self.made)).to_series()
        known = text.is_in(pl.Series(self.kept, dtype=pl.String)) | text.is_null()
        return rows.with_columns(text.zip_with(known, pl.Series(self.made, [self.other], dtype=pl.String)))

    def _few(self, rows: pl.DataFrame) -> list[str | None]:
        """As `joined`, without a query."""
        columns = [rows.get_column(c).cast(pl.String).to_list() for c in self.of]
        if len(columns) == 1:
            return columns[0]
        return [BETWEEN.join(MISSING if part is None else part for part in parts) for parts in zip(*columns, strict=True)]

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "grouped", "made": self.made, "of": list(self.of), "kept": list(self.kept), "other": self.other}


@register("operation", "grouped")
def read_grouped(written: Mapping[str, Any], folder: Path) -> Grouped:
    """Read what save wrote."""
    return Grouped(written["made"], tuple(written["of"]), tuple(written["kept"]), written["other"])


@dataclass(frozen=True)
class Hashed:
    """Add the bucket of a column's text, as a category: BLAKE2b (RFC 7693) with 8 bytes, big-endian, modulo the number of buckets."""

    made: str
    of: str
    buckets: int

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return beside(rows, [each(rows.get_column(self.of).cast(pl.String), self.bucket).alias(self.made)])

    def bucket(self, text: str) -> str:
        """The bucket of one text.

        >>> Hashed("", "", 32).bucket("Rome")
        '16'
        """
        return str(int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % self.buckets)

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "hashed", "made": self.made, "of": self.of, "buckets": self.buckets}


@register("operation", "hashed")
def read_hashed(written: Mapping[str, Any], folder: Path) -> Hashed:
    """Read what save wrote."""
    return Hashed(written["made"], written["of"], written["buckets"])


def each(text: pl.Series, answer: Callable[[str], str]) -> pl.Series:
    """A text for each text, worked out once for equal ones; null stays null."""
    if text.len() < FEW:
        return pl.Series(text.name, [None if value is None else answer(value) for value in text], dtype=pl.String)
    known = text.drop_nulls().unique()
    return text.replace_strict(known, pl.Series([answer(value) for value in known], dtype=pl.String), default=None, return_dtype=pl.String)
