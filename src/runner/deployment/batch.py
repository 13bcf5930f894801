"""Batch files: rows in, scores out."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import Fault, FaultsError, fault
from runner.core.files import beside, write_parquet
from runner.data.sources import csv, parquet
from runner.data.unreadable import UnreadableError, WrongSeparatorError

ENDINGS = (".parquet", ".csv")
A_BATCH = "a .parquet or .csv file"
# A spreadsheet runs a cell that starts with one of these as a formula.
FORMULA_STARTS = r"^[=+\-@\t\r]"


def ending(path: Path) -> str:
    """The ending of a file name, in lower case: `.CSV` is as good as `.csv`.

    >>> ending(Path("batch.CSV"))
    '.csv'
    """
    return path.suffix.lower()


def input_faults(path: Path) -> list[Fault]:
    """What is wrong with a batch file before it is opened: it is not there, is a folder, or is of another kind."""
    if path.is_dir():
        return [Fault(str(path), "is a folder", A_BATCH, "give one file; several are scored one by one")]
    if not path.exists():
        return [Fault(str(path), "there is no such file", A_BATCH, _beside(path))]
    if ending(path) not in ENDINGS:
        hint = "save it as Parquet or as CSV with commas, and name it so"
        return [Fault(str(path), f"the ending {path.suffix!r} is not known" if path.suffix else "the name has no ending", A_BATCH, hint)]
    return []


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either: look at the spelling, and at the folder you call this from"
    there = sorted(p.name for p in path.parent.iterdir() if p.is_file() and ending(p) in ENDINGS)[:8]
    return f"files there: {', '.join(there)}" if there else f"no .parquet or .csv file is in {path.parent}: look at the folder you call this from"


def read_rows(path: Path) -> pl.DataFrame:
    """All rows of a Parquet file, or of a CSV file as text (the contract casts it): one row per row of the file.

    The readers are those of declared sources, so that a batch is refused for what a source is refused for.
    Raises FaultsError (2) with the line where there is one.
    """
    wrong = input_faults(path)
    if wrong:
        raise FaultsError(wrong)
    try:
        if ending(path) == ".csv":
            return csv.scan(csv.CsvSpec(kind="csv", path=str(path)), path).collect()
        return parquet.scan(parquet.ParquetSpec(kind="parquet", path=str(path)), path).collect()
    except WrongSeparatorError as error:
        raise fault(str(path), error.wrong, error.expected, "save it with commas between the cells, or as Parquet") from None
    except UnreadableError as error:
        raise fault(str(path), error.wrong, error.expected, error.hint) from None
    except (PolarsError, PanicException) as error:
        told = " ".join(str(error).split("\n")[0].split())
        raise fault(str(path), f"the file is damaged: {told}", f"a whole {ending(path)} file", "copy or export it again") from None
    except OSError as error:
        raise fault(str(path), f"cannot be read: {error.strerror or error}", "a readable file", "look at who may read it") from None


def write_scores(path: Path, scored: pl.DataFrame) -> None:
    """Write scores as Parquet or CSV, whole or not at all; in CSV, text that a spreadsheet would run gets a leading apostrophe.

    path: of a known ending, see `outputs.output_faults`.
    """
    if ending(path) == ".parquet":
        write_parquet(path, scored)
        return
    plain = scored.with_columns(pl.col(name).list.join("; ") for name, dtype in scored.schema.items() if isinstance(dtype, pl.List))
    texts = [name for name, dtype in plain.schema.items() if dtype == pl.String]
    safe = [pl.when(pl.col(c).str.contains(FORMULA_STARTS)).then(pl.concat_str(pl.lit("'"), pl.col(c))).otherwise(pl.col(c)).alias(c) for c in texts]
    with beside(path) as scratch:
        plain.with_columns(safe).write_csv(scratch)
