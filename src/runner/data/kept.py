"""The rows on their way: in memory while one slice has them all, else as Parquet parts in a private folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl
from filelock import FileLock, Timeout

from runner.core.files import clear

ROW_ID = "row_id"


class Kept:
    """Conformed rows with row_id, put down slice by slice in the order of row_id."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._first = folder, pl.DataFrame()
        self.n_slices = 0

    def put(self, rows: pl.DataFrame) -> None:
        """Put down the next slice."""
        self.n_slices += 1
        if self.n_slices == 1:
            self._first = rows
            return
        if self.n_slices == 2:
            self._write(self._first, 1)
            self._first = self._first.clear()
        self._write(rows, self.n_slices)

    def _write(self, rows: pl.DataFrame, number: int) -> None:
        rows.write_parquet(self._folder / f"{number:06d}.parquet", compression="lz4")

    @property
    def is_small(self) -> bool:
        """Whether one slice has them all, in memory."""
        return self.n_slices <= 1

    def rows(self) -> pl.LazyFrame:
        """All rows, in order."""
        return self._first.lazy() if self.is_small else pl.scan_parquet(self._folder / "*.parquet", glob=True)

    def only(self, wanted: np.ndarray) -> pl.LazyFrame:
        """The wanted rows, in order. wanted: Boolean by row_id."""

        def there(ids: pl.Series) -> pl.Series:
            return pl.Series(wanted[ids.to_numpy()])

        return self.rows().filter(pl.col(ROW_ID).map_batches(there, return_dtype=pl.Boolean(), is_elementwise=True))


@contextmanager
def private_folder(home: Path) -> Iterator[Path]:
    """An empty folder of this process alone, removed at the end; what killed processes left is cleared."""
    places = home / "passes"
    places.mkdir(parents=True, exist_ok=True)
    for lock in places.glob("*.lock"):
        _clear_if_left(lock)
    folder = places / uuid4().hex[:12]
    lock = folder.with_suffix(".lock")
    with FileLock(lock):
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _clear_if_left(lock: Path) -> None:
    try:
        with FileLock(lock, timeout=0):
            clear(lock.with_suffix(""))
            lock.unlink(missing_ok=True)
    except Timeout:
        # Its process lives.
        return
