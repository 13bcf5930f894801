"""The screen: what a candidate feature alone could still tell of what the model gets wrong, out of fold, against chance.

A value's bins, or a category, move the model's score by one Newton step that the other folds have taken (Friedman 2001); the second-order
fall of the loss on the fold itself is the candidate's gain. Chance is the best gain of all candidates when the errors are dealt out to the
rows anew within each fold (the maximum statistic of Westfall & Young 1993), so that a long search is no excuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.bundle import recipe as fitted_recipe
from runner.core.expressions import evaluate
from runner.core.registry import kinds, part
from runner.features.auto.candidates import CandidateFeature, Columns
from runner.features.steps.fitting import Fitting

BINS, PERMUTATIONS, SMOOTHING = 32, 19, 20.0
CHUNK = 100


@dataclass(frozen=True)
class Errors:
    """What a model gets wrong. slope, curvature: (n, k) minus the first and the second derivative of the loss by the score; fold: (n,) 0..folds-1."""

    slope: np.ndarray
    curvature: np.ndarray
    fold: np.ndarray

    @classmethod
    def of(cls, p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, task: str) -> Errors:
        """p: (n, k) probabilities, or predictions (n, 1); outcome: (n,) class positions or target; fold: (n,) numbers."""
        place = np.unique(fold, return_inverse=True)[1]
        if task == "regression":
            return cls((outcome - p[:, 0])[:, None], np.ones((len(p), 1)), place)
        own = p[:, 1:] if task == "binary" else p
        hit = (outcome.astype(int)[:, None] == np.arange(p.shape[1])[None, -own.shape[1] :]).astype(float)
        return cls(hit - own, own * (1.0 - own), place)

    def dealt_anew(self, draws: int, seed: int) -> np.ndarray:
        """(n, 2 k (1 + draws)): slopes and curvatures as they are, then dealt out to the rows anew within each fold."""
        draw = np.random.default_rng(seed)
        both = np.column_stack([self.slope, self.curvature])
        dealt = [both]
        for _ in range(draws):
            order = np.arange(len(both))
            for number in range(int(self.fold.max()) + 1):
                here = np.flatnonzero(self.fold == number)
                order[here] = draw.permutation(here)
            dealt.append(both[order])
        return np.column_stack(dealt)


@dataclass(frozen=True)
class Around:
    """What candidates are looked at with. outcome, classes: as in Fitting; at: positions of the rows that were judged out of fold."""

    columns: Columns
    outcome: np.ndarray
    classes: tuple[str, ...]
    at: np.ndarray


@dataclass(frozen=True)
class Screened:
    """gain: (candidates,) fall of the loss per row; chance: the most that any candidate gained on errors dealt anew, one value a deal."""

    gain: np.ndarray
    chance: np.ndarray

    @property
    def limit(self) -> float:
        """The most that chance gave to any candidate."""
        return max(float(self.chance.max()), 1e-12)

    def p(self, place: int) -> float:
        """How often chance does as well, all candidates together."""
        return float((1 + (self.chance >= self.gain[place]).sum()) / (1 + len(self.chance)))


def screen(made: Sequence[CandidateFeature], around: Around, errors: Errors, beyond: bool, seed: int) -> Screened:
    """Screen candidates by what a model gets wrong; beyond: only by what they tell beyond the best of the columns that they are made of."""
    dealt = errors.dealt_anew(PERMUTATIONS, seed)
    known = {name: gains(bins(around.columns.rows[name])[around.at], dealt, errors) for name in around.columns.rows.columns} if beyond else {}
    gain = np.zeros(len(made))
    chance = np.full(PERMUTATIONS, -np.inf)
    for start in range(0, len(made), CHUNK):
        chunk = made[start : start + CHUNK]
        for place, (one, codes) in enumerate(zip(chunk, coded(chunk, around), strict=True), start):
            found = np.max([gains(column[around.at], dealt, errors) for column in codes], axis=0)
            found = found - np.max([np.zeros(1 + PERMUTATIONS), *(known[name] for name in one.of)], axis=0) if beyond else found
            gain[place] = found[0]
            chance = np.maximum(chance, found[1:])
    return Screened(gain, chance)


def gains(codes: np.ndarray, dealt: np.ndarray, errors: Errors) -> np.ndarray:
    """(1 + draws,) fall of the loss per row by the bins or categories of (n,) codes, for the errors and each of the deals."""
    from scipy.sparse import csr_matrix

    n, k, folds = len(codes), errors.slope.shape[1], int(errors.fold.max()) + 1
    codes = np.unique(codes, return_inverse=True)[1]
    cells = codes * folds + errors.fold
    levels = int(codes.max()) + 1
    ones = csr_matrix((np.ones(n), cells, np.arange(n + 1)), shape=(n, levels * folds))
    sums = np.asarray(ones.T @ dealt).reshape(levels, folds, -1, 2, k)
    slope, curvature = sums[..., 0, :], sums[..., 1, :]
    own = errors.curvature.mean(axis=0)
    step = (slope.sum(axis=1, keepdims=True) - slope) / (curvature.sum(axis=1, keepdims=True) - curvature + SMOOTHING * np.maximum(own, 1e-12))
    return np.asarray((step * slope - 0.5 * step**2 * curvature).sum(axis=(0, 1, 3)) / n)


def errors_of_none(outcome: np.ndarray, fold: np.ndarray, task: str, n_classes: int) -> Errors:
    """Errors of a model that says the same of every row."""
    share = np.array([outcome.mean()]) if task == "regression" else _shares(outcome, n_classes)
    return Errors.of(np.tile(share, (len(outcome), 1)), outcome, fold, task)


def _shares(outcome: np.ndarray, n_classes: int) -> np.ndarray:
    return np.asarray(np.bincount(outcome.astype(int), minlength=n_classes) / len(outcome))


def coded(made: Sequence[CandidateFeature], around: Around) -> list[list[np.ndarray]]:
    """For each candidate the (n,) codes of every column that the screen looks at: bins of its values, or its categories."""
    plain = {one.name: step["expressions"][one.name] for one in made for step in one.steps.values() if not one.keys and step["kind"] == "sql"}
    columns, values = around.columns, evaluate(around.columns.rows, plain)
    found: list[list[np.ndarray]] = []
    for one in made:
        if one.keys:
            found.append([categories(columns.rows.select(one.keys))])
        elif one.name in plain:
            found.append([bins(values[one.name])])
        else:
            found.append([bins(value) for value in _by_steps(one, around)])
    return found


def _by_steps(one: CandidateFeature, around: Around) -> list[pl.Series]:
    rows = around.columns.rows
    adds: list[str] = []
    for name, declared in one.steps.items():
        made = part("step", declared["kind"])(kinds("step")[declared["kind"]].model_validate(declared), Fitting(name, rows, around.outcome, around.classes, 0))
        # What a row is told of its own past differs from what later rows are told.
        rows = rows.with_columns(made.own.get_columns()) if made.own is not None else fitted_recipe.apply(made.operations, rows)
        adds += made.adds
    return [rows[name] for name in adds]


def bins(values: pl.Series) -> np.ndarray:
    """(n,) quantile bins of numbers, or the categories of text; what is missing is a bin of its own."""
    if not values.dtype.is_numeric():
        return categories(values.to_frame())
    numbers = values.cast(pl.Float64).fill_nan(None)
    known = numbers.drop_nulls().to_numpy()
    ends = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.zeros(0)
    place = np.searchsorted(ends, numbers.fill_null(0.0).to_numpy(), side="right")
    return np.where(numbers.is_null().to_numpy(), len(ends) + 1, place)


def categories(keys: pl.DataFrame) -> np.ndarray:
    """(n,) code of each row's combination of values."""
    codes = np.zeros(keys.height, dtype=np.int64)
    for column in keys.get_columns():
        own = column.rank("dense").fill_null(0).cast(pl.Int64).to_numpy() if column.dtype != pl.Boolean else column.cast(pl.Int64).fill_null(2).to_numpy()
        codes = np.unique(codes * (int(own.max()) + 1) + own, return_inverse=True)[1]
    return codes
