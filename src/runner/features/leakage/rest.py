"""What the other features can do together, and whether a feature has anything to do with them but through the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from runner.core.machine import cores
from runner.core.seeds import seed_for
from runner.features.leakage.case import Case
from runner.features.leakage.power import auc, r2, rank_correlation
from runner.features.matrices import Matrix
from runner.features.probe import quick_predictions

# Rank correlations: the same number in other units, and nearly so.
SAME, NEARLY = 0.9999, 0.95
# Squared rank correlation from which on a feature is tied to another one without any fit.
CLEAR = 0.1
FITTED_ROWS, FITTED_FOLDS, MOST_LEVELS = 3_000, 2, 100


@dataclass(frozen=True)
class Rest:
    """Quick models of a case, out of fold on at most FITTED_ROWS of its rows."""

    case: Case

    @cached_property
    def at(self) -> np.ndarray:
        """Positions of the rows that are fitted."""
        n = self.case.rows.height
        return np.sort(np.random.default_rng(seed_for(self.case.seed, "features", "leakage", "rest")).permutation(n)[:FITTED_ROWS])

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Feature to (n,) Float64: numbers as they are with NaN for gaps, categories by how common they are."""
        rows = self.case.rows[self.at]
        return {f["name"]: _coded(rows[f["name"]], f["kind"]) for f in self.case.features}

    @cached_property
    def ranks(self) -> np.ndarray:
        """(n, features) ranks, gaps in the middle, centred and of length 1; a constant column is 0."""
        made = np.column_stack([np.empty((len(self.at), 0)), *(centred_ranks(values) for values in self.columns.values())])
        length = np.sqrt((made**2).sum(axis=0))
        return np.asarray(np.divide(made, length, out=np.zeros_like(made), where=length > 0))

    def others(self, name: str, without: Iterable[str] = (), alike: float = SAME) -> list[str]:
        """All features but this one, those whose rank correlation with it says that they are alike, and those left out."""
        names, left_out = list(self.columns), {name, *without}
        same = np.abs(self.ranks.T @ self.ranks[:, names.index(name)]) > alike
        return [other for other, is_same in zip(names, same, strict=True) if not is_same and other not in left_out]

    def power(self, names: Sequence[str], k: int) -> float:
        """Out-of-fold power of these features together for the outcome's column k: AUC or R2, there at least the squared rank correlation."""
        outcome = self.case.outcome[self.at, k]
        regression = self.case.task == "regression"
        guess = self.predicted(names, outcome, "regression" if regression else "binary")
        return max(r2(outcome, guess), rank_correlation(guess, outcome) ** 2) if regression else auc(outcome, guess)

    def entangled(self, values: np.ndarray, names: Sequence[str]) -> float:
        """How much of a feature, beyond what the outcome tells of it, the other features tell: R2 out of fold, 0 where nothing is left to tell.

        values: (n,) of the fitted rows. A noisy copy of the outcome has no other tie to the table: given the outcome, it is noise.
        """
        left = centred_ranks(values)
        total = (left**2).sum()
        left = left - _explained(left, self.case.outcome[self.at], self.case.task)
        if total == 0 or (left**2).sum() < 0.001 * total:
            return 0.0
        chosen = set(names)
        places = [at for at, name in enumerate(self.columns) if name in chosen]
        alone = float(((self.ranks[:, places].T @ left) ** 2).max(initial=0.0) / (left**2).sum())
        # What one of them tells by its ranks, beyond what the best of so many tells by chance, all of them tell too.
        by_chance = (2.0 * np.log(max(1, len(places))) + 10.0) / len(left)
        return alone if alone >= max(CLEAR, by_chance) else r2(left, self.predicted(names, left, "regression"))

    def predicted(self, names: Sequence[str], outcome: np.ndarray, task: str) -> np.ndarray:
        """(n,) out-of-fold predictions of a small LightGBM."""
        if not names:
            return np.full(len(outcome), outcome.mean())
        x, fold = np.column_stack([self.columns[name] for name in names]), np.arange(len(outcome)) % FITTED_FOLDS
        fold = np.random.default_rng(seed_for(self.case.seed, "features", "leakage", "fold")).permutation(fold)
        guess = np.empty(len(outcome))

        def fitted(number: int) -> None:
            out = fold == number
            seed = seed_for(self.case.seed, "features", "leakage", "fit", number)
            guess[out] = quick_predictions(Matrix(pl.DataFrame(), x[~out], outcome[~out]), x[out], [], (task, 1), seed)[:, -1]

        with ThreadPoolExecutor(min(cores(), FITTED_FOLDS), "leakage") as pool:
            list(pool.map(fitted, range(FITTED_FOLDS)))
        return guess


def centred_ranks(values: np.ndarray) -> np.ndarray:
    """(n,) average ranks less their mean; gaps are 0."""
    series = pl.Series(values).fill_nan(None)
    ranks = series.rank("average")
    return (ranks - ranks.mean()).fill_null(0.0).to_numpy() if series.null_count() < len(series) else np.zeros(len(series))


def _explained(values: np.ndarray, outcome: np.ndarray, task: str) -> np.ndarray:
    """(n,) the mean of values given the outcome: of the class, or of the 20 rows around it in the outcome's order."""
    if task != "regression":
        code = np.unique(outcome, axis=0, return_inverse=True)[1].reshape(-1)
        return np.asarray((np.bincount(code, weights=values) / np.bincount(code))[code])
    order = np.argsort(outcome[:, 0], kind="stable")
    width = max(1, min(21, len(values) // 10))
    smooth = np.convolve(np.pad(values[order], width // 2, mode="edge"), np.ones(width) / width, mode="valid")[: len(values)]
    made = np.empty(len(values))
    made[order] = smooth
    return made


def _coded(values: pl.Series, kind: str) -> np.ndarray:
    if kind != "categorical":
        return values.cast(pl.Float64).to_numpy()
    text = values.cast(pl.String).alias("value")
    common = text.drop_nulls().value_counts(name="n").sort(["n", "value"], descending=[True, False])["value"].head(MOST_LEVELS).to_list()
    return text.replace_strict(common, list(range(len(common))), default=len(common), return_dtype=pl.Float64).to_numpy()
