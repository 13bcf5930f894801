"""Small neural networks: multilayer perceptrons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.linear import Design
from runner.bundle.models.links import LINKS
from runner.bundle.models.mlp import MLPModel, Network, Prepared, Ranks, mean_of
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.features.matrices import Matrix
from runner.training.models import gentle
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.patience import is_over
from runner.training.models.perceptrons import Perceptrons
from runner.training.models.space import CandidateSpec, Range, Space
from runner.training.pruning import losses_of

KNOTS = 65
# Rows of one step: a sixteenth of all, within these.
FEWEST, MOST, PARTS = 64, 1024, 16
# A network's columns for each one of the matrix, about, beside those of its rank: the number, and whether it is missing.
COLUMNS_EACH = 2
# Values of all parts of ranks, at most: where there would be more, each number has fewer parts.
MOST_VALUES = 30_000_000
# Columns for levels, at most; the levels that most rows have get them.
MOST_LEVELS = 300


class MLPSpec(CandidateSpec):
    """Networks with two hidden layers, trained by Adam (Kingma & Ba 2015) with early stopping on the fold's validation rows. Fields set the first trial.

    They see each number standardised and by its rank, and one column per level. A feature with a declared direction (`constraints.monotone`) is not
    looked at. The weights of each network are averaged over the steps.
    """

    weighs: ClassVar[bool] = True
    patience_grows: ClassVar[bool] = True
    in_turn_below: ClassVar[int] = 50_000
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {
        "units": Range(24, 256, log=True, whole=True),
        "weight_decay": Range(1e-5, 1.0, log=True),
        "learning_rate": Range(1e-3, 3e-2, log=True),
        "bins": Range(0, 12, whole=True),
    }
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"weight_decay": 0.1, "bins": 0},
        {"units": 128, "weight_decay": 0.1, "learning_rate": 2e-3},
        {"units": 32, "weight_decay": 1.0, "learning_rate": 2e-3, "bins": 0},
        {"units": 256, "weight_decay": 1e-3, "learning_rate": 2e-3, "bins": 0},
    )
    kind: Literal["mlp"]
    units: int = Field(default=64, ge=2, le=2048)
    """Units of the first hidden layer; the second one has half as many."""
    weight_decay: float = Field(default=0.3, ge=0)
    """L2 penalty on the weights: the larger, the smoother."""
    learning_rate: float = Field(default=3e-3, gt=0, le=1)
    """How far each step goes: smaller needs more epochs and often generalises better."""
    max_iterations: int = Field(default=100, ge=1)
    """The most epochs, in each of which all rows are gone through once; early stopping usually ends sooner."""
    patience: int = Field(default=12, ge=1)
    """Epochs without progress on the validation rows before a fit stops; a fifth of the best epoch where that is more."""
    networks: int = Field(default=3, ge=1, le=20)
    """Networks with starts of their own that are averaged: more is steadier, slower and larger."""
    bins: int = Field(default=6, ge=0, le=64)
    """Parts that the ranks of each number fall into, each a column that grows within its part: finer than one column where steps matter; fewer where
    memory would run out. 0 or 1: the rank is one column, a normal score."""
    max_rows: int = Field(default=100_000, ge=100)
    """The most rows that are learned from; of larger tables they are drawn."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        spec = self.laid(params)
        used = min(rows, spec.max_rows)
        weights = spec.units * ((COLUMNS_EACH + max(1, bins_of(spec, used, columns))) * columns + spec.units / 2) + spec.units / 2 * max(1, classes)
        steps = used / batch_of(used) * (2e-4 + weights * 1.5e-8)
        return 0.05 + (rounds or spec.max_iterations) * spec.networks * (steps + used * (spec.units * 1.2e-8 + weights * 4e-11))


def batch_of(rows: int) -> int:
    """Rows of one step."""
    return int(np.clip(rows // PARTS, FEWEST, MOST))


def bins_of(spec: MLPSpec, rows: int, columns: int) -> int:
    """Parts of each number's ranks that there is room for; 0 where that would be a single one."""
    bins = min(spec.bins, MOST_VALUES // max(1, rows * columns))
    return bins if bins > 1 else 0


@dataclass(frozen=True)
class _Learning:
    """What the networks learn from. columns: (n, width) Float32; outcome: (n, k) Float32, as steps read it; counted: (n,) Float32 weights of mean one."""

    columns: np.ndarray
    outcome: np.ndarray
    counted: np.ndarray | None


@register("candidate", MLPSpec)
def fit(spec: MLPSpec, given: Fit) -> Fitted:
    """Fits with early stopping when there are validation rows, else for the given number of epochs; the overall shares where that runs away."""
    from threadpoolctl import threadpool_limits

    spec = spec.laid(given.params)
    train = _drawn(given.train, spec.max_rows, given.seed)
    used = np.array([not given.monotone.get(name, 0) or given.task == "multiclass" for name in given.inputs.numeric], bool)
    if not given.inputs.names or len(np.unique(train.outcome)) < 2:
        return Fitted(gentle.constant(given), 1, "shares")
    ready = prepared(given, train.values, used, bins_of(spec, len(train.values), len(used)))
    columns = ready.columns(train.values).astype(np.float32)
    if not np.ptp(columns, axis=0).any():
        return Fitted(gentle.constant(given), 1, "shares")
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(over="ignore", invalid="ignore"):
        model, rounds, loss = _learned(spec, given, train, ready, columns)
    return Fitted(gentle.constant(given), 1, "shares") if gentle.ran_away(loss, given) else Fitted(model, rounds)


def prepared(given: Fit, values: np.ndarray, used: np.ndarray, bins: int = 0) -> Prepared:
    """What is learned of the columns from the matrix (n, columns). used: (numeric,) whether a column is looked at; bins: see `Ranks`."""
    from scipy.special import ndtri

    design = Design.learn(given.inputs, values, MOST_LEVELS)
    at = np.linspace(0.0, 1.0, KNOTS)
    knots, scores = [], []
    for place in range(len(given.inputs.numeric)):
        known = values[np.isfinite(values[:, place]), place]
        found = np.quantile(known, at) if len(known) else np.zeros(KNOTS)
        own, first, count = np.unique(found, return_index=True, return_counts=True)
        # A value that many rows have stands in the middle of its ranks.
        middle = at[first] + (at[first + count - 1] - at[first]) / 2
        knots.append(own)
        scores.append(middle if bins else ndtri(np.clip(middle, 0.5 / KNOTS, 1 - 0.5 / KNOTS)))
    flat = [np.concatenate(parts) if parts else np.zeros(0) for parts in (knots, scores)]
    return Prepared(design, Ranks(flat[0], flat[1], np.array([len(own) for own in knots], np.int64), bins), used)


def _drawn(train: Matrix, most: int, seed: int) -> Matrix:
    if len(train.outcome) <= most:
        return train
    at = np.sort(np.random.default_rng(seed_for(seed, "rows")).permutation(len(train.outcome))[:most])
    weights = None if train.weights is None else train.weights[at]
    return Matrix(train.rows[at], train.values[at], train.outcome[at], weights)


def _learned(spec: MLPSpec, given: Fit, train: Matrix, ready: Prepared, seen: np.ndarray) -> tuple[MLPModel, int, float]:
    """The model of the best epoch, that epoch, and the loss on the rows that judge the fit. seen: the columns of the training rows."""
    is_number = given.task == "regression"
    offset = float(np.average(train.outcome, weights=train.weights)) if is_number else 0.0
    scale = float(np.sqrt(np.average((train.outcome - offset) ** 2, weights=train.weights))) or 1.0 if is_number else 1.0
    counted = None if train.weights is None else (train.weights / train.weights.mean()).astype(np.float32)
    learning = _Learning(seen, _targets(given, (train.outcome - offset) / scale), counted)
    judged = train if given.valid is None else given.valid
    columns = learning.columns if given.valid is None else ready.columns(given.valid.values).astype(np.float32)
    model = MLPModel(ready, (), LINKS[given.task], offset, scale)
    best, epoch, least = 0, 0, np.inf
    networks: tuple[Network, ...] = ()
    kept = networks
    for epoch, networks in enumerate(_epochs(spec, given, learning), start=1):
        if given.valid is None:
            continue
        loss = _loss(model, networks, columns, judged, given)
        if loss < least:
            best, least, kept = epoch, loss, networks
        # A loss that is no number never gets better.
        if is_over(spec.patience, best, epoch):
            break
    if given.valid is None or not best:
        best, kept, least = epoch, networks, _loss(model, networks, columns, judged, given)
    return replace(model, networks=kept), best, least


def _targets(given: Fit, outcome: np.ndarray) -> np.ndarray:
    """(n, k) what the scores should say: a number, whether it is the second of two classes, or each class's indicator."""
    if given.task != "multiclass":
        return outcome.astype(np.float32)[:, None]
    return np.asarray(outcome[:, None] == np.arange(given.n_classes), np.float32)


def _epochs(spec: MLPSpec, given: Fit, learning: _Learning) -> Iterator[tuple[Network, ...]]:
    """The networks after each epoch."""
    n, batch = len(learning.outcome), batch_of(len(learning.outcome))
    shape = (learning.columns.shape[1], spec.units, max(1, spec.units // 2), learning.outcome.shape[1])
    learners = Perceptrons(shape, spec.networks, LINKS[given.task], spec.weight_decay, spec.learning_rate, seed_for(given.seed, "networks"))
    draw = np.random.default_rng(seed_for(given.seed, "order"))
    for _ in range(given.rounds or spec.max_iterations):
        for at in np.array_split(draw.permutation(n), -(-n // batch)):
            learners.step(learning.columns[at], learning.outcome[at], None if learning.counted is None else learning.counted[at])
            if given.check is not None:
                given.check()
        yield learners.networks()


def _loss(model: MLPModel, networks: Sequence[Network], columns: np.ndarray, judged: Matrix, given: Fit) -> float:
    """Mean log loss, or root mean squared error, of rows as they count."""
    mean_answer = mean_of([network.raw(columns, np.matmul) for network in networks], model.link)
    answer = model.offset + model.scale * mean_answer.astype(float)
    mean = float(np.average(losses_of(answer, judged.outcome, given.task), weights=judged.weights))
    return sqrt(mean) if given.task == "regression" else mean
