"""What a fitted model itself says of its features: how much each one drives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

PLACES = 6


@dataclass(frozen=True)
class Importance:
    """how: what the shares are shares of, in words; shares: feature to its part of one, the largest first."""

    how: str
    shares: Mapping[str, float]

    @classmethod
    def of(cls, how: str, names: Sequence[str], sizes: np.ndarray) -> Importance:
        """From sizes (features,) of any scale, none below zero.

        >>> Importance.of("gain", ["a", "b", "c"], np.array([1.0, 3.0, 0.0])).shares
        {'b': 0.75, 'a': 0.25, 'c': 0.0}
        """
        total = float(sizes.sum())
        shares = {name: round(float(size) / total, PLACES) if total else 0.0 for name, size in zip(names, sizes, strict=True)}
        return cls(how, dict(sorted(shares.items(), key=lambda item: (-item[1], item[0]))))

    def as_json(self) -> dict[str, Any]:
        # A list keeps its order in files whose keys are sorted.
        return {"how": self.how, "features": [{"feature": name, "share": share} for name, share in self.shares.items()]}


@runtime_checkable
class SaysImportance(Protocol):
    """A model that knows how much each feature drives it; families need not.

    importance: values (n, columns) of the rows it was fitted on, as its inputs order them.
    """

    def importance(self, values: np.ndarray) -> Importance: ...


@runtime_checkable
class CanBeRead(Protocol):
    """A model whose whole reasoning fits on a page.

    reading: either `rules` (each with `if`, `weight` and `then`) or `shapes` (each with `feature`, `adds`, and `to` or `levels`), as JSON.
    """

    def reading(self) -> dict[str, Any]: ...


def said(model: SaysImportance, values: np.ndarray) -> dict[str, Any]:
    """All that a fitted model says of itself, as JSON. values: (n, columns) of the rows it was fitted on."""
    return model.importance(values).as_json() | (model.reading() if isinstance(model, CanBeRead) else {})
