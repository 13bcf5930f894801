"""Every finished fold on disk, so that nothing finished is ever fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from runner.core.digests import of_value
from runner.core.files import write_bytes

SEAL_BYTES = 32  # a SHA-256 after the archive


@dataclass(frozen=True)
class FoldResult:
    """predictions: (n_valid, k) Float64; loss: log loss or mean squared error on the validation rows; rounds: iterations kept."""

    predictions: np.ndarray
    loss: float
    rounds: int | None


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
        with np.load(BytesIO(archive), allow_pickle=False) as stored:
            rounds = int(stored["rounds"])
            return FoldResult(stored["predictions"], float(stored["loss"]), rounds if rounds >= 0 else None)

    def write(self, params: Mapping[str, Any], fold: int, result: FoldResult) -> None:
        """Store a finished fold, whole or not at all."""
        rounds = -1 if result.rounds is None else result.rounds
        archive = BytesIO()
        np.savez(archive, predictions=result.predictions, loss=result.loss, rounds=rounds)
        write_bytes(self._path(params, fold), archive.getvalue() + sha256(archive.getvalue()).digest())

    def _path(self, params: Mapping[str, Any], fold: int) -> Path:
        return self.folder / f"{of_value(dict(params))[:24]}-{fold}.npz"
