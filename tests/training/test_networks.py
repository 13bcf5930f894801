"""Small neural networks: their steps, what they look at, and how they are kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tests.contracts.test_candidates import TASKS, fit_of, made
from tests.training.test_families import fitted, model_of, sane, table

from runner.bundle.models import mlp as mlp_model
from runner.bundle.models.links import LINKS, answered
from runner.bundle.models.mlp import MLPModel, Ranks
from runner.core.registry import kinds
from runner.training.budget.clock import EndedError
from runner.training.models import mlp
from runner.training.models.mlp import MLPSpec, batch_of, bins_of, prepared
from runner.training.models.perceptrons import LATER, Perceptrons

SHAPE = (3, 5, 4)


def loss(networks: Perceptrons, columns: np.ndarray, outcome: np.ndarray, counted: np.ndarray, link: str, decay: float) -> float:
    """Summed over the networks: what a step of theirs goes down on."""
    total = 0.0
    for network in networks.networks():
        raw = network.raw(columns, np.matmul).astype(float)
        if link == "identity":
            each = 0.5 * (raw - outcome)[:, 0] ** 2
        else:
            p = answered(raw, link)
            own = outcome if link == "softmax" else np.hstack([1 - outcome, outcome])
            each = -np.log((p * own).sum(axis=1))
        total += float((each * counted).mean()) + 0.5 * decay / len(columns) * sum(float((w.astype(float) ** 2).sum()) for w in network.weights)
    return total


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_step_follows_the_slopes_of_the_weighted_loss(task: str) -> None:
    draw = np.random.default_rng(0)
    k, link = 3 if task == "multiclass" else 1, LINKS[task]
    columns = draw.normal(size=(12, SHAPE[0])).astype(np.float32)
    outcome = np.eye(3)[draw.integers(0, 3, 12)] if k == 3 else draw.integers(0, 2, (12, 1)).astype(float)
    counted = draw.uniform(0.5, 2.0, 12)
    networks = Perceptrons((*SHAPE, k), 2, link, 0.3, 1e-3, 1)
    before = networks._at.copy()
    networks.step(columns, outcome.astype(np.float32), counted.astype(np.float32))
    found = networks._slope.copy()
    expected = np.zeros_like(found)
    for at in np.ndindex(before.shape):
        ends = []
        for way in (1e-3, -1e-3):
            networks._averaged[...] = before
            networks._averaged[at] += way
            ends.append(loss(networks, columns, outcome, counted, link, 0.3))
        expected[at] = (ends[0] - ends[1]) / 2e-3
    # Where a unit switches between the two points the slope is not one; so nearly all are asked for.
    assert np.mean(np.abs(found - expected) < 2e-3) > 0.97


def test_networks_differ_by_their_start_and_learn_at_once_what_each_would_alone() -> None:
    draw = np.random.default_rng(2)
    columns, outcome = draw.normal(size=(40, 3)).astype(np.float32), draw.normal(size=(40, 1)).astype(np.float32)
    together, one = (Perceptrons((*SHAPE, 1), n, "identity", 0.0, 1e-2, 3) for n in (3, 1))
    one._at[...] = together._at[1:2]
    for _ in range(20):
        together.step(columns, outcome, None)
        one.step(columns, outcome, None)
    assert not np.allclose(together._at[0], together._at[1])
    assert np.allclose(together._at[1], one._at[0], rtol=1e-4, atol=1e-5)


def test_the_weights_are_averaged_over_the_steps_later_ones_counting_for_more() -> None:
    draw = np.random.default_rng(3)
    columns, outcome = draw.normal(size=(40, 3)).astype(np.float32), draw.normal(size=(40, 1)).astype(np.float32)
    networks = Perceptrons((*SHAPE, 1), 1, "identity", 0.0, 1e-2, 3)
    passed = []
    for _ in range(30):
        networks.step(columns, outcome, None)
        passed.append(networks._at[0].astype(float))
    # Moving towards step t, from 1 on, by 9 / (t + 8) of the way weighs it with t (t + 1) ... (t + 7).
    weights = np.array([np.prod(np.arange(t + 1, t + LATER + 1, dtype=float)) for t in range(30)])
    expected = (weights[:, None] * np.array(passed)).sum(axis=0) / weights.sum()
    kept = np.concatenate([part.ravel() for layer in zip(networks.networks()[0].weights, networks.networks()[0].offsets, strict=True) for part in layer])
    assert np.allclose(kept, expected, atol=1e-5)


def test_ranks_in_parts_grow_one_after_the_other() -> None:
    ranks = Ranks(np.array([0.0, 10.0]), np.array([0.0, 1.0]), np.array([2]), 4)
    found = ranks.columns(np.array([[-5.0], [0.0], [5.0], [6.25], [10.0], [99.0]]))
    lowest, highest = [-1.0] * 4, [1.0] * 4
    assert found.tolist() == [lowest, lowest, [1.0, 1.0, -1.0, -1.0], [1.0, 1.0, 0.0, -1.0], highest, highest]


def test_wide_tables_see_fewer_parts_of_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = MLPSpec(kind="mlp", bins=6)
    assert [bins_of(spec, rows, 10) for rows in (1_000, 1_000_000, 10_000_000)] == [6, 3, 0]
    assert bins_of(MLPSpec(kind="mlp", bins=1), 100, 1) == 0
    values = np.random.default_rng(8).normal(size=(400, 3))
    monkeypatch.setattr(mlp, "MOST_VALUES", 2 * 300 * 3)
    model = fitted("mlp", table(values, values[:, 1], "regression", 1, 100), bins=5, max_iterations=3).model
    assert isinstance(model, MLPModel)
    assert model.prepared.ranks.bins == 2


def test_networks_that_see_parts_of_ranks_are_kept_and_explained(tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    values = draw.normal(size=(600, 3))
    model = fitted("mlp", table(values, np.floor(2 * values[:, 1]), "regression", 1, 100), bins=5).model
    assert isinstance(model, MLPModel)
    again = mlp_model.load(model.save(tmp_path), tmp_path)
    assert np.array_equal(again.predict_matrix(values), model.predict_matrix(values))
    shares = model.importance(values).shares
    assert max(shares, key=lambda name: shares[name]) == model.prepared.design.inputs.names[1]


def test_a_number_is_seen_as_its_rank_and_what_many_rows_have_stands_in_their_middle() -> None:
    values = np.concatenate([np.zeros(50), np.exp(np.random.default_rng(4).normal(size=150) * 3)])
    given = table(np.column_stack([values, values]), values, "regression", 1, 20)
    found = prepared(given, given.train.values, np.array([True, True])).ranks.columns(np.array([[0.0, 0.0], [1e9, -1e9]]))
    assert found[0, 0] == pytest.approx(-1.15, abs=0.1)  # the normal score of an eighth
    assert found[1, 0] > 2.0
    assert found[1, 1] == found[0, 1]


def test_ranks_of_no_columns_are_none() -> None:
    assert Ranks(np.zeros(0), np.zeros(0), np.zeros(0, int)).columns(np.zeros((3, 0))).shape == (3, 0)


def test_a_feature_with_a_declared_direction_is_not_looked_at() -> None:
    rows = made(30, 4)
    model = fitted("mlp", dataclasses.replace(fit_of("binary"), monotone={"income": 1})).model
    moved = rows.with_columns(income=rows["income"] + 100.0)
    assert np.array_equal(model.predict(rows), model.predict(moved))
    assert not np.array_equal(model_of("mlp", "binary").predict(rows), model_of("mlp", "binary").predict(moved))


def test_the_kept_epoch_is_the_best_on_the_validation_rows() -> None:
    given = fit_of("binary")
    best = fitted("mlp", given).rounds
    assert best is not None
    longer = fitted("mlp", given, patience=1000, max_iterations=best + 30)
    assert longer.rounds is not None
    assert longer.rounds >= best
    same = fitted("mlp", dataclasses.replace(given, rounds=best, valid=None))
    assert same.rounds == best
    assert np.array_equal(same.model.predict(made(20, 7)), fitted("mlp", given).model.predict(made(20, 7)))


def test_larger_tables_are_drawn_from() -> None:
    draw = np.random.default_rng(5)
    values = draw.normal(size=(3000, 2))
    given = table(values, values[:, 0], "regression", 1, 500)
    few = fitted("mlp", given, max_rows=200, max_iterations=5)
    assert isinstance(few.model, MLPModel)
    assert np.isfinite(few.model.predict_matrix(values)).all()


def test_a_fit_ends_between_two_steps() -> None:
    calls = iter(range(5))

    def check() -> None:
        if next(calls, None) is None:
            raise EndedError

    with pytest.raises(EndedError):
        fitted("mlp", dataclasses.replace(fit_of("binary"), check=check))


def test_only_the_most_common_levels_have_columns_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mlp, "MOST_LEVELS", 4)
    given, rows = fit_of("binary"), made(40, 8)
    model = fitted("mlp", given).model
    assert model.prepared.design.kept is not None
    assert sum(len(own) for own in model.prepared.design.kept) == 4
    again = mlp_model.load(model.save(tmp_path), tmp_path)
    assert np.array_equal(again.predict(rows), model.predict(rows))


def test_outliers_beyond_all_measure_do_not_break_a_fit() -> None:
    draw = np.random.default_rng(6)
    values = draw.normal(size=(300, 2))
    outcome = values[:, 0].copy()
    outcome[7] = 1e30
    values[3, 1] = 1e30
    given = table(values, outcome, "regression", 1, 60)
    sane(fitted("mlp", given), given)


def test_work_grows_with_rows_columns_and_rounds() -> None:
    spec = kinds("candidate")["mlp"].model_validate({"kind": "mlp"})
    base = spec.work({}, 1000, 10, 2, 20)
    assert base < spec.work({}, 10_000, 10, 2, 20) < spec.work({}, 10_000, 100, 2, 20) < spec.work({}, 10_000, 100, 2, 40)
    assert batch_of(100) == 64
    assert batch_of(10_000_000) == 1024
