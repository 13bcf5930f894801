"""Rows as 64-bit numbers that are equal where the rows are, and which of those repeat."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.core.digests import of_bytes


def hashed(columns: list[str]) -> pl.Expr:
    """UInt64 of the named columns together; hashes of disjoint sets add up to that of their union.

    Each column's hash is multiplied by an odd number of its own before they are added (multilinear hashing, Lemire & Kaser
    2014): two different rows agree with a chance of about 2**-63, also where columns hold each other's values.
    """
    if not columns:
        return pl.lit(0, pl.UInt64)
    return total([pl.col(name).hash(seed=1) * pl.lit(factor(name), pl.UInt64) for name in columns])


def total(terms: list[pl.Expr]) -> pl.Expr:
    """Their sum, which wraps around; nested like a tree, because a long chain of thousands of columns would exhaust the stack."""
    while len(terms) > 1:
        pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]


def factor(name: str) -> int:
    """The odd number of 64 bits that the hashes of a column are multiplied by."""
    return int(of_bytes(name.encode())[:16], 16) | 1


def repeated(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) Boolean, twice: rows whose number another row has too, and those of them that have an earlier one."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    as_before = np.concatenate([[False], ordered[1:] == ordered[:-1]]) if len(ordered) else np.empty(0, dtype=bool)
    later, shared = np.empty(len(hashes), dtype=bool), np.empty(len(hashes), dtype=bool)
    later[order] = as_before
    shared[order] = as_before | np.concatenate([as_before[1:], [False]])[: len(as_before)]
    return shared, later
