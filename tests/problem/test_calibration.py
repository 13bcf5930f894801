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


def right(seed: int, k: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same with the odds as they are."""
    given, outcome, fold = overconfident(seed, k)
    true = given ** (1 / 3)
    return true / true.sum(axis=1, keepdims=True), outcome, fold


FOR_TWO = ["sigmoid", "isotonic", "beta", "temperature", "auto"]
FOR_MORE = ["temperature", "vector", "sigmoid_per_class", "isotonic_per_class", "beta_per_class", "auto"]
CASES = [*((2, kind) for kind in FOR_TWO), (3, "sigmoid"), (4, "isotonic"), *((3, kind) for kind in FOR_MORE)]


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_log_loss_improves_on_rows_that_were_not_fitted_on(k: int, kind: str) -> None:
    (p, outcome, _), (later, later_outcome, _) = overconfident(1, k), overconfident(2, k)
    mended = calibrated(later, calibration.calibrate(p, outcome, np.arange(N) % FOLDS, kind).shipped)
    assert np.allclose(mended.sum(axis=1), 1.0)
    assert loss_of(mended, later_outcome, "binary") < 0.8 * loss_of(later, later_outcome, "binary")


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_probabilities_that_are_right_lose_no_more_than_the_noise_of_what_was_fitted(k: int, kind: str) -> None:
    (p, outcome, _), (later, later_outcome, _) = right(1, k), right(2, k)
    mended = calibrated(later, calibration.calibrate(p, outcome, np.arange(N) % FOLDS, kind).shipped)
    # An isotonic curve of N rows has some N^(1/3) steps, each of which costs about 1 / 2N; k curves in a row have more.
    noise = (k if k > 2 else 1) * N ** (1 / 3) / N
    assert loss_of(mended, later_outcome, "binary") < loss_of(later, later_outcome, "binary") + noise


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_a_fold_is_calibrated_by_the_others_alone(k: int, kind: str) -> None:
    p, outcome, fold = overconfident(3, k)
    before = calibration.cross_fitted(p, outcome, fold, kind)
    turned = np.where(fold == 1, (outcome + 1) % k, outcome)
    after = calibration.cross_fitted(p, turned, fold, kind)
    assert np.array_equal(before[fold == 1], after[fold == 1])
    assert not np.array_equal(before[fold != 1], after[fold != 1])


@pytest.mark.parametrize("kind", FOR_TWO)
def test_a_binary_ranking_is_never_turned_around(kind: str) -> None:
    p, outcome, _ = overconfident(4)
    for actual in (outcome, 1 - outcome, np.random.default_rng(0).permutation(outcome)):
        mended = calibrated(p, calibration.calibrate(p, actual, np.arange(N) % FOLDS, kind).shipped)
        assert (np.diff(mended[np.argsort(p[:, 1], kind="stable"), 1]) >= 0).all()


@pytest.mark.parametrize("k", [3, 4])
def test_the_most_likely_class_stays_the_most_likely(k: int) -> None:
    p, outcome, _ = overconfident(5, k)
    for actual in (outcome, np.random.default_rng(0).permutation(outcome)):
        assert np.array_equal(calibrated(p, calibration.fit(p, actual, "sigmoid")).argmax(axis=1), p.argmax(axis=1))


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic", "beta", "temperature"])
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
    for kind in FOR_MORE[:-1]:
        mended = calibrated(p, calibration.fit(p, np.array([0.0, 1.0, 1.0] * 30), kind))
        assert np.isfinite(mended).all()
        assert np.allclose(mended.sum(axis=1), 1.0)
    mended = calibrated(p, calibration.fit(p, np.array([0.0, 1.0, 1.0] * 30), "sigmoid"))
    assert all(a <= b + 1e-12 for a, b in pairwise(sorted(mended[2])))


def stepped(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores whose true share jumps once: no slope and offset mend them."""
    draw = np.random.default_rng(seed)
    score = draw.uniform(0.02, 0.98, N)
    outcome = (draw.random(N) < np.where(score < 0.5, 0.4, 0.97)).astype(float)
    return np.column_stack([1 - score, score]), outcome, draw.integers(0, FOLDS, N)


def test_auto_takes_the_simplest_kind_that_does_the_work() -> None:
    assert calibration.choose(*right(3)).kind == "none"
    assert calibration.choose(*overconfident(3)).kind == "temperature"
    assert calibration.choose(*right(3, 3)).kind == "none"
    assert calibration.choose(*overconfident(3, 3)).kind == "temperature"
    shifted, outcome, fold = right(4)
    odds = np.column_stack([shifted[:, 0], 5 * shifted[:, 1]])
    assert calibration.choose(odds / odds.sum(axis=1, keepdims=True), outcome, fold).kind == "sigmoid"
    assert calibration.choose(*stepped(3)).kind == "isotonic"


def test_auto_tells_what_every_kind_scored() -> None:
    p, outcome, fold = overconfident(7)
    report = calibration.calibrate(p, outcome, fold, "auto").report
    assert [s["kind"] for s in report["scores"]] == ["none", "temperature", "sigmoid", "beta", "isotonic"]
    best = min(report["scores"], key=lambda s: s["log_loss"])
    assert best["behind"] == 0.0
    chosen = next(s for s in report["scores"] if s["kind"] == report["kind"])
    assert chosen["behind"] <= chosen["se"]
    assert report["scores"][0]["log_loss"] == pytest.approx(loss_of(p, outcome, "binary"))


def test_rows_that_belong_together_count_as_one_when_kinds_are_compared() -> None:
    p, outcome, fold = overconfident(8)
    copies = [np.repeat(a, 5, axis=0) for a in (p, outcome, fold)]
    once = calibration.calibrate(p, outcome, fold, "sigmoid").report["scores"][0]
    apart = calibration.calibrate(*copies, "sigmoid").report["scores"][0]
    together = calibration.calibrate(*copies, "sigmoid", groups=np.repeat(np.arange(N), 5)).report["scores"][0]
    assert together["se"] == pytest.approx(once["se"], rel=0.02)
    assert apart["se"] < 0.6 * once["se"]


@pytest.mark.parametrize("kind", [*FOR_TWO, *FOR_MORE])
@pytest.mark.parametrize("k", [2, 3])
def test_few_rows_and_scores_that_never_vary_give_probabilities(kind: str, k: int) -> None:
    for n in (1, 2, 5):
        for p in (np.full((n, k), 1 / k), np.eye(k)[np.arange(n) % k]):
            for outcome in (np.zeros(n), np.arange(n) % 2.0, np.arange(n) % k * 1.0):
                found = calibration.calibrate(p, outcome, np.arange(n) % 2, kind)
                for mended in (found.p, calibrated(p, found.shipped)):
                    assert np.isfinite(mended).all()
                    assert np.allclose(mended.sum(axis=1), 1.0)


def test_a_class_that_is_missing_from_a_fold_is_survived() -> None:
    p, outcome, fold = overconfident(9, 3)
    fold = np.where(outcome == 2, 0, fold)
    for kind in FOR_MORE:
        mended = calibration.cross_fitted(p, outcome, fold, kind)
        assert np.isfinite(mended).all()
        assert np.allclose(mended.sum(axis=1), 1.0)


def test_many_classes_are_chosen_for_in_one_temperature_or_none() -> None:
    p, outcome, fold = overconfident(10, 30)
    assert [s["kind"] for s in calibration.calibrate(p, outcome, fold, "auto").report["scores"]] == ["none", "temperature"]


@pytest.mark.parametrize("kind", ["none", "temperature", "vector", "sigmoid_per_class"])
def test_shares_are_restored_whatever_the_kind(kind: str) -> None:
    p, outcome, _ = right(11, 3)
    balanced = p * np.array([1.0, 4.0, 9.0])
    balanced /= balanced.sum(axis=1, keepdims=True)
    mended = calibrated(balanced, calibration.fit(balanced, outcome, kind, restore=True))
    assert np.allclose(mended.mean(axis=0), np.bincount(outcome.astype(int)) / N, atol=0.01)


@pytest.mark.parametrize(("k", "kind"), CASES)
def test_a_row_alone_gets_the_bytes_that_it_gets_among_others(k: int, kind: str) -> None:
    p, outcome, fold = overconfident(12, k)
    shipped = calibration.calibrate(p, outcome, fold, kind).shipped
    together = calibrated(p[:200], shipped)
    assert np.array_equal(together, np.concatenate([calibrated(p[i : i + 1], shipped) for i in range(200)]))
