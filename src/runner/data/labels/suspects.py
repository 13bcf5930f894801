"""Which given labels are probably wrong, judged by predictions of models that have not seen them.

Labels: the rates at which one label is written for another are read off the rows that the model is surest of (anchor points: Liu & Tao 2016,
Classification with noisy labels by importance reweighting, IEEE TPAMI 38; Patrini et al. 2017, Making deep neural networks robust to label
noise, CVPR), as in confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70), which takes all rows above a mean instead. Numbers: a mixture
of usual errors and of values from anywhere (Hogg, Bovy & Lang 2010, arXiv:1008.4686, section 3). Why not the library: docs/decisions/0052.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

PROBABLE = 0.5
"""A label with a higher probability of being wrong is a candidate."""
NO_HANDFUL = 8
MIN_SURE = 20
# Above the first, a rate must be shown not to fall with certainty; above the second, nothing tells a wrong label from bad luck.
MAX_UNPROVEN, MAX_CONTRADICTED = 0.125, 0.4
# One-sided 10%: a wrong extrapolation only makes fewer candidates.
CRITICAL = 1.2816
# One-sided 2.5%, where a mistake would call bad luck an error.
SURE = 1.96
QUARTERS = 4
SUFFICIENT = 1e-9
MAX_STEPS, STEP = 500, 1e-10


@dataclass(frozen=True)
class Rate:
    """How often the surest rows of one label bear another. surest, next: shares among the first and second quarter; rate: taken from them."""

    true: str
    given: str
    rows: int
    surest: float
    next: float
    rate: float
    why: str = ""


@dataclass(frozen=True)
class Suspects:
    """suggested: (n,) position of the label, or a number, that the row more likely has; probability: (n,) that the given one is wrong;
    noticeable: (n,) Boolean, a wrong label here would be a candidate; group: (n,) predicted label, 0 for numbers; rates: what was measured."""

    suggested: np.ndarray
    probability: np.ndarray
    noticeable: np.ndarray
    group: np.ndarray
    rates: Sequence[Rate] = ()

    @property
    def candidates(self) -> np.ndarray:
        return self.probability > PROBABLE

    @property
    def expected(self) -> float:
        """How many given labels are wrong, all rows together."""
        return float(self.probability.sum())

    @property
    def told_apart(self) -> bool:
        """Whether wrong labels surely stand out from bad luck: the surest rows are contradicted more than a few times, and mostly for good."""
        lasting = sum(rate.rate * rate.rows for rate in self.rates if 2 * rate.rate >= rate.surest)
        return not self.rates or lasting >= NO_HANDFUL


def mislabelled(p: np.ndarray, given: np.ndarray, labels: Sequence[str]) -> Suspects:
    """Suspects among labels. p: (n, K) out-of-fold probabilities of the labels; given: (n,) position of the label that the row has."""
    n, k = p.shape
    best = p.argmax(axis=1)
    rates = [rate for true in range(k) for rate in _rates(p, given, best, true, labels)]
    written = np.eye(k)
    for rate in rates:
        written[labels.index(rate.true), labels.index(rate.given)] = rate.rate
    written[np.diag_indices(k)] = 2.0 - written.sum(axis=1)
    # The model learned from labels as they are written: what is true follows from P(written) = P(true) x rates.
    true = np.clip(_solved(p, written), SUFFICIENT, None)
    true /= true.sum(axis=1, keepdims=True)
    joint = true * written[:, given].T
    after = joint / joint.sum(axis=1, keepdims=True)
    wrong = 1.0 - after[np.arange(n), given]
    after[np.arange(n), given] = -1.0
    return Suspects(after.argmax(axis=1), np.clip(wrong, 0.0, 1.0), _noticeable(true, written), best, rates)


def _solved(p: np.ndarray, written: np.ndarray) -> np.ndarray:
    inverse = np.linalg.pinv(written)
    # einsum sums in a fixed order whatever the number of threads.
    return np.asarray(np.einsum("nk,kl->nl", p, inverse, optimize=False))


def _rates(p: np.ndarray, given: np.ndarray, best: np.ndarray, true: int, labels: Sequence[str]) -> list[Rate]:
    mine = np.flatnonzero(best == true)
    mine = mine[np.argsort(-p[mine, true], kind="stable")]
    size = len(mine) // QUARTERS
    others = [label for label in range(p.shape[1]) if label != true]
    if size < MIN_SURE:
        return [Rate(labels[true], labels[o], size, 0.0, 0.0, 0.0, f"fewer than {MIN_SURE} rows are surely {labels[true]}") for o in others]
    surest, following = given[mine[:size]], given[mine[size : 2 * size]]
    found = []
    for other in others:
        first, second = float((surest == other).mean()), float((following == other).mean())
        found.append(Rate(labels[true], labels[other], size, first, second, *_rate(first, second, size)))
    contradicted = sum(rate.surest for rate in found)
    if contradicted <= MAX_UNPROVEN or (contradicted <= MAX_CONTRADICTED and _does_not_fall(contradicted, sum(rate.next for rate in found), size)):
        return found
    why = "even the surest rows are contradicted too often to tell a wrong label from bad luck"
    return [Rate(r.true, r.given, r.rows, r.surest, r.next, 0.0, why) for r in found]


def _does_not_fall(first: float, second: float, size: int) -> bool:
    """Whether contradictions surely grow by less than a quarter of what they are, from the surest rows to the next."""
    return second - first + SURE * _spread_of(first, second, size) < first / 4


def _spread_of(first: float, second: float, size: int) -> float:
    return sqrt((first * (1 - first) + second * (1 - second)) / size)


def _rate(first: float, second: float, size: int) -> tuple[float, str]:
    """Where contradictions go on falling with certainty they are bad luck: what is left when the fall is carried on is the rate."""
    if second - first <= CRITICAL * _spread_of(first, second, size):
        return first, ""
    return max(0.0, 2 * first - second), "contradictions go on falling the surer the model is: most are bad luck, not wrong labels"


def _noticeable(true: np.ndarray, written: np.ndarray) -> np.ndarray:
    """Whether any label written for the likeliest true one would be a candidate."""
    best = true.argmax(axis=1)
    found = np.zeros(len(true), dtype=bool)
    for other in range(true.shape[1]):
        joint = true * written[:, other][None, :]
        total = joint.sum(axis=1)
        wrong = 1.0 - joint[:, other] / np.maximum(total, SUFFICIENT)
        found |= (best != other) & (total > SUFFICIENT) & (wrong > PROBABLE)
    return found


def misreported(predicted: np.ndarray, given: np.ndarray) -> Suspects:
    """Suspects among numbers. predicted, given: (n,) out-of-fold predictions and the outcomes that rows have."""
    n = len(given)
    z = (given - predicted) / _spread(predicted, given - predicted)
    reach = max(float(np.abs(z).max(initial=0.0)), 1.0)
    share, scale, wrong = 0.01, 1.0, np.zeros(n)
    for _ in range(MAX_STEPS):
        usual = (1 - share) * _student(z / scale) / scale
        anywhere = share / (2 * reach)
        updated = anywhere / (usual + anywhere)
        moved = float(np.abs(updated - wrong).max(initial=0.0))
        wrong, share = updated, float(np.clip(updated.mean(), 1e-6, 0.5))
        weight = (1 - wrong) * 5.0 / (4.0 + (z / scale) ** 2)
        scale = max(sqrt(float((weight * z**2).sum() / max((1 - wrong).sum(), 1.0))), SUFFICIENT)
        if moved < STEP:
            break
    return Suspects(predicted, wrong, np.ones(n, dtype=bool), np.zeros(n, dtype=np.int64))


def _student(z: np.ndarray) -> np.ndarray:
    """Density of Student's t with 4 degrees of freedom: usual errors have heavier tails than normal ones."""
    return np.asarray(0.375 * (1 + z**2 / 4) ** -2.5)


def _spread(predicted: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The usual size of an error near each prediction: median absolute error by tenth of the prediction, never far below that of all."""
    overall = 1.4826 * float(np.median(np.abs(errors))) if len(errors) else 1.0
    overall = overall or float(np.abs(errors).mean()) or 1.0
    tenth = (np.argsort(np.argsort(predicted, kind="stable"), kind="stable") * 10) // max(len(predicted), 1)
    by_tenth = np.array([1.4826 * np.median(np.abs(errors[tenth == t])) if (tenth == t).any() else overall for t in range(10)])
    return np.asarray(np.maximum(by_tenth, 0.2 * overall)[tenth])
