"""What every candidate keeps to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.inputs import Inputs
from runner.bundle.models import Model, loader
from runner.core.registry import part
from runner.features.matrices import Matrix
from runner.testing.made import explained, rows
from runner.training.engine import predicted
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec

COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "size": {"type": "float", "min": 0, "max": 10},
    "gap": {"type": "float", "nullable": True, "min": -5, "max": 5},
    "count": {"type": "int", "min": 0, "max": 6},
    "home": {"type": "string", "nullable": True, "allowed": ["rent", "own", "other"]},
}


class CandidateContract:
    """Subclass it as `class TestMine(CandidateContract)` and set `spec`; a candidate that learns several tasks gets one class each.

    task: what is learned; n_classes: labels, 1 for regression; columns: of the made-up rows, as under `data.columns`.
    """

    spec: CandidateSpec
    task: str = "binary"
    n_classes: int = 2
    columns: Mapping[str, Mapping[str, Any]] = COLUMNS

    def matrix(self, inputs: Inputs, n: int, seed: int) -> Matrix:
        """Rows whose outcome depends on their first column, ready to fit."""
        made = rows(self.columns, n, seed)
        first = made[next(iter(self.columns))].cast(pl.Float64).fill_null(0.0).to_numpy()
        told = first + np.random.default_rng(seed).normal(0.0, max(float(first.std()), 1e-9), len(first))
        ends = np.quantile(told, np.linspace(0, 1, self.n_classes + 1)[1:-1])
        outcome = told if self.task == "regression" else np.searchsorted(ends, told).astype(float)
        return Matrix(made, inputs.matrix(made), outcome)

    def inputs(self) -> Inputs:
        """The inputs of the declared columns."""
        kinds = {"string": "categorical"}
        features = [{"name": name, "kind": kinds.get(column["type"], "numeric")} for name, column in self.columns.items()]
        return Inputs.learn(rows(self.columns, 200, 5), features)

    def given(self, seed: int = 3) -> Fit:
        """One fit with the declared settings."""
        inputs = self.inputs()
        train, valid = self.matrix(inputs, 300, 0), self.matrix(inputs, 80, 1)
        return Fit(self.task, self.n_classes, inputs, train, valid, self.spec.defaults(), None, {}, seed, 1)

    def fit(self, given: Fit) -> Fitted:
        """The candidate fitted as in a fold."""
        fitted: Fitted = part("candidate", self.spec.kind)(self.spec, given)
        return fitted

    def test_explains_itself(self) -> None:
        assert explained(type(self.spec)) == []

    def test_every_setting_that_is_searched_is_declared_inside_its_range(self) -> None:
        for name, value in self.spec.defaults().items():
            assert self.spec.space[name].low <= value <= self.spec.space[name].high, name

    def test_every_setting_of_its_portfolio_may_be_declared(self) -> None:
        for entry in self.spec.portfolio:
            type(self.spec).model_validate({**self.spec.model_dump(), **entry})

    def test_its_work_is_a_number_of_seconds(self) -> None:
        assert 0.0 < self.spec.work(self.spec.defaults(), 1000, 10, self.n_classes, 100) < np.inf

    def test_predicts_one_line_for_every_row(self) -> None:
        given = self.given()
        found = predicted(self.fit(given).model, self.matrix(given.inputs, 50, 2))
        assert found.shape == (50, self.n_classes if self.task != "regression" else 1)
        assert np.isfinite(found).all()

    def test_probabilities_are_shares_of_one(self) -> None:
        if self.task == "regression":
            return
        given = self.given()
        found = predicted(self.fit(given).model, self.matrix(given.inputs, 50, 2))
        assert (found >= 0).all()
        assert np.allclose(found.sum(axis=1), 1.0)

    def test_learns_what_its_first_column_tells(self) -> None:
        given = self.given()
        later = self.matrix(given.inputs, 400, 2)
        found = predicted(self.fit(given).model, later)
        if self.task == "regression":
            assert np.mean((found[:, 0] - later.outcome) ** 2) < later.outcome.var()
            return
        own = found[np.arange(len(found)), later.outcome.astype(int)]
        assert -np.mean(np.log(np.clip(own, 1e-15, 1.0))) < np.log(self.n_classes)

    def test_the_same_seed_gives_the_same(self) -> None:
        later = self.matrix(self.inputs(), 50, 2)
        one, two = (predicted(self.fit(self.given()).model, later) for _ in range(2))
        assert np.array_equal(one, two)

    def test_gives_one_row_alone_what_it_gives_in_a_batch(self) -> None:
        given = self.given()
        model, made = self.fit(given).model, rows(self.columns, 12, 4)
        alone = np.concatenate([model.predict(made[i]) for i in range(made.height)])
        assert np.allclose(alone, model.predict(made), rtol=1e-9, atol=1e-12)

    def test_survives_no_rows_rows_without_values_and_unknown_levels(self) -> None:
        given = self.given()
        model, made = self.fit(given).model, rows(self.columns, 3, 4)
        assert model.predict(made.clear()).shape[0] == 0
        empty = made.select(pl.lit(None, dtype).alias(name) for name, dtype in made.schema.items())
        strange = made.with_columns(pl.lit("never seen").alias(name) for name, dtype in made.schema.items() if dtype == pl.String)
        assert np.isfinite(model.predict(empty)).all()
        assert np.isfinite(model.predict(strange)).all()

    def test_survives_a_fold_without_one_of_the_classes(self) -> None:
        # The folds of a binary task always have both labels; of several, one may be missing.
        if self.n_classes < 3:
            return
        given = self.given()
        kept = np.flatnonzero(given.train.outcome > 0)
        lacking = Matrix(given.train.rows[kept], given.train.values[kept], given.train.outcome[kept])
        found = predicted(self.fit(Fit(**{**given.__dict__, "train": lacking})).model, self.matrix(given.inputs, 20, 2))
        assert found.shape == (20, self.n_classes)
        assert np.isfinite(found).all()

    def test_lets_rows_count_as_they_are_weighed_where_it_says_that_it_weighs(self) -> None:
        given, later = self.given(), self.matrix(self.inputs(), 200, 2)
        last = given.train.outcome >= np.quantile(given.train.outcome, 0.7)
        weighed = Fit(**{**given.__dict__, "train": replace(given.train, weights=np.where(last, 5.0, 1.0))})
        plain, pulled = (predicted(self.fit(fit).model, later)[:, -1].mean() for fit in (given, weighed))
        assert pulled > plain if self.spec.weighs else pulled == plain

    def test_refits_on_all_rows_for_as_long_as_the_folds_took(self) -> None:
        given = self.given()
        rounds = self.fit(given).rounds
        again = self.fit(Fit(**{**given.__dict__, "valid": None, "rounds": rounds}))
        assert again.rounds == rounds

    def test_comes_back_from_disk_the_same(self) -> None:
        model, made = self.fit(self.given()).model, rows(self.columns, 50, 4)
        with TemporaryDirectory() as folder:
            described = json.loads(json.dumps(model.save(Path(folder)), allow_nan=False))
            read: Model = loader(described["family"])(described, Path(folder))
            assert np.array_equal(read.predict(made), model.predict(made))
