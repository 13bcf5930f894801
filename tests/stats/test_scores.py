"""The scores are the field's: the same numbers as scikit-learn gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn import metrics

from runner.stats.scores import auc_interval, score_intervals

N = 400


def classes(k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """(n,) positions, (n, k) probabilities with ties, labels."""
    draw = np.random.default_rng(seed)
    raw = draw.normal(0, 1, (N, k)).round(1)
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    at = (p.cumsum(axis=1) < draw.random((N, 1))).sum(axis=1)
    return at, p, ["no", "yes", "perhaps"][:k]


def found(at: np.ndarray, p: np.ndarray, labels: list[str], positive: str | None) -> dict[str, dict[str, float]]:
    task = "binary" if len(labels) == 2 else "multiclass"
    return score_intervals(task, pl.Series(np.array(labels)[at]), p, labels, positive, 0.95, 200, 1)


def test_binary_scores_are_those_of_scikit_learn() -> None:
    at, p, labels = classes(2)
    scores = found(at, p, labels, "yes")
    assert set(scores) == {"log_loss", "brier", "accuracy", "roc_auc"}
    assert scores["log_loss"]["value"] == pytest.approx(metrics.log_loss(at, p))
    assert scores["brier"]["value"] == pytest.approx(metrics.brier_score_loss(at, p[:, 1]))
    assert scores["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(at, p.argmax(axis=1)))
    assert scores["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(at, p[:, 1]))


def test_the_positive_label_may_stand_first() -> None:
    at, p, labels = classes(2)
    assert found(at, p, labels, "no")["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(at == 0, p[:, 0]))


def test_multiclass_scores_are_those_of_scikit_learn() -> None:
    at, p, labels = classes(3)
    scores = found(at, p, labels, None)
    assert set(scores) == {"log_loss", "brier", "accuracy"}
    assert scores["log_loss"]["value"] == pytest.approx(metrics.log_loss(at, p))
    assert scores["brier"]["value"] == pytest.approx(((p - np.eye(3)[at]) ** 2).sum(axis=1).mean())
    assert scores["accuracy"]["value"] == pytest.approx(metrics.accuracy_score(at, p.argmax(axis=1)))


def test_regression_scores_are_those_of_scikit_learn() -> None:
    draw = np.random.default_rng(1)
    actual = draw.normal(50, 10, N)
    predicted = actual + draw.normal(1, 4, N)
    scores = score_intervals("regression", pl.Series(actual), predicted.reshape(-1, 1), [], None, 0.95, 500, 1)
    assert scores["rmse"]["value"] == pytest.approx(metrics.root_mean_squared_error(actual, predicted))
    assert scores["mae"]["value"] == pytest.approx(metrics.mean_absolute_error(actual, predicted))
    assert scores["r2"]["value"] == pytest.approx(metrics.r2_score(actual, predicted))
    for score in scores.values():
        assert score["low"] < score["value"] < score["high"]


def test_a_large_target_far_from_nought_keeps_its_r2() -> None:
    draw = np.random.default_rng(1)
    actual = 1e9 + draw.normal(0, 10, N)
    predicted = actual + draw.normal(0, 4, N)
    r2 = score_intervals("regression", pl.Series(actual), predicted.reshape(-1, 1), [], None, 0.95, 200, 1)["r2"]
    assert r2["value"] == pytest.approx(metrics.r2_score(actual, predicted), abs=1e-6)
    assert 0.7 < r2["low"] < r2["value"] < r2["high"] < 0.95


def test_a_target_that_never_varies_has_no_r2() -> None:
    scores = score_intervals("regression", pl.Series(np.full(9, 5.0)), np.full((9, 1), 1e6), [], None, 0.95, 200, 1)
    assert (scores["r2"]["value"], scores["r2"]["why"]) == (None, "the target never varies")
    assert scores["mae"]["value"] == pytest.approx(1e6 - 5)


def test_every_end_is_a_number_where_the_target_hardly_varies() -> None:
    actual = np.array([5.0] * 19 + [6.0])
    scores = score_intervals("regression", pl.Series(actual), np.full((20, 1), 1e8), [], None, 0.95, 500, 1)
    assert all(np.isfinite([score["low"], score["value"], score["high"]]).all() for score in scores.values())


def test_a_certain_error_costs_much_but_not_everything() -> None:
    at, p, labels = np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), ["no", "yes"]
    assert found(at, p, labels, "yes")["log_loss"]["value"] == pytest.approx(-np.log(1e-15) / 2)


def test_the_auc_interval_covers_as_often_as_promised() -> None:
    hits, worlds = 0, 400
    true = 0.7602499389065233  # P(N(1, 1) > N(0, 1)), the standard normal distribution function at 1 / sqrt(2)
    for world in range(worlds):
        draw = np.random.default_rng(world)
        positive = np.arange(120) < 40
        found_one = auc_interval(positive, draw.normal(0, 1, 120) + positive, 0.9)
        hits += found_one["low"] <= true <= found_one["high"]
    assert 0.855 <= hits / worlds <= 0.945


def test_an_auc_of_hardly_any_positives_is_unknown() -> None:
    one = auc_interval(np.array([True, False, False]), np.array([0.1, 0.2, 0.3]), 0.95)
    assert (one["value"], one["low"], one["why"]) == (None, None, "1 positive and 2 negative rows")


def test_a_score_that_says_nothing_has_half_the_area() -> None:
    same = auc_interval(np.arange(20) < 10, np.zeros(20), 0.95)
    assert (same["value"], same["low"], same["high"]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("n", [0, 1])
def test_scores_of_hardly_any_rows_have_no_interval(n: int) -> None:
    numbers = score_intervals("regression", pl.Series(np.arange(float(n))), np.zeros((n, 1)), [], None, 0.95, 200, 1)
    labels = score_intervals("binary", pl.Series(["no"] * n, dtype=pl.String), np.full((n, 2), 0.5), ["no", "yes"], "yes", 0.95, 200, 1)
    assert all(score["low"] is None and "why" in score for score in (*numbers.values(), *labels.values()))


def test_the_area_is_less_sure_where_rows_belong_together() -> None:
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 10)
    score = draw.normal(0, 1, 60)[group] + draw.normal(0, 0.2, 600)
    positive = score + draw.normal(0, 1.5, 60)[group] > 0
    alone, together, single = (auc_interval(positive, score, 0.95, groups) for groups in (None, group, np.arange(600)))
    assert alone["value"] == together["value"]
    assert together["high"] - together["low"] > 1.8 * (alone["high"] - alone["low"])
    assert single["high"] - single["low"] == pytest.approx(alone["high"] - alone["low"], rel=0.01)
