"""What one pass over a table tells of each column; nothing is guessed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl

LOOKED_AT = 2000  # different texts whose form is looked at, the most common ones; what is inferred from them is tried on every row
TOP = 40
AT_ONCE = 50  # columns in one pass
QUARTERS = (0.05, 0.25, 0.5, 0.75, 0.95)

# Texts that say "nothing here" whatever the column; and those that elsewhere could be a category.
EVERYWHERE = frozenset({"", "n/a", "#n/a", "na", "nan", "null", "(null)", "nat", "n.a."})
SOMEWHERE = frozenset({"none", "nil", "-", "--", "---", "?", ".", "unknown", "missing", "undefined", "not available", "unspecified"})

# What a text can look like, blanks around it left out. A text may have several forms.
FORMS: Mapping[str, str] = {
    "whole": r"^[+-]?(?:0|[1-9][0-9]*)(?:\.0*)?$",
    "leading_zero": r"^0[0-9]+$",
    "number": r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$",
    "comma_groups": r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?$",
    "point_groups": r"^[+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,}(?:,[0-9]+)?$|^[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+$",
    "decimal_comma": r"^[+-]?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+)(?:,[0-9]+)?$",
    # A comma with another number of digits behind it than three cannot stand between thousands.
    "surely_decimal_comma": r"^[+-]?[0-9.]*,(?:[0-9]{1,2}|[0-9]{4,})$",
    "adorned": r"^[+-]?\s?[€$£¥%]?\s?[+-]?\s?[0-9][0-9.,\s]*\s?(?:[€$£¥%]|EUR|USD|GBP|CHF)?$",
    "truth": r"(?i)^(?:yes|no|y|n|true|false|t|f|0|1)$",
    "iso_date": r"^[0-9]{4}-(?:0[1-9]|1[0-2])-[0-3][0-9]$",
    "iso_moment": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?$",
    "numbered_date": r"^[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-](?:[0-9]{2}|[0-9]{4})(?:$|\s)",
    "day_first": r"^(?:1[3-9]|2[0-9]|3[01])[/.\-][0-9]{1,2}[/.\-]",
    "month_first": r"^[0-9]{1,2}[/.\-](?:1[3-9]|2[0-9]|3[01])[/.\-]",
    "short_year": r"^[0-9]{1,2}[/.\-][0-9]{1,2}[/.\-][0-9]{2}(?:$|\s)",
    "day_number": r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$",
}

Number = int | float
Moment = date | datetime


@dataclass(frozen=True)
class Facts:
    """One column.

    missing: nulls and NaN; distinct: different values that are not missing; low, high: the ends, None for text and where there is no value;
    marks: quantiles QUARTERS of a number; forms: text only, form to how many of the `looked_at` rows have it, rows that say
    "nothing here" left out; top: the most common values as text with their rows, most common first, ties by value; longest: signs of the longest text;
    rising: a number or moment that never falls from row to row.
    """

    name: str
    dtype: pl.DataType
    rows: int
    missing: int
    distinct: int
    low: Number | Moment | None = None
    high: Number | Moment | None = None
    marks: tuple[float, ...] = ()
    forms: Mapping[str, int] = field(default_factory=dict)
    looked_at: int = 0
    top: tuple[tuple[str, int], ...] = ()
    longest: int = 0
    rising: bool = False

    @property
    def known(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def missing_share(self) -> float:
        return self.missing / self.rows if self.rows else 0.0

    def share_of(self, *forms: str) -> float:
        """Share of the rows looked at that have the form; of several forms, of the most common one."""
        return max((self.forms.get(form, 0) for form in forms), default=0) / self.looked_at if self.looked_at else 0.0


def profile(rows: pl.DataFrame) -> dict[str, Facts]:
    """Facts of every column, in order: passes over some columns each, then the forms of the most common texts."""
    return {name: facts for at in range(0, rows.width, AT_ONCE) for name, facts in _profiled(rows[:, at : at + AT_ONCE]).items()}


def _profiled(rows: pl.DataFrame) -> dict[str, Facts]:
    asked = [_asked(name, dtype) for name, dtype in rows.schema.items()]
    flat = {f"{i}.{fact}": expression for i, facts in enumerate(asked) for fact, expression in facts.items()}
    # Eagerly: what the optimizer of a lazy query could save here costs it many times more.
    found = rows.select(**flat).row(0, named=True) if flat else {}
    return {values.name: _facts(values, {fact: found[f"{i}.{fact}"] for fact in asked[i]}) for i, values in enumerate(rows)}


def _asked(name: str, dtype: pl.DataType) -> dict[str, pl.Expr]:
    value = pl.col(name).fill_nan(None) if dtype.is_float() else pl.col(name)
    asked = {"missing": value.null_count()}
    if dtype.is_nested() or dtype in (pl.Binary, pl.Null, pl.Object):
        return asked
    asked["distinct"] = value.drop_nulls().n_unique()
    if dtype == pl.String:
        asked["longest"] = value.str.len_chars().max()
    if dtype.is_numeric() or dtype.is_temporal():
        asked |= {"low": value.min(), "high": value.max(), "rising": (value >= value.shift()).all()}
    if dtype.is_numeric():
        asked |= {f"mark{i}": value.cast(pl.Float64).quantile(q, "nearest") for i, q in enumerate(QUARTERS)}
    return asked


def _facts(values: pl.Series, found: Mapping[str, Any]) -> Facts:
    distinct = found.get("distinct") or 0
    counted = _counted(values) if distinct else None
    forms, looked_at = _forms(counted) if counted is not None and values.dtype == pl.String else ({}, 0)
    return Facts(
        name=values.name,
        dtype=values.dtype,
        rows=values.len(),
        missing=found["missing"],
        distinct=distinct,
        low=found.get("low"),
        high=found.get("high"),
        marks=tuple(value for i in range(len(QUARTERS)) if (value := found.get(f"mark{i}")) is not None),
        forms=forms,
        looked_at=looked_at,
        top=tuple(counted.head(TOP).iter_rows()) if counted is not None else (),
        longest=found.get("longest") or 0,
        rising=bool(found.get("rising")) and distinct > 1,
    )


def _counted(values: pl.Series) -> pl.DataFrame:
    """The most common values as text, with their rows."""
    known = values.fill_nan(None) if values.dtype.is_float() else values
    counted = known.drop_nulls().alias("value").value_counts(name="rows")
    if counted.height > LOOKED_AT:
        # Of a column with very many values only those that can be among the most common ones are written out and put in order.
        least = counted["rows"].top_k(LOOKED_AT).min()
        above = counted.filter(pl.col("rows") > least)
        tied = counted.filter(pl.col("rows") == least).bottom_k(LOOKED_AT - above.height, by="value")
        counted = pl.concat([above, tied])
    counted = counted.with_columns(pl.col("value").cast(pl.String))
    return counted.sort(["rows", "value"], descending=[True, False]).head(LOOKED_AT)


def _forms(counted: pl.DataFrame) -> tuple[dict[str, int], int]:
    text = pl.col("value").str.strip_chars()
    telling = counted.filter(~text.str.to_lowercase().is_in([*EVERYWHERE, *SOMEWHERE]))
    found = telling.select(**{form: pl.col("rows").filter(text.str.contains(pattern)).sum() for form, pattern in FORMS.items()}).row(0, named=True)
    return {form: int(n) for form, n in found.items() if n}, int(telling["rows"].sum())


def tokens(name: str) -> list[str]:
    """The words of a column's name, lower case.

    >>> tokens("customerID"), tokens("Date of birth"), tokens("package_size2")
    (['customer', 'id'], ['date', 'of', 'birth'], ['package', 'size', '2'])
    """
    words: list[str] = []
    word = ""
    before = ""
    for sign in name:
        # A word ends at a blank or mark, before a capital after a small letter, and between letters and digits.
        ends = not sign.isalnum() or (sign.isupper() and before.islower()) or (word and sign.isdigit() != before.isdigit())
        if ends and word:
            words.append(word.lower())
            word = ""
        word += sign if sign.isalnum() else ""
        before = sign
    return [*words, word.lower()] if word else words


@cache
def has_word(name: str, words: tuple[str, ...]) -> bool:
    """Whether one of the words stands in a column's name as a word of its own, or as several joined by '_'.

    >>> has_word("client_age", ("age",)), has_word("package", ("age",)), has_word("LastLogin", ("last_login",))
    (True, False, True)
    """
    joined = f"_{'_'.join(tokens(name))}_"
    return any(f"_{word}_" in joined for word in words)
