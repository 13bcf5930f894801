"""What a database is asked, and how its own words are passed on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from runner.core.faults import listed
from runner.core.secrets import masked
from runner.data.unreadable import UnreadableError

Frames = Generator[pl.DataFrame, None, None]
"""The rows of an answer, piece by piece; the first piece may be empty, so that the types are known."""
ROWS_AT_ONCE = 1 << 16
LONGEST_TOLD = 400
# What stands in quotes, or is a remark: no word in it is one of the statement.
ASIDE = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/""", re.DOTALL)
READS = ("SELECT", "WITH", "VALUES", "TABLE", "FROM")


@dataclass(frozen=True)
class Question:
    """One query to one database. uri: its address, with whatever opens it; file: the database, where it is one; the limits are in seconds."""

    query: str
    uri: str = ""
    file: Path | None = None
    connect_timeout_s: float = 10.0
    statement_timeout_s: float = 3600.0

    @property
    def scheme(self) -> str:
        """The first word of the address, without what names a driver: `mysql` of `mysql+pymysql://`."""
        return urlsplit(self.uri).scheme.partition("+")[0].lower()

    def told(self, error: BaseException | str) -> str:
        """The other side's message on one line, without the address, the password or whatever else opens a door."""
        text = " ".join(str(error).split())
        for secret in sorted(_secrets(self.uri), key=len, reverse=True):
            text = text.replace(secret, "***")
        text = masked(text)
        return text if len(text) <= LONGEST_TOLD else f"{text[:LONGEST_TOLD]}..."


def _secrets(uri: str) -> set[str]:
    try:
        parts = urlsplit(uri)
        password = parts.password
    except ValueError:
        return {uri} - {""}
    found = {uri, parts.netloc.rpartition("@")[0], password or "", unquote(password or ""), parts.query}
    return {text for text in found if len(text) > 2}


def check_reads(query: str) -> None:
    """Raises UnreadableError for what is not one statement that reads; what such a statement may do is also limited in each engine."""
    # What stands in quotes is still a word, or the rest would be read otherwise than the database reads it.
    plain = ASIDE.sub(" . ", query).strip().rstrip(";").strip()
    first = (re.findall(r"[^\s.(;]+", plain) or [""])[0]
    if ";" in plain:
        raise UnreadableError("the query has more than one statement", "one SELECT, which may begin with WITH", "declare a source for each")
    if first.upper() not in READS:
        raise UnreadableError(f"the query begins with {first}", "one SELECT, which may begin with WITH", "a source only reads")


def check_names(names: Iterable[str]) -> None:
    """Raises UnreadableError where a query gives two columns one name, or a column none."""
    counted = Counter(names)
    doubled = [name for name, count in counted.items() if count > 1]
    if doubled:
        raise UnreadableError(f"the query names columns twice: {listed(map(repr, doubled))}", "each column named once", "name them with AS")
    if "" in counted:
        raise UnreadableError("the query has a column without a name", "each column named", "name it with AS")


@contextmanager
def limited(question: Question, interrupt: Any) -> Iterator[Timer]:
    """Call `interrupt` when the statement has taken too long."""
    timer = Timer(question.statement_timeout_s, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield timer
    finally:
        timer.cancel()
        # It holds the connection as long as it lives, and some engines wait for that when the same database is opened next.
        timer.join()


def too_long(question: Question) -> UnreadableError:
    """What to say of a statement that took longer than it may."""
    wrong = f"the query took longer than statement_timeout_s allows, {question.statement_timeout_s:g} s"
    return UnreadableError(wrong, "an answer in time", "ask for less, have an index made, or allow more")
