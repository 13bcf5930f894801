"""Every finished fold on disk, so that nothing finished is ever fitted again, and each fold is fitted by one process alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from runner.core.digests import of_value
from runner.core.files import read_json, write_bytes, write_json

SEAL_BYTES = 32  # a SHA-256 after the archive
# NumPy reads the head of an array with Python's own parser, which counts its depth for all threads together (CPython 3.11): two at once may fail.
PARSING = Lock()
TOLD_LENGTH = 300


class FailedError(Exception):
    """A fit failed in its library, and its candidate goes without it: it is no result. told: its settings, its fold, and the library's error."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = dict(told)
        super().__init__(str(told["error"]))


@dataclass(frozen=True)
class FoldResult:
    """predictions: (n_valid, k) Float64; loss: log loss or mean squared error on the validation rows; rounds: iterations kept;
    work: what the fit cost by its family's estimate; seconds: what it took, by the clock of the process that made it, never compared.
    """

    predictions: np.ndarray
    loss: float
    rounds: int | None
    work: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class FoldStore:
    """Fold results of one study below a folder that its digest names."""

    folder: Path

    def read(self, params: Mapping[str, Any], fold: int) -> FoldResult | None:
        """The stored result, or None when there is none; a damaged file counts as none and is fitted again."""
        path = self._path(params, fold)
        if not path.is_file():
            return None
        content = path.read_bytes()
        archive, seal = content[:-SEAL_BYTES], content[-SEAL_BYTES:]
        # The seal is looked at first: what a damaged archive makes its reader raise, or read, nobody can list.
        if sha256(archive).digest() != seal:
            return None
        with PARSING, np.load(BytesIO(archive), allow_pickle=False) as stored:
            rounds = int(stored["rounds"])
            return FoldResult(stored["predictions"], float(stored["loss"]), rounds if rounds >= 0 else None, float(stored["work"]), float(stored["seconds"]))

    def write(self, params: Mapping[str, Any], fold: int, result: FoldResult) -> None:
        """Store a finished fold, whole or not at all."""
        rounds = -1 if result.rounds is None else result.rounds
        archive = BytesIO()
        np.savez(archive, predictions=result.predictions, loss=result.loss, rounds=rounds, work=result.work, seconds=result.seconds)
        write_bytes(self._path(params, fold), archive.getvalue() + sha256(archive.getvalue()).digest())
        self._failed(params, fold).unlink(missing_ok=True)

    def fail(self, params: Mapping[str, Any], fold: int, error: Exception) -> FailedError:
        """Store that the fit of a fold failed, so that every rerun leaves it out alike, and give what is raised for it."""
        # What a library says of a path may hold bytes that are no text.
        said = " ".join(str(error).encode("utf-8", "replace").decode().split())
        said = f"{type(error).__name__}: {said}" if said else type(error).__name__
        told = {"params": dict(params), "fold": fold, "error": said if len(said) <= TOLD_LENGTH else f"{said[:TOLD_LENGTH]}..."}
        write_json(self._failed(params, fold), told)
        return FailedError(told)

    def check(self, params: Mapping[str, Any], fold: int) -> None:
        """Raise FailedError where the fit of this fold failed before."""
        path = self._failed(params, fold)
        if path.is_file():
            raise FailedError(read_json(path))

    @contextmanager
    def claim(self, params: Mapping[str, Any], fold: int) -> Iterator[bool]:
        """Whether this caller alone may fit the fold now; False where another one, perhaps of another process, is at it.

        Whoever gets it looks once more whether the result is there. The operating system frees the claim of a process that dies.
        """
        path = self._path(params, fold)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".claim"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            # Taken away while it is held: those who waited for it find the result, or lock a new file.
            path.with_suffix(".claim").unlink(missing_ok=True)
            lock.release()

    def out_of_fold(self, params: Mapping[str, Any], folds: Sequence[int]) -> np.ndarray | None:
        """(n_oof, k) predictions of a finished trial in the order of the folds, or None where a fold is missing."""
        found = [self.read(params, fold) for fold in folds]
        known = [result.predictions for result in found if result is not None]
        return np.concatenate(known) if len(known) == len(found) else None

    def _path(self, params: Mapping[str, Any], fold: int) -> Path:
        return self.folder / f"{of_value(dict(params))[:24]}-{fold}.npz"

    def _failed(self, params: Mapping[str, Any], fold: int) -> Path:
        return self._path(params, fold).with_suffix(".failed.json")
