"""Every kind of source keeps the contract that plugins are held to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.registry import kinds
from runner.data.spec import DataSpec
from runner.data.unreadable import UnreadableError
from runner.testing import SourceContract

assert DataSpec  # the import registers the kinds

WRITERS: dict[str, Any] = {
    "csv": pl.DataFrame.write_csv,
    "parquet": pl.DataFrame.write_parquet,
    "ndjson": pl.DataFrame.write_ndjson,
    "ipc": pl.DataFrame.write_ipc,
    "excel": pl.DataFrame.write_excel,
    # What a fetch writes; how it comes about is tested with real databases and stores.
    "sql": pl.DataFrame.write_parquet,
    "remote": pl.DataFrame.write_parquet,
}
ENDINGS = {"excel": "xlsx", "sql": "parquet", "remote": "parquet"}
ASKING = {"sql": {"uri_env": "SHOP", "table": "orders"}, "remote": {"uri": "s3://shop/orders.parquet"}}
# A table that is a folder: its damage is tested by itself.
FOLDERS = {"delta"}
# Formats that have nothing to say of a table without rows.
WITHOUT_A_HEADER = ("ndjson",)


class Source(SourceContract):
    """The contract, and what this package promises of its own kinds."""

    def test_reads_no_rows_as_no_rows(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        if self.spec.kind in WITHOUT_A_HEADER:
            path.write_text("")
            with pytest.raises(UnreadableError, match="empty"):
                self.read(path)
            return
        self.write(pl.DataFrame(schema={"whole": pl.Int64, "word": pl.String}), path)
        found = self.read(path)
        assert (found.columns, found.height) == (["whole", "word"], 0)

    def test_keeps_the_order_of_many_rows(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        # Writing a workbook is what takes long.
        n = 4_000 if self.spec.kind == "excel" else 120_000
        self.write(pl.DataFrame({"whole": range(n)}), path)
        assert self.read(path)["whole"].cast(pl.Int64).to_list() == list(range(n))

    def test_keeps_odd_names_and_text(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        odd = pl.DataFrame({'a "b", c': ["x,y", 'say "hi"', "two\nlines", "naïve 🎉"], " spaced ": ["1", "2", "3", "4"]})
        self.write(odd, path)
        assert self.read(path).equals(odd)


def test_no_kind_goes_without_a_writer() -> None:
    assert set(WRITERS) | FOLDERS == set(kinds("source"))


for kind, writer in WRITERS.items():
    name = f"Test{kind.title()}"
    body = {
        "spec": kinds("source")[kind].model_validate({"kind": kind, "path": f"data/raw/rows.{ENDINGS.get(kind, kind)}", **ASKING.get(kind, {})}),
        "suffix": f".{ENDINGS.get(kind, kind)}",
        "write": lambda self, rows, path, writer=writer: writer(rows, path),
        "__module__": __name__,
    }
    globals()[name] = type(name, (Source,), body)
