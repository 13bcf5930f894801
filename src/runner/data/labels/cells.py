"""Keys and labels as text: the one form in which rows, review files and verdicts meet."""

from __future__ import annotations

import polars as pl

from runner.bundle.casts import cast
from runner.bundle.contract import labels

ROW_ID = "row_id"
# A spreadsheet runs a cell that starts with one of these as a formula; apostrophes before it are ours or the data's.
RISKY = r"^'*[=+\-@\t\r]"
ESCAPED = r"^'+[=+\-@\t\r]"


def key_columns(key: tuple[str, ...], unique: list[str]) -> tuple[str, ...]:
    """The columns that name a row for people: `problem.key`, else `data.unique`, else its position in the primary source."""
    return key or tuple(unique) or (ROW_ID,)


def as_text(values: pl.Series, kind: str) -> pl.Series:
    """Values as a contract column of the type holds them, written as text; null where there is none or it cannot be held.

    >>> as_text(pl.Series(["1.0", "007", "x"]), "int").to_list()
    ['1', None, None]
    """
    return labels(cast(values, kind).values)


def escaped(values: pl.Series) -> pl.Series:
    """Text that no spreadsheet runs as a formula: a leading apostrophe is put before it; `unescaped` takes it off again."""
    risky = values.str.contains(RISKY)
    return pl.select(text=pl.when(risky).then(pl.concat_str(pl.lit("'"), values)).otherwise(values))["text"].alias(values.name)


def unescaped(values: pl.Series) -> pl.Series:
    """Text as it was before `escaped`.

    >>> unescaped(escaped(pl.Series(["=1", "'=1", "'a", "-x", "b"]))).to_list()
    ['=1', "'=1", "'a", '-x', 'b']
    """
    ours = values.str.contains(ESCAPED)
    return pl.select(text=pl.when(ours).then(values.str.slice(1)).otherwise(values))["text"].alias(values.name)
