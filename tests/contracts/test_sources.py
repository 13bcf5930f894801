"""Every kind of source keeps the contract that plugins are held to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from runner.core.registry import kinds
from runner.data.spec import DataSpec
from runner.testing import SourceContract

assert DataSpec  # the import registers the kinds

WRITERS: dict[str, Any] = {"csv": pl.DataFrame.write_csv, "parquet": pl.DataFrame.write_parquet}


class Source(SourceContract):
    """The contract, and what this package promises of its own kinds."""

    def test_reads_no_rows_as_no_rows(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        self.write(pl.DataFrame(schema={"whole": pl.Int64, "word": pl.String}), path)
        found = self.read(path)
        assert (found.columns, found.height) == (["whole", "word"], 0)

    def test_keeps_the_order_of_many_rows(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        self.write(pl.DataFrame({"whole": range(120_000)}), path)
        assert self.read(path)["whole"].cast(pl.Int64).to_list() == list(range(120_000))

    def test_keeps_odd_names_and_text(self, tmp_path: Path) -> None:
        path = tmp_path / f"rows{self.suffix}"
        odd = pl.DataFrame({'a "b", c': ["x,y", 'say "hi"', "two\nlines", "naïve 🎉"], " spaced ": ["1", "2", "3", "4"]})
        self.write(odd, path)
        assert self.read(path).equals(odd)


def test_no_kind_goes_without_a_writer() -> None:
    assert set(WRITERS) == set(kinds("source"))


for kind, writer in WRITERS.items():
    name = f"Test{kind.title()}"
    body = {
        "spec": kinds("source")[kind].model_validate({"kind": kind, "path": f"data/raw/rows.{kind}"}),
        "suffix": f".{kind}",
        "write": lambda self, rows, path, writer=writer: writer(rows, path),
        "__module__": __name__,
    }
    globals()[name] = type(name, (Source,), body)
