"""The design of a linear model on its training rows: numbers as they are, flags and levels only where they are on, in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.bundle.models.linear import Design

# Values and scores of a block, so that both of its products find it in the processor's cache; and its fewest and most rows.
VALUES, FEWEST, MOST = 2**18, 1024, 2**15


@dataclass(frozen=True)
class Block:
    """Some rows. numbers: (n, numeric) Float64; marks: (n, flags and levels) compressed by rows; turned: the same turned round."""

    rows: slice
    numbers: np.ndarray
    marks: Any
    turned: Any

    def raw(self, weights: np.ndarray) -> np.ndarray:
        """(n, k) what the columns add up to. weights: (width, k)."""
        n = self.numbers.shape[1]
        return np.asarray(self.numbers @ weights[:n] + self.marks @ weights[n:])

    def gathered(self, slopes: np.ndarray) -> np.ndarray:
        """(width, k) per column the sum of what the rows have there. slopes: (n, k)."""
        return np.concatenate([self.numbers.T @ slopes, self.turned @ slopes])


@dataclass(frozen=True)
class Blocks:
    """All rows; width: columns of the design."""

    blocks: tuple[Block, ...]
    rows: int
    width: int

    @classmethod
    def of(cls, design: Design, matrix: np.ndarray, k: int, check: Callable[[], None]) -> Blocks:
        """Of a matrix (n, columns), for k scores a row. check: called between blocks."""
        rows, columns = matrix.shape
        each = int(np.clip(VALUES // (columns + k), FEWEST, MOST))
        width, found = len(design.names), []
        for start in range(0, rows, each):
            check()
            found.append(_block(design, matrix[start : start + each], slice(start, min(rows, start + each)), width))
        return cls(tuple(found), rows, width)

    def raw(self, weights: np.ndarray) -> np.ndarray:
        """(n, k) what the columns add up to."""
        return np.concatenate([block.raw(weights) for block in self.blocks])

    def gathered(self, slopes: np.ndarray) -> np.ndarray:
        """(width, k) per column the sum of what the rows have there."""
        found = np.zeros((self.width, slopes.shape[1]))
        for block in self.blocks:
            found += block.gathered(slopes[block.rows])
        return found

    def squares(self, counts: np.ndarray) -> np.ndarray:
        """(width,) the sum of each column's squares. counts: (n,) what each row counts."""
        found = np.zeros(self.width)
        for block in self.blocks:
            counted = counts[block.rows]
            found += np.concatenate([counted @ block.numbers**2, block.turned @ counted])
        return found

    def products(self, counts: np.ndarray, used: np.ndarray, check: Callable[[], None]) -> np.ndarray:
        """(used, used) products of some columns with each other. counts: (n,) what each row counts; used: (columns,) their positions, rising."""
        n = self.blocks[0].numbers.shape[1]
        numeric, on = used[used < n], used[used >= n] - n
        found = np.zeros((len(used), len(used)))
        marks: Any = 0
        for block in self.blocks:
            check()
            counted = counts[block.rows, None]
            own, chosen = block.numbers[:, numeric], block.marks[:, on]
            numbers = own * counted
            found[: len(numeric), : len(numeric)] += own.T @ numbers
            found[len(numeric) :, : len(numeric)] += chosen.T @ numbers
            marks = marks + chosen.T @ chosen.multiply(counted)
        found[: len(numeric), len(numeric) :] = found[len(numeric) :, : len(numeric)].T
        found[len(numeric) :, len(numeric) :] = marks.toarray()
        return found

    def kernel(self) -> np.ndarray:
        """(n, n) the rows' products with each other."""
        from scipy import sparse

        numbers = np.concatenate([block.numbers for block in self.blocks])
        marks = sparse.vstack([block.marks for block in self.blocks], format="csr")
        return np.asarray(numbers @ numbers.T + (marks @ marks.T).toarray())


def _block(design: Design, matrix: np.ndarray, rows: slice, width: int) -> Block:
    from scipy import sparse

    numbers, gaps = design.numbers(matrix)
    n = numbers.shape[1]
    on, places, start = [gaps], [np.broadcast_to(np.arange(n), gaps.shape)], n
    for i, levels in enumerate(design.levels):
        codes = matrix[:, n + i]
        # Where each level stands among those with a column; a missing one, and one without, nowhere.
        stands = np.full(int(max(levels.max(initial=-1), np.nanmax(codes, initial=-1.0))) + 2, -1)
        stands[levels] = np.arange(len(levels))
        at = stands[np.where(np.isnan(codes), len(stands) - 1, codes).astype(np.int64)]
        on.append(at[:, None] >= 0)
        places.append(start + at[:, None])
        start += len(levels)
    switched = np.concatenate(on, axis=1)
    indices = np.concatenate(places, axis=1).astype(np.int32)[switched]
    starts = np.concatenate([[0], np.cumsum(switched.sum(axis=1))]).astype(np.int32)
    marks = sparse.csr_array((np.ones(len(indices)), indices, starts), shape=(len(matrix), width - n))
    return Block(rows, np.ascontiguousarray(numbers), marks, marks.T)
