"""The families of candidates: what each promises beyond the laws that all of them keep."""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.contracts.test_candidates import TASKS, fit_of, made, outcome_of, spec_of

from runner.bundle.importance import said
from runner.bundle.inputs import Inputs
from runner.bundle.models.additive import AdditiveModel
from runner.bundle.models.constant import ConstantModel
from runner.bundle.models.forest import ForestModel
from runner.bundle.models.linear import LinearModel
from runner.bundle.models.tree import TreeModel, encoded
from runner.core.registry import kinds, part
from runner.features.matrices import Matrix
from runner.report.parts import Figures, Folded
from runner.training.models import gentle
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec
from runner.training.readings import readings
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the kinds

# What is made of other candidates has tests of its own.
LEARNING = sorted(k for k, spec in kinds("candidate").items() if k not in ("constant", "rule") and not (spec.composes or spec.derives))
TREES = ("forest", "extra_trees")


def fitted(kind: str, given: Fit, **params: Any) -> Fitted:
    spec = spec_of(kind)
    found: Fitted = part("candidate", kind)(spec, dataclasses.replace(given, params={**spec.defaults(), **params}))
    return found


@cache
def model_of(kind: str, task: str) -> Any:
    return fitted(kind, fit_of(task)).model


def table(values: np.ndarray, outcome: np.ndarray, task: str, n_classes: int, later: int) -> Fit:
    """A fit on bare numbers; the last rows are the validation rows."""
    rows = pl.DataFrame({f"x{i}": column for i, column in enumerate(values.T)})
    inputs = Inputs(tuple(rows.columns), {})
    cut = len(rows) - later
    train, valid = (Matrix(rows[at], np.ascontiguousarray(values[at]), outcome[at]) for at in (slice(0, cut), slice(cut, None)))
    return Fit(task, n_classes, inputs, train, valid, {}, None, {}, 5, 1)


def sane(fit: Fitted, given: Fit) -> np.ndarray:
    """The predictions of the validation rows: finite, and shares of one where there are classes."""
    assert given.valid is not None
    p = fit.model.predict(given.valid.rows)
    assert p.shape == (len(given.valid.values), given.n_classes)
    assert np.isfinite(p).all()
    if given.task != "regression":
        assert (p >= 0).all()
        assert np.allclose(p.sum(axis=1), 1.0, atol=1e-9)
    return np.asarray(p)


def classes_of(task: str) -> int:
    return TASKS[task]


class TestWhatEveryFamilyTellsTheEngine:
    @pytest.mark.parametrize("kind", LEARNING)
    def test_each_setting_of_a_portfolio_is_one_that_may_be_declared(self, kind: str) -> None:
        spec = spec_of(kind)
        for entry in spec.portfolio:
            type(spec).model_validate({**spec.model_dump(exclude={"kind"}), "kind": kind, **entry})
        assert len({str(sorted(entry.items())) for entry in spec.portfolio}) == len(spec.portfolio)

    @pytest.mark.parametrize("kind", LEARNING)
    def test_a_portfolio_is_fitted_as_its_settings_say(self, kind: str) -> None:
        given, spec = fit_of("binary"), spec_of(kind)
        for entry in spec.portfolio[:2]:
            quick = {name: value for name, value in entry.items() if name not in ("learning_rate", "max_iterations")}
            declared = spec.model_copy(update=quick)
            laid = part("candidate", kind)(spec, dataclasses.replace(given, params={**spec.defaults(), **quick}))
            itself = part("candidate", kind)(declared, dataclasses.replace(given, params=declared.defaults()))
            assert np.array_equal(laid.model.predict(given.train.rows), itself.model.predict(given.train.rows))

    @pytest.mark.parametrize("kind", LEARNING)
    def test_work_grows_with_rows_columns_classes_and_rounds(self, kind: str) -> None:
        spec = spec_of(kind)
        least = spec.work(spec.defaults(), 1000, 10, 3, 50)
        assert 0 < least < 60
        assert spec.work(spec.defaults(), 8000, 10, 3, 50) > least
        assert spec.work(spec.defaults(), 1000, 80, 3, 50) > least
        assert spec.work(spec.defaults(), 1000, 10, 9, 50) > least
        assert spec.work(spec.defaults(), 1000, 10, 3, 500) >= least

    def test_only_families_that_can_be_read_stand_where_the_problem_demands_it(self) -> None:
        assert {kind for kind, spec in kinds("candidate").items() if issubclass(spec, CandidateSpec) and spec.interpretable} >= {"linear", "tree", "additive"}
        assert {kind for kind in LEARNING if spec_of(kind).interpretable} == {"linear", "tree", "additive"}

    @pytest.mark.parametrize("kind", [k for k in LEARNING if k != "catboost"])
    def test_threads_change_no_prediction(self, kind: str) -> None:
        given = fit_of("binary")
        two = fitted(kind, dataclasses.replace(given, threads=2)).model.predict(given.train.rows)
        assert np.array_equal(two, model_of(kind, "binary").predict(given.train.rows))


class TestTree:
    def test_reads_as_rules_that_give_its_own_predictions(self) -> None:
        given, model = fit_of("binary"), model_of("tree", "binary")
        assert isinstance(model, TreeModel)
        rules = model.rules()
        assert 2 <= len(rules) <= 16
        assert sum(rule["weight"] for rule in rules) == len(given.train.outcome)
        answers = {tuple(rule["then"]) for rule in rules}
        assert {tuple(p) for p in model.predict(given.train.rows).tolist()} == answers

    def test_names_levels_and_numbers_in_its_rules(self, tmp_path: Path) -> None:
        written = model_of("tree", "binary").save(tmp_path)
        told = " ".join(condition for rule in written["rules"] for condition in rule["if"])
        assert "income <= " in told
        assert "income > " in told

    def test_parts_levels_by_their_outcomes_not_by_their_names(self) -> None:
        draw = np.random.default_rng(0)
        home = draw.integers(0, 6, 600)
        rows = pl.DataFrame({"home": [f"h{h}" for h in home]})
        inputs = Inputs.learn(rows, [{"name": "home", "kind": "categorical"}])
        outcome = (home % 2 == 0).astype(float)
        given = Fit("binary", 2, inputs, Matrix(rows, inputs.matrix(rows), outcome), None, {}, None, {}, 1, 1)
        model = fitted("tree", given, depth=1).model
        assert [rule["if"][0].removesuffix(" or missing") for rule in model.rules()] == ["home in (h1, h3, h5)", "home in (h0, h2, h4)"]


class TestAdditive:
    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_its_tables_add_up_to_what_was_boosted(self, task: str) -> None:
        from runner.training.models import additive, boosting

        given, spec = fit_of(task), spec_of("additive")
        params = {**additive.boosting_params(spec, given)}
        found = boosting.boosted(params, spec.max_iterations, spec.patience, given)
        assert found is not None
        k = 1 if given.n_classes <= 2 else given.n_classes
        seen = given.train.values
        model = fitted("additive", given).model
        assert isinstance(model, AdditiveModel)
        assert np.allclose(model.raw(seen), found.raw(seen, k), atol=1e-9)

    def test_a_cut_that_only_parts_gaps_from_numbers_is_written(self, tmp_path: Path) -> None:
        draw = np.random.default_rng(0)
        values = np.where(draw.random(900) < 0.4, np.nan, draw.integers(0, 3, 900))
        rows = pl.DataFrame({"a": pl.Series(values).fill_nan(None), "b": draw.normal(size=900)})
        inputs = Inputs.learn(rows, [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "numeric"}])
        outcome = np.isnan(values) + 0.1 * draw.normal(size=900)
        given = Fit("regression", 1, inputs, Matrix(rows, inputs.matrix(rows), outcome), None, {}, 30, {}, 1, 1)
        model = fitted("additive", given).model
        assert isfinite(sum(sum(shape.cuts) for shape in model.shapes.values()))
        assert json.loads(json.dumps(model.save(tmp_path), allow_nan=False))["shapes"]["a"]["gap"][0] > 0.3
        assert np.corrcoef(model.predict(rows)[:, 0], outcome)[0, 1] > 0.9

    def test_what_a_feature_adds_does_not_depend_on_the_others(self) -> None:
        rows, model = made(30, 5), model_of("additive", "regression")
        moved = [model.predict(rows.with_columns(income=pl.lit(value)))[:, 0] for value in (20.0, 90.0)]
        assert np.ptp(moved[1] - moved[0]) < 1e-9
        assert np.abs(moved[1] - moved[0]).max() > 0.1

    def test_each_feature_adds_nothing_on_average(self) -> None:
        given, model = fit_of("regression"), model_of("additive", "regression")
        assert model.offsets[0] == pytest.approx(model.raw(given.train.values).mean(), abs=1e-9)

    def test_a_value_that_was_never_missing_adds_nothing_when_it_is(self) -> None:
        model = model_of("additive", "regression")
        assert model.shapes["income"].gap.tolist() == [0.0]


class TestForests:
    @pytest.mark.parametrize("kind", TREES)
    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_answers_as_the_trees_of_the_library_do(self, kind: str, task: str) -> None:
        from sklearn import ensemble

        given, model = fit_of(task), model_of(kind, task)
        assert isinstance(model, ForestModel)
        name = ("RandomForest" if kind == "forest" else "ExtraTrees") + ("Regressor" if task == "regression" else "Classifier")
        spec = spec_of(kind)
        again = getattr(ensemble, name)(
            spec.trees,
            criterion="squared_error" if task == "regression" else "entropy",
            min_samples_leaf=spec.min_data_in_leaf,
            max_features=spec.feature_fraction,
            random_state=given.seed,
        )
        values = encoded(model.inputs, model.places, given.train.values)
        if task == "regression":
            again.fit(values, (given.train.outcome - model.offset) / model.scale, sample_weight=np.ones(len(values)))
            assert np.allclose(model.predict(given.train.rows)[:, 0], model.offset + model.scale * again.predict(values), atol=1e-6)
            return
        again.fit(values, given.train.outcome.astype(int), sample_weight=np.ones(len(values)))
        expected = (spec.trees * again.predict_proba(values) + np.array(model.prior)) / (spec.trees + 1)
        assert np.allclose(model.predict(given.train.rows), expected, atol=1e-6)

    @pytest.mark.parametrize("kind", TREES)
    def test_is_small_on_disk(self, kind: str, tmp_path: Path) -> None:
        given = fit_of("binary", 2000, 3)
        model = fitted(kind, given).model
        model.save(tmp_path)
        leaves = len(model.grove.values)
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 12 * leaves

    def test_grows_fewer_trees_where_there_are_many_classes(self) -> None:
        spec = kinds("candidate")["forest"].model_validate({"kind": "forest"})
        assert [spec.grown(classes) for classes in (1, 2, 40, 100, 1000)] == [150, 150, 150, 60, 10]

    def test_of_a_large_table_each_tree_draws_its_own_part(self) -> None:
        given = fit_of("regression", 400, 3)
        for kind in TREES:
            model = fitted(kind, given, max_rows=100, min_data_in_leaf=1, trees=5).model
            assert (model.grove.sizes < 200).all()


class TestElasticNet:
    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_leaves_weights_at_exactly_zero(self, task: str) -> None:
        model = fitted("linear", fit_of(task), penalty=5.0, l1_share=1.0).model
        assert isinstance(model, LinearModel)
        zero = (model.weights == 0.0).mean()
        assert 0.3 < zero < 1.0
        assert (fitted("linear", fit_of(task), penalty=5.0).model.weights == 0.0).mean() < zero

    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_with_almost_no_l1_is_the_ridge_of_before(self, task: str) -> None:
        given = fit_of(task)
        ridge, almost = (fitted("linear", given, penalty=0.5, l1_share=share).model.predict(given.train.rows) for share in (0.0, 1e-9))
        scale = 1.0 if task != "regression" else float(np.std(given.train.outcome))
        assert np.allclose(ridge, almost, atol=2e-3 * scale)

    def test_finds_the_weights_of_scikit_learn(self) -> None:
        from sklearn.linear_model import ElasticNet

        given = fit_of("regression")
        model = fitted("linear", given, penalty=5.0, l1_share=0.5).model
        outcome, columns = given.train.outcome, model.design.columns(given.train.values)
        scale = outcome.std()
        again = ElasticNet(alpha=0.05, l1_ratio=0.5, tol=1e-9, max_iter=100_000).fit(columns, (outcome - outcome.mean()) / scale)
        assert np.allclose(model.weights[:, 0], again.coef_ * scale, atol=1e-4)


class TestWhenBoostingRunsAway:
    def test_a_loss_that_is_not_finite_or_far_above_the_constants_is_noticed(self) -> None:
        given = fit_of("multiclass")
        least = gentle.constant_loss(given)
        assert [gentle.ran_away(loss, given) for loss in (least, 1.05 * least, 3 * least, float("nan"), float("inf"))] == [False, False, True, True, True]

    def test_a_fit_that_ran_away_is_fitted_again_gently(self) -> None:
        draw = np.random.default_rng(2)
        outcome = draw.integers(0, 40, 900).astype(float)
        given = table(draw.normal(size=(900, 6)), outcome, "multiclass", 40, 200)
        wild = fitted("lightgbm", given, learning_rate=1.0, min_data_in_leaf=1, lambda_l2=0.0, num_leaves=60, bagging_fraction=1.0)
        assert wild.remedy in ("gentle", "shares")
        own = sane(wild, given)[np.arange(200), outcome[700:].astype(int)]
        assert -np.log(np.clip(own, 1e-15, 1.0)).mean() < gentle.WORSE * gentle.constant_loss(given)

    def test_what_was_done_is_written_with_the_model(self, tmp_path: Path) -> None:
        model = model_of("lightgbm", "binary")
        assert "remedy" not in model.save(tmp_path)
        assert dataclasses.replace(model, remedy="gentle").save(tmp_path)["remedy"] == "gentle"

    def test_the_shares_of_weighed_rows_are_their_weighed_shares(self) -> None:
        given = fit_of("binary")
        heavy = dataclasses.replace(given.train, weights=np.where(given.train.outcome == 1.0, 3.0, 1.0))
        assert gentle.constant(dataclasses.replace(given, train=heavy)).values[1] > gentle.constant(given).values[1]

    def test_many_classes_or_columns_mean_fewer_steps(self) -> None:
        assert [gentle.iterations(1000, classes) for classes in (1, 30, 300, 1000)] == [1000, 1000, 100, 30]
        assert [gentle.iterations(1000, 2, columns) for columns in (10, 2000, 10_000)] == [1000, 1000, 200]
        assert [round(gentle.rate(0.05, classes), 3) for classes in (1, 30, 120, 5000)] == [0.05, 0.05, 0.1, 0.3]


@pytest.mark.parametrize("kind", LEARNING)
class TestHardTables:
    """Rows of bad input: a sensible model, and no crash."""

    @pytest.mark.parametrize("task", ["binary", "regression"])
    def test_features_that_never_change_or_are_all_missing(self, kind: str, task: str) -> None:
        outcome = outcome_of(made(80, 1), task)
        for values in (np.full((80, 3), 2.0), np.full((80, 3), np.nan), np.empty((80, 0))):
            given = table(values, outcome, task, classes_of(task), 20) if values.shape[1] else _without_features(outcome, task)
            p = sane(fitted(kind, given), given)
            assert np.ptp(p, axis=0).max() < 1e-9
            expected = outcome[:60].mean()
            assert p[0, -1] == pytest.approx(expected, abs=0.05)

    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_five_rows(self, kind: str, task: str) -> None:
        draw = np.random.default_rng(4)
        outcome = np.array([0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
        given = table(draw.normal(size=(7, 3)), outcome, task, classes_of(task), 2)
        sane(fitted(kind, given), given)

    def test_two_rows_of_each_class(self, kind: str) -> None:
        draw = np.random.default_rng(5)
        outcome = np.tile(np.arange(12.0), 3)
        given = table(draw.normal(size=(36, 4)), outcome, "multiclass", 12, 12)
        sane(fitted(kind, given), given)

    def test_a_number_with_outliers_far_beyond_all_others(self, kind: str) -> None:
        draw = np.random.default_rng(6)
        outcome = draw.normal(size=160)
        outcome[[3, 40]] = 1e30, -1e30
        given = table(draw.normal(size=(160, 3)), outcome, "regression", 1, 40)
        p = sane(fitted(kind, given), given)
        assert np.abs(p).max() < 1e31

    @pytest.mark.parametrize("task", sorted(TASKS))
    def test_numbers_that_are_not_finite(self, kind: str, task: str) -> None:
        # A contract may let them in with a warning.
        draw = np.random.default_rng(9)
        values, outcome = draw.normal(size=(160, 4)), outcome_of(made(160, 1), task)
        values[draw.random(160) < 0.1, 0], values[draw.random(160) < 0.1, 0] = np.inf, -np.inf
        values[:, 3] = np.inf
        given = table(values, outcome, task, classes_of(task), 40)
        sane(fitted(kind, given), given)

    def test_many_equal_rows(self, kind: str) -> None:
        draw = np.random.default_rng(7)
        values = np.repeat(draw.normal(size=(4, 3)), 60, axis=0)[draw.permutation(240)]
        outcome = (draw.random(240) < 0.3 + 0.4 * (values[:, 0] > np.median(values[:, 0]))).astype(float)
        given = table(values, outcome, "binary", 2, 60)
        assert sane(fitted(kind, given), given)[:, 1].mean() == pytest.approx(outcome[:180].mean(), abs=0.15)


def _without_features(outcome: np.ndarray, task: str) -> Fit:
    rows = pl.DataFrame({"unused": np.zeros(len(outcome))})
    empty = np.empty((len(outcome), 0))
    train, valid = (Matrix(rows[at], empty[at], outcome[at]) for at in (slice(0, 60), slice(60, None)))
    return Fit(task, classes_of(task), Inputs((), {}), train, valid, {}, None, {}, 5, 1)


def test_a_table_without_any_feature_is_answered_by_the_constant_where_nothing_can_be_boosted() -> None:
    given = _without_features(outcome_of(made(80, 1), "binary"), "binary")
    assert isinstance(fitted("lightgbm", given).model, ConstantModel)


class TestWhatReadableModelsSay:
    def test_the_report_lists_the_rules_of_a_tree(self) -> None:
        found = said(model_of("tree", "binary"), fit_of("binary").train.values)
        folded = [part for part in readings(found, []) if isinstance(part, Folded)]
        assert [part.title for part in folded] == [f"Its {len(found['rules'])} rules"]

    def test_the_report_draws_what_the_strongest_features_of_an_additive_model_add(self) -> None:
        found = said(model_of("additive", "binary"), fit_of("binary").train.values)
        ranked = [feature["feature"] for feature in found["features"]]
        drawn = [figure for part in readings(found, ranked) if isinstance(part, Figures) for figure in part.items]
        assert 1 <= len(drawn) <= 6
        assert drawn[0].title.startswith("What income adds to the score: from -")

    def test_a_model_that_cannot_be_read_says_only_what_drives_it(self) -> None:
        found = said(model_of("lightgbm", "binary"), fit_of("binary").train.values)
        assert set(found) == {"how", "features"}
        assert readings(found, []) == ()
