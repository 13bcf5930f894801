"""The contract of a table: exact casts, checks as named expressions, and what each row breaches.

A contract is the dictionary of contract.json: {"columns": {name: {type, nullable, min?, max?, allowed?, pattern?, unit?, cost?,
unique?, max_age_hours?, available, on_fail, tolerated_share?}}, "rules": {name: {sql, on_fail, tolerated_share?}},
"table_rules": {name: {sql, on_fail}}, "order": [name], "target", "key", "time", "as_of", "version", ...}.
What only all rows together can keep (unique, max_age_hours, table_rules) is not asked of rows to be scored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from runner.bundle.casts import DTYPES, Cast, cast, cast_told, held
from runner.core import expressions
from runner.core.faults import Fault, FaultsError, listed, nearest

Contract = Mapping[str, Any]
SHOWN_LENGTH = 60
SHOWN_ALLOWED = 8
WHOLE_LIMIT = 2.0**63


@dataclass(frozen=True)
class Check:
    """One check of a contract.

    name: 'Amount.minimum' or 'rules.NAME', as it stands in flags and quarantine; at: its config key below `data`;
    says: the expectation in words; fine: Boolean expression, TRUE where a row is fine, never null;
    tolerated: share of the rows up to which a failure does one step less than on_fail.
    """

    name: str
    at: str
    says: str
    on_fail: str
    fine: pl.Expr
    column: str | None = None
    tolerated: float = 0.0


@dataclass(frozen=True)
class Conformed:
    """rows: contract columns in declared order and type; casts: column to 'from TYPE' where a lossless cast was made."""

    rows: pl.DataFrame
    casts: dict[str, str]


def order(contract: Contract) -> list[str]:
    """Contract columns in declared order."""
    return list(contract.get("order") or contract["columns"])


def dtypes(contract: Contract) -> dict[str, pl.DataType]:
    """Contract column to Polars type, in declared order: the schema that every declared expression sees."""
    return {name: DTYPES[contract["columns"][name]["type"]] for name in order(contract)}


def required(contract: Contract) -> list[str]:
    """Columns that rows to be scored must have: all that are available at the decision, in order, without the target."""
    columns, target = contract["columns"], contract.get("target")
    return [name for name in order(contract) if name != target and columns[name].get("available", "at_decision") == "at_decision"]


def conform(rows: pl.DataFrame, contract: Contract, at: str) -> pl.DataFrame:
    """Rows to be scored in contract types and order, extra columns left out; one row per row, nothing rounded.

    at: the file or request, for messages. Columns known only after the event, and the target, may be absent.
    Raises FaultsError naming every missing column and every column that cannot be cast, with its first bad value.
    """
    return conform_recorded(rows, contract, at, required(contract)).rows


def conform_recorded(rows: pl.DataFrame, contract: Contract, at: str, needed: Iterable[str]) -> Conformed:
    """Like `conform` with the columns that must be there named, and a record of the casts that were made."""
    conforming = Conforming(contract, at, needed)
    found = conforming.add(rows)
    return Conformed(found, conforming.casts())


@dataclass
class _Misfits:
    """Values of a column that cannot be cast: how many, and the first with its row; and the same of moments in text that name no zone."""

    bad: int = 0
    first: tuple[int, str] | None = None
    plain: int = 0
    first_plain: tuple[int, str] | None = None
    zoned: bool = False
    possible: bool = True
    dtype: pl.DataType = field(default_factory=pl.Null)

    def note(self, values: pl.Series, found: Cast, positions: pl.Series | None) -> None:
        self.bad, self.first = _noted(self.bad, self.first, values, found.bad, positions)
        if found.plain is not None:
            self.plain, self.first_plain = _noted(self.plain, self.first_plain, values, found.plain, positions)
        self.zoned = self.zoned or found.zoned
        self.possible, self.dtype = found.possible, values.dtype

    def settled(self) -> tuple[int, tuple[int, str] | None]:
        """How many do not fit and the first of them; a moment without a zone does not, where another names one."""
        if not self.zoned:
            return self.bad, self.first
        firsts = [first for first in (self.first, self.first_plain) if first is not None]
        return self.bad + self.plain, min(firsts, default=None)


def _noted(n: int, first: tuple[int, str] | None, values: pl.Series, where: pl.Series, positions: pl.Series | None) -> tuple[int, tuple[int, str] | None]:
    count = int(where.sum())
    if count and first is None:
        row = int(where.arg_max() or 0)
        first = (row if positions is None else int(positions[row]), shown(values[row]))
    return n + count, first


class Conforming:
    """Brings rows into the contract's types and order, slice by slice; what cannot be cast is missing there, and told at the end.

    at: the file or request, for messages; needed: columns that must be there.
    """

    def __init__(self, contract: Contract, at: str, needed: Iterable[str]) -> None:
        self._contract, self._at, self._needed = contract, at, list(needed)
        self._misfits: dict[str, _Misfits] = {}
        self._casts: dict[str, str] = {}
        self._missing: list[Fault] = []

    def add(self, rows: pl.DataFrame, positions: pl.Series | None = None) -> pl.DataFrame:
        """The slice's contract columns. positions: of its rows in the file, where the slice is not all of it."""
        there = rows.schema
        self._missing = missing_columns(self._needed, there, self._at)
        columns = {name: self._contract["columns"][name] for name in order(self._contract) if name in there}
        # Looking at each column by itself would cost more than a small model.
        plain = held(rows, {name: column["type"] for name, column in columns.items() if _made_from(column) == column["type"]})
        self._casts |= {name: told for name in plain.columns if (told := cast_told(there[name], columns[name]["type"]))}
        fitting = set(plain.columns)
        return pl.DataFrame([plain[name] if name in fitting else self._looked_at(rows[name], columns[name], positions) for name in columns])

    def _looked_at(self, values: pl.Series, column: Mapping[str, Any], positions: pl.Series | None) -> pl.Series:
        """A column in its contract type; what was cast, and what cannot be, is noted."""
        found = _cast_column(values, column)
        if found.plain is not None or found.zoned or found.bad.any():
            self._misfits.setdefault(values.name, _Misfits()).note(values, found, positions)
        if found.how:
            self._casts[values.name] = found.how
        return found.values

    def casts(self) -> dict[str, str]:
        """Column to 'from TYPE' where a lossless cast was made. Raises FaultsError naming missing columns, and values that cannot be cast."""
        faults = list(self._missing)
        for name in order(self._contract):
            misfits = self._misfits.get(name)
            n, first = misfits.settled() if misfits is not None else (0, None)
            if misfits is not None and first is not None:
                faults.append(_wrong_type(name, misfits, n, first, self._contract["columns"][name], self._at))
        if faults:
            raise FaultsError(faults)
        return {name: self._casts[name] for name in order(self._contract) if name in self._casts}


def missing_columns(needed: Iterable[str], found: Collection[str], at: str) -> list[Fault]:
    """A fault for each needed column that is not among the found ones, with the nearest name."""
    return [
        Fault(f"{at}, column {name!r}", "the column is missing", "a column of that very name", _near(name, found) or f"columns found: {listed(found)}")
        for name in needed
        if name not in found
    ]


def _near(name: str, found: Collection[str]) -> str:
    folded = name.casefold().replace(" ", "")
    same = [c for c in found if c.casefold().replace(" ", "") == folded]
    if same:
        return f"{same[0]!r} differs only by case or spaces: rename it"
    return nearest(name, found)


def _made_from(column: Mapping[str, Any]) -> str:
    """The type in which a column's values come: another than its own where a label is declared as a number or boolean."""
    return str(column.get("from", column["type"]))


def _cast_column(values: pl.Series, column: Mapping[str, Any]) -> Cast:
    made_from = _made_from(column)
    first = cast(values, made_from)
    if made_from == column["type"] or first.bad.any():
        return first
    # A label declared as a number or boolean is held as text; text that already is a label stays as it is.
    return replace(first, values=labels(first.values))


def labels(values: pl.Series) -> pl.Series:
    """Outcome values as label text: 'true' and 'false', digits, ISO dates, or the text itself."""
    return values.cast(pl.String)


def _wrong_type(name: str, misfits: _Misfits, n: int, first: tuple[int, str], column: Mapping[str, Any], at: str) -> Fault:
    wanted = _made_from(column)
    rows = "1 row" if n == 1 else f"{n} rows"
    return Fault(
        f"{at}, column {name!r}",
        f"{misfits.dtype} where {wanted} is declared: {rows} cannot be cast, first row {first[0]} (from 0) with {first[1]}",
        f"{wanted}: a value that can be held exactly" if misfits.possible else wanted,
        "correct the data, or declare the column's type as it is",
    )


def shown(value: object) -> str:
    """A cell as it may stand in a message: on one line, quoted, control characters escaped, shortened.

    >>> shown("a"), shown(pl.Series([1, 2]))
    ("'a'", '[1, 2]')
    """
    plain = value.to_list() if isinstance(value, pl.Series) else value
    text = repr(plain) if isinstance(plain, str) and plain.isprintable() else ascii(plain) if isinstance(plain, str | bytes) else " ".join(str(plain).split())
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def checks(contract: Contract, columns: Collection[str]) -> list[Check]:
    """The checks of the given contract columns, in declared order, then the SQL rules that need no other column.

    A null is judged by 'present' alone, so every other check reads it as fine.
    """
    found = [check for name in order(contract) if name in columns for check in _column_checks(name, contract["columns"][name])]
    for name, rule in contract.get("rules", {}).items():
        fine = expressions.parse(rule["sql"])
        if set(fine.meta.root_names()) <= set(columns):
            held = fine.cast(pl.Boolean).fill_null(value=True)
            says = f"TRUE for `{rule['sql'].strip()}`"
            found.append(Check(f"rules.{name}", f"rules.{name}", says, rule["on_fail"], held, tolerated=rule.get("tolerated_share", 0.0)))
    return found


def _column_checks(name: str, column: Mapping[str, Any]) -> list[Check]:
    value = pl.col(name)
    low, high, allowed, pattern = (column.get(key) for key in ("min", "max", "allowed", "pattern"))
    declared: dict[str, tuple[str, pl.Expr | None]] = {
        "present": ("a value in every row", None if column["nullable"] else value.is_not_null()),
        "finite": ("a finite number", value.is_finite() if column["type"] == "float" else None),
        "minimum": (f"at least {_number(low)}", None if low is None else value >= _bound(low)),
        "maximum": (f"at most {_number(high)}", None if high is None else value <= _bound(high)),
        "allowed": (f"one of {_some(allowed)}", None if allowed is None else value.is_in(allowed)),
        "pattern": (f"text that matches {pattern}", None if pattern is None else value.str.contains(f"^(?:{pattern})$")),
    }
    return [
        Check(
            f"{name}.{rule}", f"columns.{name}", says, column.get("on_fail", "quarantine"), fine.fill_null(value=True), name, column.get("tolerated_share", 0.0)
        )
        for rule, (says, fine) in declared.items()
        if fine is not None
    ]


def _bound(limit: float) -> int | float:
    # A whole bound is compared as an integer: large identifiers must not meet it as rounded floats. Beyond 64 bits no
    # integer can be compared, and no identifier is that large.
    return int(limit) if float(limit).is_integer() and abs(limit) < WHOLE_LIMIT else limit


def _number(limit: float | None) -> str:
    return "" if limit is None else f"{_bound(limit)}"


def _some(allowed: list[str] | None) -> str:
    given = [repr(v) for v in allowed or []]
    return ", ".join(given[:SHOWN_ALLOWED]) + (f" and {len(given) - SHOWN_ALLOWED} more" if len(given) > SHOWN_ALLOWED else "")


def verdicts(rows: pl.DataFrame, judged: Sequence[Check]) -> pl.DataFrame:
    """A Boolean column per check, in their order: TRUE where the row is fine."""
    # All checks are columns of one pass; constants in a rule are broadcast by with_columns, not by select.
    names = [f"__runner_{i}" for i in range(len(judged))]
    return rows.with_columns([c.fine.alias(name) for c, name in zip(judged, names, strict=True)]).select(names)


def reasons(rows: pl.DataFrame, judged: Iterable[Check]) -> pl.Series:
    """Names of the checks that each row of conformed `rows` breaches: List(String), empty where the row is fine."""
    listed_checks = list(judged)
    if not listed_checks or rows.height == 0:
        return pl.Series("reasons", [[]] * rows.height, pl.List(pl.String))
    found = verdicts(rows, listed_checks)
    names = found.columns
    fine = found.select(pl.all_horizontal(names).alias("fine"))["fine"]
    if fine.all():
        return pl.Series("reasons", [[]], pl.List(pl.String)).new_from_index(0, rows.height)
    named = [pl.when(~pl.col(name)).then(pl.lit(c.name)) for c, name in zip(listed_checks, names, strict=True)]
    broken = found.with_row_index("__runner_row").filter(~fine).select("__runner_row", reasons=pl.concat_list(named).list.drop_nulls())
    every = pl.DataFrame({"__runner_row": pl.int_range(rows.height, dtype=pl.get_index_type(), eager=True)})
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return every.join(broken, on="__runner_row", how="left", maintain_order="left").select(pl.col("reasons").fill_null(nothing))["reasons"]


def judged_online(contract: Contract, columns: Collection[str]) -> list[Check]:
    """The checks that rows to be scored are put to: those of the columns that are there; the target is not judged."""
    target = contract.get("target")
    return checks(contract, [name for name in columns if name != target])


def breaches(rows: pl.DataFrame, contract: Contract) -> pl.Series:
    """What each conformed row breaches, List(String) such as ['Amount.minimum']; the target is not judged."""
    return reasons(rows, judged_online(contract, rows.columns))
