"""Batch files: rows in, scores out."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from runner.core.faults import fault
from runner.core.files import beside, write_parquet

# A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA_STARTS = r"^[=+\-@\t\r]"


def read_rows(path: Path) -> pl.DataFrame:
    """All rows of a Parquet file, or of a CSV file as text (the contract casts it).

    Raises FaultsError (2) when the file is missing, of another kind, damaged, or not UTF-8.
    """
    at = str(path)
    if path.is_dir() or not path.exists():
        raise fault(at, "is a folder" if path.is_dir() else "there is no such file", "a .parquet or .csv file")
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return pl.read_csv(path, infer_schema=False, null_values=["", "NA", "null"])
    except (PolarsError, OSError) as error:
        raise fault(at, f"cannot be read ({str(error).splitlines()[0]})", f"a sound {path.suffix} file, CSV in UTF-8") from None
    raise fault(at, f"the ending {path.suffix!r} is not known", ".parquet or .csv")


def write_scores(path: Path, scored: pl.DataFrame) -> None:
    """Write scores as Parquet or CSV, whole or not at all; in CSV, text that a spreadsheet would run gets a leading apostrophe.

    Raises FaultsError for another ending.
    """
    if path.suffix == ".parquet":
        write_parquet(path, scored)
        return
    if path.suffix != ".csv":
        raise fault(str(path), f"the ending {path.suffix!r} is not known", ".parquet or .csv")
    plain = scored.with_columns(pl.col("flags").list.join("; "))
    texts = [name for name, dtype in plain.schema.items() if dtype == pl.String]
    safe = [pl.when(pl.col(c).str.contains(FORMULA_STARTS)).then(pl.concat_str(pl.lit("'"), pl.col(c))).otherwise(pl.col(c)).alias(c) for c in texts]
    with beside(path) as scratch:
        plain.with_columns(safe).write_csv(scratch)
