"""What a column is for: key, time, entity, protected, free text, or perhaps known only after the event. Guesses, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

import numpy as np
import polars as pl

from runner.core.faults import fault, listed, nearest
from runner.proposal.asked import NO_TIME, Asked
from runner.proposal.outcome import Outcome
from runner.proposal.profile import has_word
from runner.proposal.protected import BIRTH_WORDS, is_protected
from runner.proposal.table import Column, Table

ID_WORDS = ("id", "ids", "uuid", "guid", "key", "uid", "identifier", "customer_number", "account_number", "customer_no", "account_no")
NUMBER_WORDS = ("number", "no", "nr", "num", "code", "ref", "reference")
ROW_NUMBER_WORDS = ("index", "unnamed", "rownum", "row_number", "row", "rowid")
AFTER_WORDS = (
    *("cancel", "cancelled", "canceled", "cancellation", "churn", "churned", "close", "closed", "closing", "exit", "left", "leaving", "terminated"),
    *("termination", "reason", "resolution", "resolved", "result", "outcome", "actual", "final", "refund", "refunded", "chargeback", "collection"),
    *("recovered", "recovery", "writeoff", "delay", "end", "ended", "duration", "last", "update", "updated", "modified", "returned", "paid"),
)
# Words in the name of a moment of decision, the most telling first.
TIME_WORDS = (
    *("decision", "application", "applied", "order", "ordered", "transaction", "purchase", "booking", "booked", "contact", "request", "requested", "event"),
    *("snapshot", "observation", "observed", "created", "opened", "open", "issue", "issued", "invoice", "scheduled", "signup", "sign_up", "registration"),
    *("registered", "joined", "start", "started", "arrival", "departure", "timestamp", "datetime", "time", "date", "day", "month", "week", "dt", "ts", "at"),
)
FEWEST_MOMENTS = 20
MOST_ON_ONE = 0.5
FEWEST_ENTITIES = 50
EARLIEST, LATEST = datetime(1971, 1, 1), datetime(2101, 1, 1)
SENTINELS = (-1, -9, -99, -999, -9999, -99999, 99, 999, 9999, 99999, 999999, 9999999)
FEWEST_SENTINELS, SENTINEL_SHARE, FAR = 3, 0.002, 3.0
FREE_TEXT_SHARE, FREE_TEXT_SIGNS, LONG_TEXT_SHARE = 0.5, 60, 0.2
SURELY = 0.02  # share of missing values that may stand elsewhere


@dataclass(frozen=True)
class Roles:
    """Columns by contract name.

    key, n_repeated_keys: what names a row, and rows that repeat one; time: the moment of decision, times: every trustworthy one;
    moments: other dates; entities: what several rows belong to; protected; free: text that differs in nearly every row; doubtful: perhaps
    known only after the event, and why; after: surely so; sentinels: numbers that stand for 'unknown'.
    """

    key: str | None
    n_repeated_keys: int
    time: str | None
    times: tuple[str, ...]
    moments: tuple[str, ...]
    entities: tuple[str, ...]
    protected: tuple[str, ...]
    free: tuple[str, ...]
    doubtful: Mapping[str, str]
    after: Mapping[str, str]
    sentinels: Mapping[str, tuple[int, ...]]

    def without_time(self) -> Roles:
        """The same where no order in time serves: the time is a date like any other."""
        moments = (*self.moments, self.time) if self.time is not None else self.moments
        return replace(self, time=None, moments=moments)

    def after_event(self, told: Mapping[str, str]) -> Roles:
        """The same with columns that give the outcome away. told: column to why."""
        kept = {name: why for name, why in self.doubtful.items() if name not in told}
        return replace(self, after={**self.after, **told}, doubtful=kept)


def lifeless(table: Table, target: str) -> dict[str, str]:
    """Columns that can teach nothing, and why: constant, a row number, or the same as an earlier one."""
    why: dict[str, str] = {}
    seen: dict[tuple[str, int, bytes], str] = {}
    for name, column in table.columns.items():
        facts = column.facts
        first = seen.setdefault((column.type, facts.distinct, _fingerprint(table.rows[name])), name)
        twin = first if first != name and table.rows[first].equals(table.rows[name], null_equal=True) else None
        if name == target:
            continue
        if facts.distinct == 1 and not facts.missing:
            why[name] = f"constant: {facts.top[0][0][:40]!r} in every row"
        elif twin == target or (twin is not None and twin not in why):
            why[name] = "repeats the outcome in every row" if twin == target else f"repeats {twin} in every row"
        elif _is_row_number(column):
            why[name] = "a row number"
    return why


def _fingerprint(values: pl.Series) -> bytes:
    """The same for columns that equal each other row by row, so that a column need not be held against all the others."""
    return sha256(values.hash(seed=0).to_numpy().tobytes()).digest()


def _is_row_number(column: Column) -> bool:
    facts = column.facts
    counts = column.type == "int" and facts.rising and facts.distinct == facts.rows and (facts.low, facts.high) in ((0, facts.rows - 1), (1, facts.rows))
    return counts and has_word(column.name, ROW_NUMBER_WORDS)


def gaps_of_the_outcome(table: Table, outcome: Outcome) -> dict[str, str]:
    """Columns that are missing just where the outcome is: they may come with it. table: with the rows that have no outcome."""
    without = table.rows[outcome.column.name].is_null()
    found = {}
    for name, column in table.columns.items():
        if name != outcome.column.name and column.facts.missing >= FEWEST_MOMENTS:
            missing = table.rows[name].is_null()
            if (missing & without).sum() > MOST_ON_ONE * outcome.n_missing and (missing & ~without).sum() < SURELY * column.facts.missing + 1:
                found[name] = "missing where the outcome is"
    return found


def roles_of(table: Table, outcome: Outcome, asked: Asked, gaps: Mapping[str, str]) -> Roles:
    """The role of every column. gaps: of the outcome, before its rows were left out. Raises FaultsError where a role that was asked for does not fit."""
    others = {name: column for name, column in table.columns.items() if name != outcome.column.name}
    key, n_repeated = _key(table, others, asked)
    rest = {name: column for name, column in others.items() if name != key}
    after = {_named(table, raw, "--after-event").name: "said on the command line" for raw in asked.after_event}
    after |= {name: why for name, column in rest.items() if name not in after and (why := _only_where(table.rows, column, outcome))}
    open_ = {name: column for name, column in rest.items() if name not in after}
    times = _times(open_)
    time = _time(table, times, asked)
    entities = tuple(name for name, column in open_.items() if _is_entity(column))
    free = tuple(name for name, column in open_.items() if name not in entities and _is_free(column))
    protected = tuple(name for name in open_ if name not in (*free, *entities, time) and is_protected(name))
    moments = tuple(name for name, column in open_.items() if column.is_moment and name not in (time, *protected))
    used = [name for name in open_ if name not in (*free, *entities, *protected, time)]
    doubtful = {name: "by its name" for name in used if has_word(name, AFTER_WORDS)} | {name: why for name, why in gaps.items() if name in used}
    sentinels = {name: found for name in used if others[name].is_number and (found := _sentinels(table.rows[name]))}
    return Roles(key, n_repeated, time, times, moments, entities, protected, free, doubtful, after, sentinels)


def _named(table: Table, raw: str, flag: str) -> Column:
    column = table.of_raw(raw)
    if column is None:
        why = table.left_out.get(raw)
        known = [c.raw for c in table.columns.values()]
        raise fault(
            flag,
            f"{raw!r} cannot be used: {why}" if why else f"there is no column {raw!r}",
            "a column of the data",
            nearest(raw, known) or f"columns: {listed(known, 40)}",
        )
    return column


def _key(table: Table, others: Mapping[str, Column], asked: Asked) -> tuple[str | None, int]:
    if asked.key is not None:
        column = _named(table, asked.key, "--key")
        return column.name, table.rows.height - column.facts.distinct
    candidates = [column for column in others.values() if _could_be_key(column)]
    # A name that says so beats the place in the file; of names that do, the first column.
    named = [column for column in candidates if has_word(column.name, ID_WORDS)]
    chosen = next(iter([*named, *[c for c in candidates if c.facts.distinct == c.facts.rows]]), None)
    if chosen is None:
        return None, 0
    n_repeated = chosen.facts.rows - chosen.facts.distinct
    # Repeated keys are a table's own copies of rows, or the column names something else than a row.
    return (chosen.name, n_repeated) if n_repeated <= table.n_repeated else (None, 0)


def _could_be_key(column: Column) -> bool:
    facts = column.facts
    if column.type not in ("int", "string") or facts.missing or facts.rows < FEWEST_MOMENTS:
        return False
    if facts.distinct < MOST_ON_ONE * facts.rows:
        return False
    said = has_word(column.name, (*ID_WORDS, *NUMBER_WORDS))
    is_code = (
        column.type == "string"
        and facts.longest <= FREE_TEXT_SIGNS
        and not any(" " in text for text, _ in facts.top)
        and not has_word(column.name, ("name", "email", "phone"))
    )
    return said or is_code


def _is_entity(column: Column) -> bool:
    facts = column.facts
    return column.type in ("int", "string") and has_word(column.name, ID_WORDS) and facts.distinct >= FEWEST_ENTITIES


def _is_free(column: Column) -> bool:
    """Text that differs in nearly every row, or is long and seldom the same."""
    facts = column.facts
    if column.type == "int":
        # A number that only names a row, such as a telephone number.
        return facts.distinct == facts.rows and has_word(column.name, (*ID_WORDS, "phone", "telephone", "iban", "ssn"))
    if column.type != "string" or not facts.known:
        return False
    share = facts.distinct / facts.known
    return facts.distinct > FEWEST_MOMENTS and (share > FREE_TEXT_SHARE or (facts.longest > FREE_TEXT_SIGNS and share > LONG_TEXT_SHARE))


def _times(columns: Mapping[str, Column]) -> tuple[str, ...]:
    """Trustworthy moments of decision, the most telling name first."""
    good = [column for column in columns.values() if column.is_moment and _is_trustworthy(column)]
    return tuple(column.name for column in sorted(good, key=lambda column: _rank(column.name)))


def _rank(name: str) -> int:
    return next((place for place, word in enumerate(TIME_WORDS) if has_word(name, (word,))), len(TIME_WORDS))


def _is_trustworthy(column: Column) -> bool:
    facts = column.facts
    if facts.missing or facts.distinct < FEWEST_MOMENTS or has_word(column.name, (*BIRTH_WORDS, *AFTER_WORDS)):
        return False
    ends = [datetime(end.year, end.month, end.day) for end in (facts.low, facts.high) if isinstance(end, date)]
    return all(EARLIEST < end < LATEST for end in ends) and facts.top[0][1] <= MOST_ON_ONE * facts.rows


def _time(table: Table, times: tuple[str, ...], asked: Asked) -> str | None:
    if asked.time == NO_TIME:
        return None
    if asked.time is None:
        return times[0] if times else None
    column = _named(table, asked.time, "--time")
    if not column.is_moment:
        raise fault(
            "--time",
            f"{asked.time!r} is read as {column.type}, such as {column.facts.top[0][0]!r}",
            "a date or a moment",
            f"--time {NO_TIME} for no order in time",
        )
    return column.name


def _only_where(rows: pl.DataFrame, column: Column, outcome: Outcome) -> str:
    """Why a column gives the outcome away by having a value; '' where it does not."""
    facts = column.facts
    if outcome.task == "regression" or facts.missing < FEWEST_MOMENTS or facts.known < FEWEST_MOMENTS:
        return ""
    known = rows[column.name].is_not_null()
    labels = rows[outcome.column.name]
    here, elsewhere = labels.filter(known).drop_nulls(), labels.filter(~known).drop_nulls()
    one_here, one_elsewhere = here.n_unique() == 1, elsewhere.n_unique() == 1
    if one_here and (one_elsewhere or here[0] not in elsewhere.to_list()):
        return f"it has a value only where {outcome.column.name} is {here[0]!r}"
    if one_here and here.len() >= FAR * FEWEST_MOMENTS and (elsewhere != here[0]).sum() > MOST_ON_ONE * elsewhere.len():
        return f"wherever it has a value {outcome.column.name} is {here[0]!r}"
    return ""


def _sentinels(values: pl.Series) -> tuple[int, ...]:
    """Numbers far from all others that stand in several rows, the nearest to the others last."""
    found: list[int] = []
    known = values.drop_nulls()
    if not np.isin(known.to_numpy(), SENTINELS).any():
        return ()
    for sentinel in sorted(SENTINELS, key=abs, reverse=True):
        n = int((known == sentinel).sum())
        others = known.filter(known != sentinel)
        if n < max(FEWEST_SENTINELS, SENTINEL_SHARE * values.len()) or others.n_unique() < FEWEST_MOMENTS:
            continue
        low, high = float(others.min()), float(others.max())  # type: ignore[arg-type]
        is_below = sentinel < 0 <= low
        is_above = sentinel > 0 and low >= 0 and sentinel > FAR * high
        if is_below or is_above:
            found.append(sentinel)
            known = others
    return tuple(found)
