"""What every kind of source keeps to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError
from polars.testing import assert_frame_equal

from runner.bundle.casts import cast
from runner.core.registry import part
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError
from runner.testing.made import explained, rows

# What a reader may raise for a bad file; anything else would reach a person as a traceback.
TOLD = (UnreadableError, PolarsError, PanicException, OSError)
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "whole": {"type": "int", "min": -5, "max": 5},
    "part": {"type": "float", "nullable": True, "min": 0, "max": 1},
    "word": {"type": "string", "allowed": ["plain", "two words", "naïve"]},
}


class SourceContract:
    """Subclass it as `class TestMine(SourceContract)`, set `spec`, and say how rows are `write`d in the source's format.

    suffix: ending of its files; columns: of the made-up rows, as under `data.columns`.
    """

    spec: FileSourceSpec
    suffix: str = ""
    columns = COLUMNS

    def write(self, rows: pl.DataFrame, path: Path) -> None:
        """Write rows as a file of the source's format."""
        raise NotImplementedError(f"{type(self).__name__} says how a file of its format is written: def write(self, rows, path)")

    def read(self, path: Path) -> pl.DataFrame:
        """All rows as the source gives them."""
        found: pl.LazyFrame = part("source", self.spec.kind)(self.spec, path)
        return found.collect()

    def test_explains_itself(self) -> None:
        assert explained(type(self.spec)) == []

    def test_reads_what_was_written_without_loss(self) -> None:
        made = rows(self.columns, 60, 1)
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"rows{self.suffix}"
            self.write(made, path)
            found = self.read(path)
        held = [cast(found[name], str(column["type"])) for name, column in self.columns.items()]
        assert not any(column.bad.any() for column in held)
        assert_frame_equal(pl.DataFrame([column.values for column in held]), made)

    def test_reads_the_same_twice(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"rows{self.suffix}"
            self.write(rows(self.columns, 60, 1), path)
            assert self.read(path).equals(self.read(path))

    def test_tells_of_a_file_that_it_cannot_read(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"rows{self.suffix}"
            self.write(rows(self.columns, 60, 1), path)
            whole = path.read_bytes()
            for damaged in (b"", b"\x00\xff\xfe" * 50, whole[: len(whole) * 2 // 3]):
                path.write_bytes(damaged)
                try:
                    found = self.read(path)
                except TOLD:
                    continue
                # A format may not show that its end is missing; what came through must still be rows.
                assert damaged and found.height < 60, f"{len(damaged)} damaged bytes were read as {found.height} rows"
