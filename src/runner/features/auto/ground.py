"""What a search for features stands on, and the folds it judges on, drawn again for every repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner

MAX_ROWS, MAX_CELLS = 20_000, 4_000_000
TAUGHT_AGAIN = 0.8  # share of the training rows of a repeat whose folds cannot be drawn again


@dataclass(frozen=True)
class Ground:
    """learner, folds: rows, recipe and folds as training has them; a proposal is judged by what it adds to this recipe.

    columns: numeric, true-or-false and text columns that features may be made of; dates: date and datetime columns of that kind;
    time: the moment of each row where the folds walk forward in its order, else "";
    groups: (rows,) Int64 codes of rows that belong together, None where no column says so.
    """

    learner: Learner
    folds: tuple[Fold, ...]
    columns: tuple[str, ...]
    dates: tuple[str, ...] = ()
    time: str = ""
    groups: np.ndarray | None = None

    @property
    def is_redrawable(self) -> bool:
        """Whether each fold is validated by all the others, so that other folds may be drawn; folds in time order may not."""
        n = self.learner.rows.height
        return all(len(fold.train) + len(fold.valid) == n for fold in self.folds) and sum(len(fold.valid) for fold in self.folds) == n

    def cut(self) -> Ground:
        """At most MAX_ROWS rows, and MAX_CELLS values, in their order, drawn with the learner's seed; of groups as many whole ones."""
        n, features = self.learner.rows.height, max(1, len(self.learner.recipe.features))
        most = min(MAX_ROWS, max(1000, MAX_CELLS // features))
        if n <= most:
            return self
        draw = np.random.default_rng(seed_for(self.learner.seed, "features", "auto", "rows"))
        if self.groups is None:
            kept = np.sort(draw.choice(n, most, replace=False))
        else:
            sizes = np.bincount(self.groups)
            order = draw.permutation(len(sizes))
            kept = np.flatnonzero(np.isin(self.groups, order[np.cumsum(sizes[order]) <= most]))
        place = np.full(n, -1)
        place[kept] = np.arange(len(kept))
        folds = tuple(Fold(f.number, _placed(place, f.train), _placed(place, f.valid)) for f in self.folds)
        groups = None if self.groups is None else self.groups[kept]
        return replace(self, learner=replace(self.learner, rows=self.learner.rows[kept]), folds=folds, groups=groups)

    def repeat(self, number: int) -> list[Fold]:
        """The folds of a repeat: 0 has the declared ones, later ones are drawn again.

        Folds in time order, and folds that purge rows, stay; a repeat then learns from a draw of their training rows.
        """
        if number == 0:
            return list(self.folds)
        draw = np.random.default_rng(seed_for(self.learner.seed, "features", "auto", "repeat", number))
        if not self.is_redrawable:
            return [replace(fold, train=self._part(fold.train, draw)) for fold in self.folds]
        place = self._places(draw)
        return [Fold(fold.number, np.flatnonzero(place != k), np.flatnonzero(place == k)) for k, fold in enumerate(self.folds)]

    def _part(self, train: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        units = train if self.groups is None else self.groups[train]
        found = np.unique(units)
        kept = draw.choice(found, max(1, round(TAUGHT_AGAIN * len(found))), replace=False)
        return train[np.isin(units, kept)]

    def _places(self, draw: np.random.Generator) -> np.ndarray:
        """(rows,) number of the fold that validates each row: groups stay together, classes and sizes of the target are spread evenly."""
        k = len(self.folds)
        if self.groups is not None:
            codes = np.unique(self.groups, return_inverse=True)[1]
            return np.asarray((draw.permutation(int(codes.max()) + 1) % k)[codes])
        order = draw.permutation(self.learner.rows.height)
        order = order[np.argsort(self.learner.outcome[order], kind="stable")]
        place = np.empty(len(order), dtype=np.int64)
        for start in range(0, len(order), k):
            block = order[start : start + k]
            place[block] = draw.permutation(k)[: len(block)]
        return place


def _placed(place: np.ndarray, positions: Sequence[int] | np.ndarray) -> np.ndarray:
    found = place[np.asarray(positions, dtype=np.int64)]
    return np.asarray(found[found >= 0])
