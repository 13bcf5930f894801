"""The reference profile: what each watched column looked like when the model was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl

from runner.monitoring import amounts
from runner.monitoring.binning import Bins, Coded

Role = Literal["feature", "score", "decision", "target", "payoff"]
EDGE = 1e-9


@dataclass(frozen=True)
class BinMeans:
    """Mean and variance of a money figure by bin, the last bin being the missing values.

    rows: (k + 1,) rows behind each; mean, variance: (k + 1,) in the payoff's unit, 0 where there are no rows. A bin whose
    amounts are larger than a number can hold counts as one without rows: its money is not known.
    """

    rows: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, bin: np.ndarray, money: np.ndarray, size: int) -> BinMeans:
        """bin: (n,) in 0..size-1; money: (n,) Float64."""
        rows = np.bincount(bin, minlength=size).astype(float)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.bincount(bin, weights=money, minlength=size) / np.maximum(rows, 1.0)
            spread = np.bincount(bin, weights=(money - mean[bin]) ** 2, minlength=size) / np.maximum(rows - 1.0, 1.0)
            known = np.isfinite(mean) & np.isfinite(spread)
        return cls(np.where(known, rows, 0.0), np.where(known, mean, 0.0), np.where(known, spread, 0.0))

    def as_json(self) -> dict[str, Any]:
        return {"rows": self.rows.tolist(), "mean": self.mean.tolist(), "variance": self.variance.tolist()}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> BinMeans:
        return cls(*(np.array(written[part], dtype=float) for part in ("rows", "mean", "variance")))


@dataclass(frozen=True)
class ColumnProfile:
    """One watched column of the reference.

    counts: (k + 1,) rows per bin, missing last; mean, sd: of the values (numeric only), for people, null where no number can hold them;
    payoff: realised out-of-fold payoff by bin; residual: realised less expected payoff by bin.
    """

    name: str
    role: Role
    bins: Bins
    counts: np.ndarray
    mean: float | None = None
    sd: float | None = None
    payoff: BinMeans | None = None
    residual: BinMeans | None = None

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @cached_property
    def share(self) -> np.ndarray:
        """(k,) share of each bin among values that are there; all zero when there are none."""
        present = self.counts[:-1].astype(float)
        return np.asarray(present / max(present.sum(), 1.0))

    @cached_property
    def normal_scores(self) -> np.ndarray:
        """(k,) normal quantile of each bin's middle rank, with mean 0 and sd 1 over the reference; zeros where order says nothing."""
        if self.bins.kind != "numeric" or np.count_nonzero(self.share) < 2:
            return np.zeros(len(self.share))
        from scipy.special import ndtri

        middle = np.cumsum(self.share) - self.share / 2.0
        scores = ndtri(np.clip(middle, EDGE, 1.0 - EDGE))
        centred = scores - (self.share * scores).sum()
        return np.asarray(centred / np.sqrt((self.share * centred**2).sum()))

    @property
    def is_ordered(self) -> bool:
        """Whether a shift up or down means something and can be seen."""
        return bool(self.normal_scores.any())

    def with_money(self, coded: Coded, payoff: np.ndarray, expected: np.ndarray | None = None) -> ColumnProfile:
        """The profile with payoffs by bin. coded: the rows that have a payoff; payoff, expected: (n,) of the same rows."""
        size = self.bins.n + 1
        residual = None if expected is None else BinMeans.of(coded.bin, payoff - expected, size)
        return replace(self, payoff=BinMeans.of(coded.bin, payoff, size), residual=residual)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "role": self.role,
            "bins": self.bins.as_json(),
            "counts": self.counts.tolist(),
            "mean": self.mean,
            "sd": self.sd,
            "payoff": None if self.payoff is None else self.payoff.as_json(),
            "residual": None if self.residual is None else self.residual.as_json(),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> ColumnProfile:
        payoff, residual = (None if written[part] is None else BinMeans.from_json(written[part]) for part in ("payoff", "residual"))
        bins, counts = Bins.from_json(written["bins"]), np.array(written["counts"], dtype=np.int64)
        return cls(written["name"], written["role"], bins, counts, written["mean"], written["sd"], payoff, residual)


def profile(name: str, role: Role, values: pl.Series, bins: Bins, coded: Coded) -> ColumnProfile:
    """The profile of a reference column; coded: the same values, coded by the same bins."""
    counts = np.bincount(coded.bin[coded.bin >= 0], minlength=bins.n + 1)
    if bins.kind != "numeric":
        return ColumnProfile(name, role, bins, counts)
    x = values.cast(pl.Float64).to_numpy()
    x = x[np.isfinite(x)]
    if len(x) == 0:
        return ColumnProfile(name, role, bins, counts)
    return ColumnProfile(name, role, bins, counts, amounts.mean(x), amounts.sd(x))
