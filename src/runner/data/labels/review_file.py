"""The file that a reviewer fills in: rows with keys, the most worth looking at first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from runner.core.faults import fault, listed
from runner.core.files import beside
from runner.data.labels.cells import ROW_ID, as_text, escaped
from runner.data.labels.corrections import VERDICT
from runner.data.labels.suspects import Suspects
from runner.data.sources import csv
from runner.data.unreadable import UnreadableError, WrongSeparatorError

LEAST = 0.1
"""Labels less probably wrong than this are not worth a reviewer's time, whatever is at stake."""
COMPUTED = ("given_label", "suggested_label", "probability_wrong", "payoff_at_stake", "expected_payoff")
TO_FILL = (VERDICT, "new_label", "reviewer", "comment")


def review_table(
    rows: pl.DataFrame, key: tuple[str, ...], types: Mapping[str, str], target: str, found: Suspects, names: list[str], stake: np.ndarray
) -> pl.DataFrame:
    """One row per suspicious label, by the expected payoff of fixing it, then by its probability of being wrong.

    rows: judged rows with row_id and contract columns, the outcome as text or number; names: labels, [] for regression;
    stake: (n,) payoff lost where the suggestion is true.
    """
    taken = sorted({*COMPUTED, *TO_FILL} & set(key))
    if taken:
        raise fault("problem.key", f"{listed(taken)} is the name of a column of the review", "another name for the column")
    suggested = pl.Series(names, dtype=pl.String).gather(found.suggested) if names else _numbers(found.suggested, types[target])
    keys = [as_text(rows[c], types.get(c, "int")).alias(c) for c in key]
    table = pl.DataFrame(keys).with_columns(
        rows[target].cast(pl.String).alias("given_label"),
        suggested.alias("suggested_label"),
        pl.Series("probability_wrong", found.probability),
        pl.Series("payoff_at_stake", stake),
        pl.Series("expected_payoff", stake * found.probability),
        rows[ROW_ID].alias("__runner_place"),
    )
    suspicious = table.filter(pl.col("probability_wrong") >= LEAST).sort(
        ["expected_payoff", "probability_wrong", "__runner_place"], descending=[True, True, False]
    )
    empty = [pl.lit(None, pl.String).alias(name) for name in TO_FILL if name != "new_label"]
    return suspicious.drop("__runner_place").with_columns(pl.col("suggested_label").alias("new_label"), *empty).select(*key, *COMPUTED, *TO_FILL)


def _numbers(suggested: np.ndarray, kind: str) -> pl.Series:
    values = pl.Series(suggested)
    return (values.round().cast(pl.Int64) if kind == "int" else values).cast(pl.String)


def write_review(path: Path, shown: str, table: pl.DataFrame) -> None:
    """Write it as CSV, formulas disarmed. Raises FaultsError where the file there holds verdicts already: nobody's work is written over."""
    wrong = _kept(path)
    if wrong:
        raise fault(shown, wrong, "a file that may be written", "declare verdicts as data.label.corrections, or name another file with --output")
    texts = [escaped(table[name]).alias(name) for name, dtype in table.schema.items() if dtype == pl.String]
    with beside(path) as scratch:
        table.with_columns(texts).write_csv(scratch)


def _kept(path: Path) -> str:
    """Why a file must not be written over; empty where it is not there, or is a review without verdicts."""
    if not path.exists():
        return ""
    for separator in (",", ";", "\t"):
        try:
            found = csv.scan(csv.CsvSpec(kind="csv", path=str(path), separator=separator, null_values=[""]), path).collect()
        except (UnreadableError, WrongSeparatorError):
            continue
        if set(TO_FILL) <= set(found.columns):
            n = found.height - found[VERDICT].null_count()
            return f"holds {n:,} verdict{'' if n == 1 else 's'} already" if n else ""
    return "is there already, and is no review of labels"
