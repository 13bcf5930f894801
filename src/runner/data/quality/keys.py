"""Declared keys that repeat, and outcomes that are unknown or that only the test has."""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.finding import Finding, as_yaml, first
from runner.data.quality.hashes import hashed, repeated
from runner.data.quality.look import Look

MANY_WITHOUT_OUTCOME = 0.2


def check(look: Look) -> list[Finding]:
    """Rows whose declared key another row has too; serious where training and test share a key. Keys are counted, never shown."""
    key = list(look.task.key)
    if not key or look.test is None:
        return []
    mine, theirs = _hashed(look.rows, key), _hashed(look.test, key)
    hashes, tested = mine["key"].to_numpy(), theirs["key"].to_numpy()
    n_rows = int(repeated(np.concatenate([hashes, tested]))[0].sum())
    if not n_rows:
        return []
    n_shared = int(np.isin(tested, hashes).sum())
    told = f"{n_rows:,} rows share their {', '.join(key)} with another row; {n_shared:,} rows of the test with one in training"
    hint = "; name the same columns under data.unique to set later ones aside"
    ids = mine["row_id"].to_numpy()[repeated(hashes)[0]]
    yaml = as_yaml({"data": {"unique": key}})
    return [Finding("serious" if n_shared else "warned", "rows with the same key", told + hint, n_rows, "same_key", tuple(key), first(ids), yaml=yaml)]


def _hashed(rows: pl.LazyFrame, key: list[str]) -> pl.DataFrame:
    return rows.select("row_id", key=hashed(key)).collect(engine="streaming").sort("row_id")


def outcome(n_read: int, n_without: int, look: Look) -> list[Finding]:
    """Rows whose outcome is not known, and labels that only the test has. n_read: rows before any were left out."""
    target = look.task.target
    findings: list[Finding] = []
    if n_without:
        severity: Literal["warned", "serious"] = "serious" if n_without / n_read > MANY_WITHOUT_OUTCOME else "warned"
        told = f"{n_without:,} of {n_read:,} rows have no {target}; they are left out of training and test"
        findings.append(Finding(severity, "rows without an outcome", told, n_without, "no_outcome", (target,)))
    if look.task.labels is not None and look.test is not None:
        counts = dict(look.test.group_by(target).agg(pl.len()).collect(engine="streaming").iter_rows())
        known = set(look.rows.select(pl.col(target).unique()).collect(engine="streaming")[target])
        late = sorted(set(counts) - known)
        if late:
            findings.append(Finding("serious", "labels that only the test has", ", ".join(map(shown, late)), sum(counts[v] for v in late), "labels", (target,)))
    return findings
