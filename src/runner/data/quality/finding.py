"""A finding: what is odd about the rows, how bad it is, how many rows it touches, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Severity = Literal["info", "warned", "serious"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warned", "info")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SHOWN_ROWS = 5
PRICED_ROWS = 100
PRICED_GROUPS = 50
MOST_PRICED = 0.5


@dataclass(frozen=True)
class Stake:
    """The rows that a price can be put on, once the payoff is known (`prices`).

    rule: `conflict`, groups of rows that no features tell apart; `bound`, rows whose value in a column is wrong or missing.
    rows: how many there are; groups: row ids of those drawn to be priced, all of them where they are few. A `bound` has one group.
    """

    rule: Literal["conflict", "bound"]
    rows: int
    groups: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure by period of time. periods: ISO dates of their starts; values: None where there are no rows; odd: positions that stand out."""

    measure: str
    periods: tuple[str, ...]
    values: tuple[float | None, ...]
    odd: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """severity; what: one sentence; evidence: the numbers; rows: how many rows it touches.

    kind: the word of the check that found it; columns: those it is about; row_ids: a few of the rows; next: what to do;
    yaml: the same as config, where config can do it.
    """

    severity: Severity
    what: str
    evidence: str
    rows: int
    kind: str = "rows"
    columns: tuple[str, ...] = ()
    row_ids: tuple[int, ...] = ()
    next: str = ""
    yaml: str = ""
    stake: Stake | None = None
    picture: Picture | None = None

    def as_json(self) -> dict[str, Any]:
        """Without stake and picture where there is none."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Serious ones first; of one severity those that touch most rows, then by name."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), -f.rows, f.what))


def first(row_ids: Sequence[int] | np.ndarray) -> tuple[int, ...]:
    """The first few row ids, to look at."""
    return tuple(int(n) for n in np.sort(np.asarray(row_ids))[:SHOWN_ROWS])


def bound(row_ids: Sequence[int] | np.ndarray, rows: int, of_rows: int) -> Stake | None:
    """The stake of rows with a wrong or missing value; some of them, evenly drawn, stand for all.

    None where it is most of all rows: the bound would be the whole decision, which says nothing of the value.
    """
    ids = np.sort(np.asarray(row_ids))
    if not len(ids) or rows > MOST_PRICED * of_rows:
        return None
    drawn = ids[np.unique(np.linspace(0, len(ids) - 1, PRICED_ROWS).astype(int))]
    return Stake("bound", rows, (tuple(int(n) for n in drawn),))


def percent(share: float) -> str:
    """A share for people; one that is not zero never reads as zero.

    >>> percent(0.1234), percent(0.0001), percent(0.00001)
    ('12.3%', '0.01%', '0.001%')
    """
    whole = 100 * share
    if whole == 0 or whole >= 0.1:
        return f"{whole:.1f}%"
    return f"{whole:.1g}%" if whole >= 1e-4 else "less than 0.0001%"


def names(columns: Sequence[str], limit: int = 6) -> str:
    """Column names in a sentence."""
    more = f" and {len(columns) - limit} more" if len(columns) > limit else ""
    return ", ".join(columns[:limit]) + more


def sql_name(column: str) -> str:
    """A column as SQL names it.

    >>> sql_name("Amount"), sql_name("net amount")
    ('Amount', '"net amount"')
    """
    return column if PLAIN.fullmatch(column) else '"' + column.replace('"', '""') + '"'


def as_yaml(tree: Mapping[str, Any]) -> str:
    """Config as it may stand in an experiment's file, whatever the names of columns.

    >>> print(as_yaml({"features": {"drop": ["a: b"]}}))
    features:
      drop: ['a: b']
    """
    import yaml

    return str(yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None)).rstrip("\n")
