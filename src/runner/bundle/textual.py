"""Operations on text that SQL has no words for: counts of patterns, and the parts of lists and of JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle.columns import compute
from runner.core.registry import register

FLAT_LIST = r"^\[[^\[\]{}]*\]$"
COUNTS: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "length": lambda text: text.str.len_chars().cast(pl.Int64),
    "words": lambda text: counted(text, r"\S+"),
    "digits": lambda text: counted(text, r"\d"),
    "punctuation": lambda text: counted(text, r"\p{P}"),
    # No letter at all gives 0 / 0, which becomes null.
    "upper_share": lambda text: counted(text, r"\p{Lu}") / counted(text, r"\p{L}"),
}
OF_LIST: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "length": lambda items: items.list.len().cast(pl.Int64),
    "distinct": lambda items: items.list.n_unique().cast(pl.Int64),
    "first": lambda items: items.list.first(),
    "last": lambda items: items.list.last(),
    "sum": lambda items: numbers(items).list.sum(),
    "mean": lambda items: numbers(items).list.mean(),
    "min": lambda items: numbers(items).list.min(),
    "max": lambda items: numbers(items).list.max(),
}


def counted(text: pl.Expr, pattern: str) -> pl.Expr:
    """How often a pattern is found."""
    return text.str.count_matches(pattern).cast(pl.Int64)


def numbers(items: pl.Expr) -> pl.Expr:
    """A list's items as numbers, without those that are none; null where none is left."""
    known = items.list.eval(pl.element().cast(pl.Float64, strict=False)).list.drop_nulls()
    return pl.when(known.list.len() > 0).then(known)


@dataclass(frozen=True)
class CountText:
    """Counts in a text column. counts: name to a word of COUNTS; patterns: name to a regular expression (Rust's, without look-around)."""

    column: str
    counts: Mapping[str, str]
    patterns: Mapping[str, str]

    def rowwise(self) -> Mapping[str, pl.Expr]:
        text = pl.col(self.column).cast(pl.String)
        counts = {name: COUNTS[word](text) for name, word in self.counts.items()}
        return {**counts, **{name: counted(text, pattern) for name, pattern in self.patterns.items()}}

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return compute(rows, self.rowwise())

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "count_text", "column": self.column, "counts": dict(self.counts), "patterns": dict(self.patterns)}


@dataclass(frozen=True)
class Unnest:
    """Columns out of a list, a struct, or text that holds one.

    separator: text is cut at it into a list; None for a list, a struct, or text of JSON.
    of_list: name to a word of OF_LIST; items: name to a position, from the end where negative; contains: name to an item (1 or 0);
    fields: name to the steps down a struct, or with is_json down an object, and whether the value is a number.
    """

    column: str
    separator: str | None
    is_json: bool
    of_list: Mapping[str, str]
    items: Mapping[str, int]
    contains: Mapping[str, str]
    fields: Mapping[str, tuple[tuple[str, ...], bool]]

    def rowwise(self) -> Mapping[str, pl.Expr]:
        items = self._items()
        made = {name: OF_LIST[word](items) for name, word in self.of_list.items()}
        made |= {name: items.list.get(at, null_on_oob=True) for name, at in self.items.items()}
        texts = items.list.eval(pl.element().cast(pl.String))
        made |= {name: texts.list.contains(pl.lit(item)).cast(pl.Int32) for name, item in self.contains.items()}
        return made | {name: self._field(path, is_number) for name, (path, is_number) in self.fields.items()}

    def _items(self) -> pl.Expr:
        if self.is_json:
            # Text that is no JSON matches nothing; decoding would fail on it, and on lists inside a list.
            text = pl.col(self.column).str.json_path_match("$")
            return pl.when(text.str.contains(FLAT_LIST)).then(text).str.json_decode(pl.List(pl.String))
        if self.separator is None:
            return pl.col(self.column)
        cut = pl.col(self.column).str.split(self.separator).list.eval(pl.element().str.strip_chars())
        return cut.list.filter(pl.element() != "")

    def _field(self, path: tuple[str, ...], is_number: bool) -> pl.Expr:
        found = pl.col(self.column)
        if self.is_json:
            found = found.str.json_path_match("$" + "".join(f"['{step}']" for step in path))
        else:
            for step in path:
                found = found.struct.field(step)
        return found.cast(pl.Float64, strict=False) if is_number else found.cast(pl.String)

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return compute(rows, self.rowwise())

    def save(self, folder: Path) -> dict[str, Any]:
        fields = {name: [list(path), is_number] for name, (path, is_number) in self.fields.items()}
        maps = {"of_list": dict(self.of_list), "items": dict(self.items), "contains": dict(self.contains), "fields": fields}
        return {"op": "unnest", "column": self.column, "separator": self.separator, "is_json": self.is_json, **maps}


@register("operation", "count_text")
def read_count_text(written: Mapping[str, Any], folder: Path) -> CountText:
    """Read what save wrote."""
    return CountText(written["column"], written["counts"], written["patterns"])


@register("operation", "unnest")
def read_unnest(written: Mapping[str, Any], folder: Path) -> Unnest:
    """Read what save wrote."""
    fields = {name: (tuple(path), bool(is_number)) for name, (path, is_number) in written["fields"].items()}
    return Unnest(written["column"], written["separator"], written["is_json"], written["of_list"], written["items"], written["contains"], fields)
