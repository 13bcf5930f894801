"""Calibration makes scores readable as shares, is fitted on other folds, and never turns a ranking around."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from runner.bundle.calibrate import calibrated
from runner.problem.policies import calibration
from runner.training.engine import loss_of

N, FOLDS = 3000, 3


def overconfident(seed: int, k: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores three times too far from even odds: (n, k) p, (n,) outcome, (n,) fold."""
    draw = np.random.default_rng(seed)
    raw = draw.normal(0, 1, (N, k))
    raw[:, 0] = 0.0 if k == 2 else raw[:, 0]
    true = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    outcome = (true.cumsum(axis=1) < draw.random((N, 1))).sum(axis=1).astype(float)
    given = np.exp(3 * raw) / np.exp(3 * raw).sum(axis=1, keepdims=True)
    return given, outcome, draw.integers(0, FOLDS, N)


CASES = [(2, "sigmoid"), (2, "isotonic"), (3, "sigmoid"), (4, "isotonic")]


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_log_loss_improves_on_rows_that_were_not_fitted_on(k: int, kind: str) -> None:
    (p, outcome, _), (later, later_outcome, _) = overconfident(1, k), overconfident(2, k)
    mended = calibrated(later, calibration.fit(p, outcome, kind))
    assert np.allclose(mended.sum(axis=1), 1.0)
    assert loss_of(mended, later_outcome, "binary") < 0.8 * loss_of(later, later_outcome, "binary")


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_a_fold_is_calibrated_by_the_others_alone(k: int, kind: str) -> None:
    p, outcome, fold = overconfident(3, k)
    before = calibration.cross_fitted(p, outcome, fold, kind)
    turned = np.where(fold == 1, (outcome + 1) % k, outcome)
    after = calibration.cross_fitted(p, turned, fold, kind)
    assert np.array_equal(before[fold == 1], after[fold == 1])
    assert not np.array_equal(before[fold != 1], after[fold != 1])


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_a_binary_ranking_is_never_turned_around(kind: str) -> None:
    p, outcome, _ = overconfident(4)
    for actual in (outcome, 1 - outcome, np.random.default_rng(0).permutation(outcome)):
        mended = calibrated(p, calibration.fit(p, actual, kind))
        assert (np.diff(mended[np.argsort(p[:, 1], kind="stable"), 1]) >= 0).all()


@pytest.mark.parametrize("k", [3, 4])
def test_the_most_likely_class_stays_the_most_likely(k: int) -> None:
    p, outcome, _ = overconfident(5, k)
    for actual in (outcome, np.random.default_rng(0).permutation(outcome)):
        assert np.array_equal(calibrated(p, calibration.fit(p, actual, "sigmoid")).argmax(axis=1), p.argmax(axis=1))


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
def test_scores_that_part_the_classes_perfectly_stay_probabilities(kind: str) -> None:
    outcome = np.repeat([0.0, 1.0], 100)
    edge = np.column_stack([1 - outcome, outcome])
    fitted = calibration.fit(edge, outcome, kind)
    for p in (edge, np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])):
        mended = calibrated(p, fitted)
        assert np.isfinite(mended).all()
        assert (mended >= 0).all()
        assert (mended <= 1).all()


def test_nothing_is_calibrated_where_nothing_can_be_learned() -> None:
    p, outcome, fold = overconfident(6)
    assert calibration.fit(p, np.zeros(N), "sigmoid") == calibration.NONE
    assert calibration.fit(p, outcome, "none") == calibration.NONE
    assert calibration.fit(p[:, :1], outcome, "isotonic") == calibration.NONE
    assert np.array_equal(calibration.cross_fitted(p, outcome, np.zeros(N), "sigmoid"), p)
    assert np.array_equal(calibration.cross_fitted(p[:, :1], outcome, fold, "sigmoid"), p[:, :1])


def test_probabilities_of_nought_and_one_are_survived() -> None:
    p = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]] * 30)
    fitted = calibration.fit(p, np.array([0.0, 1.0, 1.0] * 30), "sigmoid")
    mended = calibrated(p, fitted)
    assert np.isfinite(mended).all()
    assert all(a <= b + 1e-12 for a, b in pairwise(sorted(mended[2])))
