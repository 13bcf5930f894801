"""Every finished fold on disk, so that nothing finished is ever fitted again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from runner.core.digests import of_value
from runner.core.files import beside


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
        try:
            with np.load(self._path(params, fold), allow_pickle=False) as stored:
                rounds = int(stored["rounds"])
                return FoldResult(stored["predictions"], float(stored["loss"]), rounds if rounds >= 0 else None)
        except (FileNotFoundError, BadZipFile, ValueError, KeyError, EOFError):
            return None

    def write(self, params: Mapping[str, Any], fold: int, result: FoldResult) -> None:
        """Store a finished fold, whole or not at all."""
        rounds = -1 if result.rounds is None else result.rounds
        with beside(self._path(params, fold)) as scratch, scratch.open("wb") as stream:
            np.savez(stream, predictions=result.predictions, loss=result.loss, rounds=rounds)

    def _path(self, params: Mapping[str, Any], fold: int) -> Path:
        return self.folder / f"{of_value(dict(params))[:24]}-{fold}.npz"
