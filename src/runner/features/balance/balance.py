"""How the classes of a fit are balanced: by weights, or by a draw of the common ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from runner.core.files import read_json, write_json

FILE = "balance.json"
LEAST = 1e-15


@dataclass(frozen=True)
class Balance:
    """kind: none, weights or undersample; factors: (k,) by class position, the weight of a row or the share of the class's rows that is kept.

    The factors are the same in every fold: scores of all folds are then off in the same way, and one calibration puts them right.
    """

    kind: str = "none"
    factors: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return self.kind != "none"

    def kept(self, outcome: np.ndarray, seed: int) -> np.ndarray:
        """Positions of the rows that a fit sees, in order. outcome: (n,) class positions."""
        if self.kind != "undersample":
            return np.arange(len(outcome))
        draw, code = np.random.default_rng(seed), outcome.astype(int)
        drawn = [_drawn(draw, np.flatnonzero(code == k), share) for k, share in enumerate(self.factors)]
        return np.sort(np.concatenate(drawn))

    def weights(self, outcome: np.ndarray) -> np.ndarray:
        """(n,) what each row counts: in a fit by weights, and in the measure that stops any balanced fit early."""
        return np.asarray(np.array(self.factors)[outcome.astype(int)])

    def undone(self, p: np.ndarray) -> np.ndarray:
        """(n, k) probabilities of a balanced fit as they would be without; exact for a model that is right (Elkan 2001)."""
        if not self:
            return p
        raised = np.clip(p, LEAST, 1.0) / np.array(self.factors)
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


NONE = Balance()


def _drawn(draw: np.random.Generator, at: np.ndarray, share: float) -> np.ndarray:
    # At least one row of a class that is there: a fit must not lose it.
    return at if share >= 1.0 else draw.choice(at, min(len(at), max(1, round(share * len(at)))), replace=False)


def balance_of(kind: str, strength: float, outcome: np.ndarray, n_classes: int) -> Balance:
    """The balance of a kind for the training rows' classes. outcome: (n,) class positions; a class without rows is left alone."""
    if kind == "none":
        return NONE
    counts = np.bincount(outcome.astype(int), minlength=n_classes).astype(float)
    seen = np.where(counts > 0, counts, counts.max())
    if kind == "undersample":
        return Balance(kind, tuple(float((counts[counts > 0].min() / n) ** strength) for n in seen))
    raw = (len(outcome) / (n_classes * seen)) ** strength
    # All weights together are the rows: penalties and least leaf sizes keep their meaning.
    return Balance(kind, tuple((raw * len(outcome) / (raw * counts).sum()).tolist()))


def save(balance: Balance, labels: Sequence[str], folder: Path) -> None:
    """Write the balance beside the recipe, by label."""
    write_json(folder / FILE, {"kind": balance.kind, "factors": dict(zip(labels, balance.factors, strict=False))})


def load(labels: Sequence[str], folder: Path) -> Balance:
    """Read what save wrote; none where nothing was written. labels: in the order of the class positions."""
    if not (folder / FILE).is_file():
        return NONE
    written: Mapping[str, Any] = read_json(folder / FILE)
    factors = written["factors"]
    return Balance(written["kind"], tuple(float(factors[label]) for label in labels) if factors else ())
