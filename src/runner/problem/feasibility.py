"""Whether the attempt can be worth its cost, judged on the raw primary source before anything else is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import FaultsError, counted, fault
from runner.core.gates import AT_LEAST, Gate, Status
from runner.problem.spec import ProblemSpec

SEPARATORS = (",", ";", "\t", "|")
HEADER_BYTES = 1 << 16
ROOM = "problem"


@dataclass(frozen=True)
class Found:
    """rows: of the raw primary source; labels: label to raw rows, None where the outcome is not directly in it."""

    rows: int
    labels: dict[str, int] | None

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "labels": self.labels, "judged_on": "rows of the primary source, before filter and quarantine"}


def scan(path: Path, shown: str) -> pl.LazyFrame:
    """The raw primary source, lazily and leniently: what is wrong inside a text file is the data room's to say.

    shown: the path for messages. Raises FaultsError when the file is missing, empty or cut short.
    """
    if not path.is_file():
        raise _unreadable(shown, "is not a file" if path.exists() else "is missing")
    try:
        if path.stat().st_size == 0:
            raise _unreadable(shown, "is empty")
        rows = pl.scan_parquet(path) if path.suffix == ".parquet" else _scan_text(path)
        rows.collect_schema()
    except (PolarsError, PanicException, OSError) as error:
        raise _unreadable(shown, f"cannot be read: {' '.join(str(error).split(chr(10))[0].split())}") from None
    return rows


def _scan_text(path: Path) -> pl.LazyFrame:
    return pl.scan_csv(path, separator=_guessed(_header(path)), infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy", raise_if_empty=False)


def _header(path: Path) -> str:
    with path.open("rb") as stream:
        return stream.read(HEADER_BYTES).split(b"\n")[0].decode("utf-8", "replace")


def _guessed(header: str) -> str:
    return max(SEPARATORS, key=header.count)


def is_as_guessed(path: Path, separator: str) -> bool:
    """Whether a declared text file is one that `scan` reads as its kind would: cells separated so, line ends with a line feed, no NUL.

    What is not there or cannot be opened is told by `scan` as well as by anybody.
    """
    try:
        header = _header(path)
    except OSError:
        return True
    # A lone carriage return ends a line for some readers; NUL and what is no character show that it is no plain text.
    is_plain = "\r" not in header.removesuffix("\r") and "\0" not in header and "\ufffd" not in header and "<html" not in header.lower()
    return is_plain and (separator == "auto" or header.count(separator) == header.count(_guessed(header)) > 0 or not header)


def _unreadable(shown: str, wrong: str) -> FaultsError:
    return fault("data.primary", f"{shown} {wrong}", "a whole data file", "look at data.sources; copy or export the file again")


def measure(rows: pl.LazyFrame, spec: ProblemSpec, shown: str) -> Found:
    """Count rows, and labels where the target stands in the source under its priced names. Raises FaultsError for a damaged file."""
    try:
        schema = rows.collect_schema()
        height = int(rows.select(pl.len()).collect().item())
        if spec.payoff.actions is None or spec.target not in schema or schema[spec.target].is_nested():
            return Found(height, None)
        counted = rows.select(label=pl.col(spec.target).cast(pl.String)).drop_nulls().group_by("label").len().collect()
    except (PolarsError, PanicException, OSError) as error:
        raise _unreadable(shown, f"cannot be read: {' '.join(str(error).split(chr(10))[0].split())}") from None
    counts: dict[str, int] = dict(counted.iter_rows())
    labels = {label: counts.get(label, 0) for label in priced_labels(spec) or []}
    # None of the raw values has a price: data.label or a cast makes the outcome, and the data room judges it.
    return Found(height, labels if any(labels.values()) else None)


def priced_labels(spec: ProblemSpec) -> list[str] | None:
    """Labels that payoff.actions prices, sorted; None for regression."""
    actions: Mapping[str, Mapping[str, str]] | None = spec.payoff.actions
    return None if actions is None else sorted({label for prices in actions.values() for label in prices})


def judge(found: Found, spec: ProblemSpec) -> list[Gate]:
    """Gates on raw counts: what is too little here can only become less."""
    limits = spec.feasibility
    gates = [_gate("min_rows", limits.min_rows, found.rows, f"{counted(found.rows, 'row')} in the primary source")]
    if found.labels is None:
        return gates
    told = ", ".join(f"{label} {n:,}" for label, n in found.labels.items())
    return [
        *gates,
        _gate("min_positives", limits.min_positives, min(found.labels.values()), f"rows of each label in the primary source: {told}"),
    ]


def _gate(name: str, limit: int, found: int, evidence: str) -> Gate:
    status: Status = "passed" if found >= limit else "failed"
    return Gate(name, ROOM, status, limit, found, evidence, "rows", AT_LEAST)
