"""Columns of the one row of another source that has the same key."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.core.faults import Fault, FaultsError, counted
from runner.data.joins.keys import SHOWN_KEYS, keys_of_rows, keys_of_source, shown_keys
from runner.data.joins.prepared import Lost, Tally
from runner.data.joins.spec import LookupSpec

OTHER = "__runner_other"


class Lookup:
    """A prepared lookup; a null key never matches.

    Raises FaultsError when it is made, if keys of the source stand there twice: rows must not multiply.
    """

    def __init__(self, spec: LookupSpec, other: pl.DataFrame, at: str) -> None:
        self.spec, self.at, self.tally = spec, at, Tally()
        self._keys = list(spec.keys)
        keys = pl.DataFrame(keys_of_source(other, spec.keys))
        self._types = dict(keys.schema)
        self._known = keys.with_columns(pl.int_range(pl.len()).alias(OTHER)).drop_nulls()
        self._refuse_doubled()
        self._alike = _folded(self._known.select(self._keys)).unique() if pl.String() in self._types.values() else None
        self._values = other.select(pl.col(theirs).alias(mine) for mine, theirs in spec.columns.items())
        self._lost = Lost()
        # How often each row of the source was matched, where that is limited.
        self._uses = np.zeros(other.height if spec.cardinality == "one_to_one" else 0, np.int64)

    def _refuse_doubled(self) -> None:
        doubled = self._known.filter(self._known.select(self._keys).is_duplicated()).select(self._keys).unique(maintain_order=True)
        if doubled.height:
            wrong = f"{counted(doubled.height, 'key')} of {self.spec.source!r} with more than one row: {shown_keys(doubled)}"
            hint = "declare the columns that name one row, or aggregate them with a history join"
            raise FaultsError([Fault(f"{self.at}.keys", wrong, "at most one row a key", hint)])

    def add(self, rows: pl.DataFrame) -> pl.DataFrame:
        left = pl.DataFrame(keys_of_rows(rows, self._types))
        place = left.join(self._known, on=self._keys, how="left", maintain_order="left")[OTHER]
        self.tally.count(place)
        if self._alike is not None and place.null_count():
            self.tally.near += _folded(left.filter(place.is_null())).join(self._alike, on=self._keys, how="semi").height
        if self.spec.expect == "all" and place.null_count():
            self._lost.note(rows.select(self._keys).filter(place.is_null()))
        if self._uses.size:
            np.add.at(self._uses, place.drop_nulls().to_numpy(), 1)
        return rows.with_columns(values.gather(place) for values in self._values)

    def faults(self) -> list[Fault]:
        found = []
        if self._lost.n_rows:
            wrong = f"{counted(self._lost.n_rows, 'row')} without a match in {self.spec.source!r}: {shown_keys(self._lost.keys[0])}"
            hint = "add the missing rows there, or declare `expect: some`"
            found.append(Fault(self.at, wrong, "a match for every row (expect: all)", hint))
        shared = np.flatnonzero(self._uses > 1)
        if shared.size:
            keys = self._known.filter(pl.col(OTHER).is_in(shared[:SHOWN_KEYS].tolist())).select(self._keys)
            wrong = f"{counted(shared.size, 'key')} of {self.spec.source!r} matched by more than one row: {shown_keys(keys, shared.size)}"
            hint = "look for rows that stand twice, or declare `cardinality: many_to_one`"
            found.append(Fault(f"{self.at}.cardinality", wrong, "at most one row a key on both sides (one_to_one)", hint))
        return found


def _folded(keys: pl.DataFrame) -> pl.DataFrame:
    """Keys as they are when neither case nor spaces at their ends count."""
    return keys.with_columns(pl.col(pl.String).str.strip_chars().str.to_lowercase())
