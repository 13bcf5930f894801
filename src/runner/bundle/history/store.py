"""The events since the end of a bundle's training, in one SQLite file: added once each by key, read per entity."""

from __future__ import annotations

import json
import sqlite3
import struct
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from math import isnan
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import ColumnNotFoundError

from runner.bundle.contract import conform_recorded, required, shown
from runner.bundle.history.aggregate import held
from runner.bundle.history.operation import Events, History, Past, events_of
from runner.bundle.history.tally import Added, Tally
from runner.bundle.load import Bundle
from runner.core.faults import Fault, FaultsError, fault, listed

FORMAT = 1
CHUNK = 1000
WAIT_SECONDS = 30.0
TAIL = 256
"""More events than this since the horizon, and the older half is folded into the summary."""
SHOWN_CONFLICTS = 5
TABLES = """
CREATE TABLE IF NOT EXISTS about (format INTEGER, bundle TEXT);
CREATE TABLE IF NOT EXISTS event (id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, content BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS past (
    step TEXT, entity TEXT, known INTEGER, happened INTEGER, event INTEGER, held BLOB, PRIMARY KEY (step, entity, known, happened, event)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS summary (step TEXT, entity TEXT, horizon INTEGER, held TEXT, PRIMARY KEY (step, entity)) WITHOUT ROWID;
"""
READ = "SELECT known, happened, held FROM past WHERE step = ? AND entity = ? AND known >= ? AND known < ? ORDER BY known, happened"

COUNT = "SELECT COUNT(*) FROM past WHERE step = ? AND entity = ? AND known > ?"


class Store:
    """A store of one bundle's events. Each thread has its own connection; one process writes at a time, others read meanwhile."""

    def __init__(self, path: Path, bundle: Bundle, *, make: bool = True) -> None:
        """Open it, or make it where there is none.

        make: False refuses a file that is not there. Raises FaultsError then, and when the bundle has no history, or the file is
        another bundle's or damaged.
        """
        self.path, self.bundle = path, bundle
        self._own = threading.local()
        if not any(isinstance(operation, History) for operation in bundle.operations):
            raise fault(str(path), "the bundle has no history step: events change nothing", "a bundle with one", "leave out the store")
        if not make and not path.is_file():
            raise fault(str(path), "there is no store of events", "one that `history add` made", "python -m runner history add --bundle ... --input EVENTS")
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            self._prepare()

    def _prepare(self) -> None:
        connection = self._connection
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for table in TABLES.split(";\n"):
                connection.execute(table)
            connection.execute("INSERT INTO about SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM about)", (FORMAT, self.bundle.digest))
        found = connection.execute("SELECT format, bundle FROM about").fetchone()
        if found[0] != FORMAT:
            raise fault(str(self.path), f"store format {found[0]!r}", f"format {FORMAT}", "use the version of runner that made it")
        if found[1] != self.bundle.digest:
            wrong = f"holds the events of the bundle {found[1][:12]}, not of {self.bundle.digest[:12]}"
            raise fault(str(self.path), wrong, "a store for each bundle", "name another file, and add the events since the end of the new training")

    @property
    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._own, "connection"):
            connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            # Readers see what was committed while one process writes; a commit is on the disk when it returns.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            self._own.connection = connection
        found: sqlite3.Connection = self._own.connection
        return found

    def close(self) -> None:
        """Close this thread's connection."""
        if hasattr(self._own, "connection"):
            self._own.connection.close()
            del self._own.connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise fault(str(self.path), f"the store cannot be used: {error}", "a file that may be written, by one process at a time", "try again") from None
        except sqlite3.DatabaseError as error:
            raise fault(str(self.path), f"is no store of events: {error}", "the SQLite file that `history add` made", "name another file") from None

    def read(self, operation: History, entity: str, since: int, until: int) -> Past:
        """What is known of an entity for rows whose times lie between the two."""
        first, last = max(since, operation.end + 1), max(until, operation.end + 1)
        state, pending = operation.began(entity)
        horizon = operation.end
        with self._told():
            summary = self._connection.execute("SELECT horizon, held FROM summary WHERE step = ? AND entity = ?", (operation.step, entity)).fetchone()
            if summary is not None and summary[0] < first:
                horizon, state = summary[0], json.loads(summary[1])
            windows = [first - a.within_us for a in operation.aggregates if a.within_us is not None]
            added = self._connection.execute(READ, (operation.step, entity, min([horizon + 1, *windows]), last)).fetchall()
        return Past(horizon, state, _merged(pending, added))

    def add(self, rows: pl.DataFrame, key: Sequence[str], at: str, until: int | None = None) -> Added:
        """Count events once each.

        rows: with the contract's columns, those that the history looks back on among them, in any order; key: columns that
        name an event: the same again changes nothing, so that an interrupted call is simply repeated; at: the file, for messages;
        until: the last moment (microseconds since 1970) that an event should have; later ones are counted and told of.
        Raises FaultsError when a column is missing or a key is there with another content; then nothing is added.
        """
        events = self._conformed(rows, key, at)
        named = events.select(key).iter_rows()
        texts = [_text(values) for values in named]
        contents = [sha256(_text(values).encode()).digest() for values in events.iter_rows()]
        is_new = self._new(texts, contents, at)
        new = before = without = ahead = 0
        for first in range(0, events.height, CHUNK):
            chosen = [i for i in range(first, min(first + CHUNK, events.height)) if is_new[i]]
            if chosen:
                tally = self._write(events[chosen], [texts[i] for i in chosen], [contents[i] for i in chosen], until)
                past = len(tally.before - tally.counted)
                new, before, ahead = new + len(tally.counted), before + past, ahead + len(tally.ahead)
                without += len(chosen) - len(tally.counted) - past
        return Added(new, events.height - new - before - without, before, without, ahead)

    def _histories(self) -> list[History]:
        return [operation for operation in self.bundle.operations if isinstance(operation, History)]

    def _conformed(self, rows: pl.DataFrame, key: Sequence[str], at: str) -> pl.DataFrame:
        contract = self.bundle.contract
        if not key:
            raise fault(at, "events have no key: the same event twice could not be told", "columns that name an event", "--key, or problem.key")
        looked = {c for operation in self._histories() for c in operation.looks_back_on()} & set(contract["columns"])
        strange = [name for name in key if name not in contract["columns"]]
        if strange:
            raise fault(f"{at}, key", f"no columns of the contract: {listed(strange)}", f"some of {listed(contract['columns'])}")
        return conform_recorded(rows, contract, at, list(dict.fromkeys([*required(contract), *sorted(looked), *key]))).rows

    def _new(self, texts: Sequence[str], contents: Sequence[bytes], at: str) -> list[bool]:
        """Which rows are events that are not there yet. Raises FaultsError naming keys that stand for two contents."""
        seen: dict[str, bytes] = {}
        faults: list[Fault] = []
        is_new = []
        for row, (text, content) in enumerate(zip(texts, contents, strict=True)):
            if text not in seen:
                with self._told():
                    found = self._connection.execute("SELECT content FROM event WHERE key = ?", (text,)).fetchone()
                is_new.append(found is None)
                seen[text] = content if found is None else found[0]
            else:
                is_new.append(False)
            if seen[text] != content:
                wrong = f"row {row} (from 0): the key {shown(text)} is there with another content"
                faults.append(Fault(at, wrong, "one content for each key", "an event is never changed: give a correction a key of its own"))
        if faults:
            raise FaultsError(faults[:SHOWN_CONFLICTS])
        return is_new

    def _write(self, events: pl.DataFrame, texts: Sequence[str], contents: Sequence[bytes], until: int | None) -> Tally:
        """Events in one transaction: all of them or none. Returns what became of them."""
        read = self._looked_back(events)
        tally = Tally(until)
        with self._told(), self._transaction() as connection:
            numbers = [connection.execute("INSERT INTO event (key, content) VALUES (?, ?)", pair).lastrowid for pair in zip(texts, contents, strict=True)]
            for operation, table in read:
                touched: dict[str, int] = {}
                for entity, place, known, happened, *values in table:
                    if not tally.takes(place, entity, (known, happened), operation.end):
                        continue
                    row = (operation.step, entity, known, happened, numbers[place], _blob(values))
                    connection.execute("INSERT INTO past VALUES (?, ?, ?, ?, ?, ?)", row)
                    touched[entity] = min(known, touched.get(entity, known))
                for entity, earliest in touched.items():
                    self._summarise(connection, operation, entity, earliest)
        return tally

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _looked_back(self, events: pl.DataFrame) -> list[tuple[History, list[tuple[Any, ...]]]]:
        """Of each history its entity, the event's place, when it was known and happened, and its values."""
        found = []
        rows, left = events, len(self._histories())
        for operation in self.bundle.operations:
            if not left:
                break
            try:
                if isinstance(operation, History):
                    left -= 1
                    table = operation.events(rows)
                    places = range(rows.height)
                    found.append(
                        (operation, [(e, p, *row) for e, p, row in zip(operation.entities(table), places, table.drop(operation.on).iter_rows(), strict=True)])
                    )
                else:
                    rows = operation.apply(rows)
            except ColumnNotFoundError:
                # What an earlier history makes is no part of an event; only another history may not miss it.
                if isinstance(operation, History):
                    wrong = f"the step {operation.step!r} looks back on what another history makes"
                    raise fault(str(self.path), wrong, "histories of the contract's columns", "score without a store") from None
        return found

    def _summarise(self, connection: sqlite3.Connection, operation: History, entity: str, earliest: int) -> None:
        """Fold old events into what is held, so that a request reads few; they stay, for windows and for events that come late."""
        if all(a.within_us is not None for a in operation.aggregates):
            return
        name = (operation.step, entity)
        summary = connection.execute("SELECT horizon, held FROM summary WHERE step = ? AND entity = ?", name).fetchone()
        if summary is not None and earliest <= summary[0]:
            connection.execute("DELETE FROM summary WHERE step = ? AND entity = ?", name)
            summary = None
        state, pending = operation.began(entity)
        horizon = operation.end
        if summary is not None:
            horizon, state = summary[0], json.loads(summary[1])
        if connection.execute(COUNT, (*name, horizon)).fetchone()[0] + len(pending.known) <= TAIL:
            return
        events = _merged(pending, connection.execute(READ, (*name, horizon + 1, 1 << 62)).fetchall())
        newer = [i for i, known in enumerate(events.known) if known > horizon]
        if len(newer) <= TAIL:
            return
        folded = newer[: len(newer) - TAIL // 2]
        upto = events.known[folded[-1]]
        last = max(i for i in newer if events.known[i] <= upto) + 1
        kept = [held(a, state[n], events.pairs(n, newer[0], last)) if a.within_us is None else None for n, a in enumerate(operation.aggregates)]
        connection.execute("INSERT OR REPLACE INTO summary VALUES (?, ?, ?, ?)", (*name, upto, json.dumps(kept)))

    def count(self) -> dict[str, Any]:
        """Events, those of them that a history counts, and per step its entities and the last moment that is known."""
        with self._told(), closing(self._connection.cursor()) as cursor:
            events = cursor.execute("SELECT COUNT(*) FROM event").fetchone()[0]
            counted = cursor.execute("SELECT COUNT(DISTINCT event) FROM past").fetchone()[0]
            steps = cursor.execute("SELECT step, COUNT(*), COUNT(DISTINCT entity), MAX(happened) FROM past GROUP BY step ORDER BY step").fetchall()
        return {
            "events": events,
            "counted": counted,
            "steps": {step: {"events": n, "entities": entities, "last_us": last} for step, n, entities, last in steps},
        }


def _merged(pending: Events, added: Iterable[tuple[int, int, bytes]]) -> Events:
    rows: list[tuple[Any, ...]] = [(known, happened, *_values(blob)) for known, happened, blob in added]
    if not pending.known:
        return Events([row[0] for row in rows], [row[1] for row in rows], [row[2:] for row in rows])
    return events_of([*((k, h, *v) for k, h, v in zip(pending.known, pending.happened, pending.values, strict=True)), *rows])


def _blob(values: Iterable[float | None]) -> bytes:
    """Values as little-endian floats, NaN for none."""
    return b"".join(struct.pack("<d", float("nan") if v is None else v) for v in values)


def _values(blob: bytes) -> tuple[float | None, ...]:
    return tuple(None if isnan(v) else v for v in struct.unpack(f"<{len(blob) // 8}d", blob))


def _text(values: Sequence[Any]) -> str:
    return json.dumps(values, ensure_ascii=False, default=str)
