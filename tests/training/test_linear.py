"""Linear models: their solver, what they take of memory and time, and how they are ended."""

from __future__ import annotations

import dataclasses
import tracemalloc
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.contracts.test_candidates import TASKS, fit_of
from tests.training.test_families import fitted

from runner.bundle.inputs import Inputs
from runner.bundle.models.linear import Design
from runner.core.registry import kinds
from runner.features.matrices import Matrix
from runner.training.budget.clock import EndedError
from runner.training.models import blocks, linear
from runner.training.models.blocks import Blocks
from runner.training.models.elastic_net import Fitting, Loss, Penalty, log_loss, minimised, softmax_loss, squares
from runner.training.models.fitting import Fit


def on() -> None:
    """Nothing ends the fit."""


def text(rows: int, columns: int, levels: int, task: str = "binary") -> Fit:
    """A table of text alone, whose levels pull the outcome."""
    draw = np.random.default_rng(3)
    codes = draw.integers(0, levels, (rows, columns))
    pull = draw.normal(size=(columns, levels))[np.arange(columns), codes].sum(axis=1) + draw.normal(size=rows)
    outcome = pull if task == "regression" else (pull > 0).astype(float)
    inputs = Inputs((), {f"c{i}": tuple(f"{level:04d}" for level in range(levels)) for i in range(columns)})
    matrix = Matrix(pl.DataFrame({"unused": np.zeros(rows)}), codes.astype(float), outcome)
    return Fit(task, TASKS[task], inputs, matrix, None, {}, None, {}, 1, 1)


class TestBlocks:
    """The design in blocks of rows is the same design."""

    @pytest.fixture(params=[1, 4, 1000], ids=lambda rows: f"blocks of {rows}")
    def each(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
        for name in ("FEWEST", "MOST"):
            monkeypatch.setattr(blocks, name, request.param)
        return int(request.param)

    @pytest.mark.parametrize("kept", ["numbers and text", "numbers", "text"])
    @pytest.mark.parametrize("most_levels", [None, 4])
    def test_its_products_are_those_of_all_columns(self, each: int, kept: str, most_levels: int | None) -> None:
        draw = np.random.default_rng(0)
        inputs = Inputs(("x", "y") if kept != "text" else (), {"home": ("a", "b", "c"), "town": tuple("pqrst")} if kept != "numbers" else {})
        codes = [draw.integers(0, len(levels), 10).astype(float) for levels in inputs.categorical.values()]
        matrix = np.column_stack([*draw.normal(size=(len(inputs.numeric), 10)), *codes])
        matrix[draw.random(matrix.shape) < 0.2] = np.nan
        design = Design.learn(inputs, matrix, most_levels)
        columns, found = design.columns(matrix), Blocks.of(design, matrix, 3, on)
        assert len(found.blocks) == -(-10 // each)
        weights, slopes, counts = draw.normal(size=(columns.shape[1], 3)), draw.normal(size=(10, 3)), draw.uniform(0.5, 2.0, 10)
        assert found.raw(weights) == pytest.approx(columns @ weights)
        assert found.gathered(slopes) == pytest.approx(columns.T @ slopes)
        assert found.squares(counts) == pytest.approx(counts @ columns**2)
        some = np.flatnonzero(np.arange(found.width) % 3)
        assert found.products(counts, some, on) == pytest.approx(columns[:, some].T @ (columns[:, some] * counts[:, None]))
        assert found.kernel() == pytest.approx(columns @ columns.T)

    def test_the_size_of_the_blocks_changes_no_fit_but_by_its_last_bits(self, each: int) -> None:
        given = fit_of("multiclass")
        assert fitted("linear", given).model.predict(given.train.rows) == pytest.approx(WHOLE, abs=1e-5)


WHOLE = fitted("linear", fit_of("multiclass")).model.predict(fit_of("multiclass").train.rows)


@pytest.mark.parametrize(("loss", "k"), [(log_loss, 1), (softmax_loss, 3), (squares, 1)])
def test_slopes_are_those_of_the_loss(loss: Any, k: int) -> None:
    draw = np.random.default_rng(1)
    raw, outcome = draw.normal(size=(6, k)) * 3, draw.integers(0, max(2, k), 6).astype(float)
    told: Loss = loss(outcome)
    _, slopes = told(raw.copy(), slice(None))
    for place in range(k):
        moved = [told(raw + way * np.eye(k)[place], slice(None))[0] for way in (1e-6, -1e-6)]
        assert slopes[:, place] == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("penalty", [1e-2, 1.0])
def test_finds_the_optimum_of_scikit_learn(task: str, penalty: float) -> None:
    from sklearn.linear_model import LogisticRegression

    given = fit_of(task)
    model: Any = fitted("linear", given, penalty=penalty).model
    columns = model.design.columns(given.train.values)
    again = LogisticRegression(C=100.0 / penalty / len(columns), max_iter=5000, tol=1e-9).fit(columns, given.train.outcome.astype(int))
    assert model.predict(given.train.rows) == pytest.approx(again.predict_proba(columns), abs=1e-4)


def test_ridge_is_the_same_by_way_of_columns_rows_and_steps() -> None:
    given = fit_of("regression", 60)
    design = Design.learn(given.inputs, given.train.values)
    columns = Blocks.of(design, given.train.values, 1, on)
    counts = np.random.default_rng(1).uniform(0.5, 2.0, columns.rows)
    outcome = given.train.outcome - np.average(given.train.outcome, weights=counts)
    fitting = Fitting(counts, np.zeros(columns.width, int), 2000, 1.0, on)
    dense = design.columns(given.train.values)
    centred = dense - np.average(dense, axis=0, weights=counts)
    expected = np.linalg.solve((centred * counts[:, None]).T @ centred + 0.7 * np.eye(columns.width), (centred * counts[:, None]).T @ outcome)
    for way in (linear._ridge, linear._ridge_of_rows):
        weights, centre = way(columns, outcome, 0.7, fitting)
        assert weights == pytest.approx(expected)
        assert centre == pytest.approx(np.average(dense, axis=0, weights=counts))
    stepwise, _ = minimised(columns, squares(outcome), Penalty(0.7, 0.0), fitting, 1)
    assert stepwise[:, 0] == pytest.approx(expected, abs=1e-3 * np.abs(expected).max())


def test_ridge_that_is_too_large_to_be_solved_at_once_is_solved_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    given = text(400, 4, 20, "regression")
    at_once = fitted("linear", given).model.predict_matrix(given.train.values)
    monkeypatch.setattr(linear, "DIRECT", 10)
    assert fitted("linear", given).model.predict_matrix(given.train.values) == pytest.approx(at_once, abs=1e-3)


class TestEnding:
    @pytest.mark.parametrize("task", sorted(TASKS))
    @pytest.mark.parametrize("l1_share", [0.0, 0.5])
    @pytest.mark.parametrize("monotone", [{}, {"income": 1}])
    def test_a_fit_ends_within_a_look_at_the_rows(self, task: str, l1_share: float, monotone: dict[str, int]) -> None:
        calls = iter(range(1))

        def check() -> None:
            if next(calls, None) is None:
                raise EndedError

        with pytest.raises(EndedError):
            fitted("linear", dataclasses.replace(fit_of(task), check=check, monotone=monotone), l1_share=l1_share)

    def test_looking_at_the_clock_changes_no_fit(self) -> None:
        given = fit_of("multiclass")
        looked = fitted("linear", dataclasses.replace(given, check=on)).model
        assert np.array_equal(looked.predict(given.train.rows), WHOLE)


class TestMemory:
    @pytest.mark.parametrize("task", ["binary", "regression"])
    def test_text_takes_memory_for_its_columns_not_for_its_levels(self, task: str) -> None:
        given = text(20_000, 10, 150, task)
        matrix = given.train.values.nbytes
        tracemalloc.start()
        model = fitted("linear", given, max_iterations=10).model
        model.predict_matrix(given.train.values)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # A column for each level would be 150 times the matrix.
        assert most < 20 * matrix + 8 * 3 * 1500**2 * (task == "regression")

    def test_with_very_many_levels_and_classes_only_the_most_common_levels_get_weights(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(linear, "MOST_WEIGHTS", 60)
        model = fitted("linear", text(400, 4, 20)).model
        assert model.weights.shape == (30, 1)


def test_work_is_that_of_the_matrix_since_levels_cost_nothing_by_themselves() -> None:
    spec = kinds("candidate")["linear"].model_validate({"kind": "linear"})
    assert spec.work({}, 10_000, 20, 2, 0) < spec.work({}, 10_000, 40, 2, 0) < spec.work({}, 10_000, 40, 26, 0)
    assert spec.work({}, 10_000, 40, 2, 0) < spec.work({"l1_share": 0.5}, 10_000, 40, 2, 0)
