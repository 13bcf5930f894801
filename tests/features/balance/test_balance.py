"""Rare labels: what they mean, what the fits may do about them, and that the probabilities are right again afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import ROOT

from runner.bundle.calibrate import calibrated
from runner.bundle.inputs import Inputs
from runner.core.faults import FaultsError
from runner.core.registry import kinds, part
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.features.balance.balance import NONE, Balance, balance_of, load, save
from runner.features.balance.choice import compared
from runner.features.balance.imbalance import imbalance
from runner.features.balance.spec import BalanceSpec
from runner.features.matrices import Fold, Learner, Matrix
from runner.features.probe import Probe, probe_for
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.problem.policies import calibration
from runner.training.balancing import balance_for, balanced
from runner.training.engine import loss_of
from runner.training.models.fitting import Fit
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the candidates
FOLDS = 4
PAYOFF: dict[str, Any] = {"unit": "EUR", "sql": None, "actions": {"call": {"no": "-1.0", "yes": "6.0"}, "leave": {"no": "0", "yes": "0"}}}
PROBLEM: dict[str, Any] = {"target": "bought", "time": None, "policy": {"kind": "per_row"}, "payoff": PAYOFF}


def rows(n: int, seed: int, n_classes: int = 2, offset: float = -3.5) -> pl.DataFrame:
    """Customers of whom few buy; `age` and `visits` tell something, `noise` nothing."""
    draw = np.random.default_rng(seed)
    age, visits = draw.normal(size=n), draw.gamma(2.0, size=n)
    pull = offset + age + 0.6 * visits + draw.logistic(size=n)
    ends = [0.0] if n_classes == 2 else [0.0, 2.0]
    code = np.digitize(pull, ends)
    return pl.DataFrame({"row_id": np.arange(n), "age": age, "visits": visits, "noise": draw.normal(size=n), "code": code})


def learner(n: int = 1600, seed: int = 0, n_classes: int = 2) -> tuple[Learner, list[Fold]]:
    labels = ("no", "yes", "often")[:n_classes]
    made = rows(n, seed, n_classes)
    made = made.with_columns(bought=pl.Series([labels[k] for k in made["code"]])).drop("code")
    outcome = (made["bought"] == "yes").to_numpy().astype(float).reshape(-1, 1)
    recipe, enriched = plan(FeaturesSpec(), made, outcome, [""], ["row_id", "bought"])
    task = "binary" if n_classes == 2 else "multiclass"
    place = np.arange(n) % FOLDS
    folds = [Fold(k, np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(FOLDS)]
    return Learner(enriched, recipe, task, "bought", labels, seed + 3), folds


def probing(**how: Any) -> Probe:
    made, folds = learner(**how)
    return probe_for(made, folds, PROBLEM)


class TestTheSharesSayWhatFiguresMean:
    def test_the_constant_and_the_width_of_an_average_precision_follow_from_the_shares(self) -> None:
        outcome = np.repeat([0.0, 1.0], [96, 4])
        folds = [Fold(0, np.arange(50, 100), np.arange(0, 100, 2)), Fold(1, np.arange(0, 100, 2), np.arange(1, 100, 2))]
        found = imbalance(outcome, ["no", "yes"], folds)
        assert found["rarest"] == "yes"
        assert found["constant_accuracy"] == pytest.approx(0.96)
        assert found["constant_log_loss"] == pytest.approx(-0.96 * np.log(0.96) - 0.04 * np.log(0.04))
        assert [fold["rarest"] for fold in found["folds"]] == [2, 2]
        # With four positives an average precision of 0.5 may as well be nothing or nearly everything.
        assert found["average_precision"]["half_width"] == pytest.approx(0.49, abs=0.01)

    def test_a_fold_without_the_rare_label_is_said_so(self) -> None:
        outcome = np.array([0.0, 0.0, 1.0, 0.0])
        found = imbalance(outcome, ["no", "yes"], [Fold(0, np.array([2, 3]), np.array([0, 1]))])
        assert found["average_precision"]["half_width_in_a_fold"] is None


class TestABalance:
    @given(st.lists(st.integers(1, 500), min_size=2, max_size=5), st.sampled_from([0.5, 1.0]))
    def test_by_weights_keeps_the_sum_of_all_rows(self, counts: list[int], strength: float) -> None:
        outcome = np.repeat(np.arange(len(counts)), counts).astype(float)
        weights = balance_of("weights", strength, outcome, len(counts)).weights(outcome)
        assert weights.sum() == pytest.approx(len(outcome))
        if strength == 1.0:
            sums = np.bincount(outcome.astype(int), weights=weights)
            assert np.allclose(sums, sums[0])

    @given(st.lists(st.integers(1, 500), min_size=2, max_size=5), st.integers(0, 9))
    def test_by_a_draw_keeps_all_rows_of_the_rarest_and_as_many_of_the_others(self, counts: list[int], seed: int) -> None:
        outcome = np.repeat(np.arange(len(counts)), counts).astype(float)
        kept = balance_of("undersample", 1.0, outcome, len(counts)).kept(outcome, seed)
        assert (np.bincount(outcome[kept].astype(int), minlength=len(counts)) == min(counts)).all()
        assert (np.diff(kept) > 0).all()

    def test_is_undone_exactly_where_the_model_is_right(self) -> None:
        outcome = np.repeat([0.0, 1.0], [900, 100])
        for kind in ("weights", "undersample"):
            made = balance_of(kind, 1.0, outcome, 2)
            assert made.undone(np.array([[0.5, 0.5]])) == pytest.approx(np.array([[0.9, 0.1]]))

    def test_comes_back_from_its_file_in_the_order_of_the_labels(self, tmp_path: Any) -> None:
        made = Balance("weights", (0.5, 8.0))
        save(made, ["no", "yes"], tmp_path)
        assert load(["no", "yes"], tmp_path) == made
        assert load(["yes", "no"], tmp_path) == Balance("weights", (8.0, 0.5))
        save(NONE, ["no", "yes"], tmp_path)
        assert not load(["no", "yes"], tmp_path)


def fit_of(kind: str, n_classes: int, n: int = 1500, seed: int = 0) -> Fit:
    """A fit on rows of which few are positive, and as many rows to validate."""
    features = [{"name": name, "kind": "numeric"} for name in ("age", "visits", "noise")]
    first, second = rows(n, seed, n_classes), rows(n, seed + 50, n_classes)
    inputs = Inputs.learn(first, features)
    train, valid = (Matrix(made, inputs.matrix(made), made["code"].to_numpy().astype(float)) for made in (first, second))
    spec = kinds("candidate")[kind].model_validate({"kind": kind, **({} if kind == "linear" else {"max_iterations": 60})})
    return Fit("binary" if n_classes == 2 else "multiclass", n_classes, inputs, train, valid, spec.defaults(), None, {}, 5, 1)


def predictions(kind: str, given: Fit, balance: Balance) -> np.ndarray:
    spec = kinds("candidate")[kind].model_validate({"kind": kind, **({} if kind == "linear" else {"max_iterations": 60})})
    assert given.valid is not None
    return np.asarray(part("candidate", kind)(spec, balanced(given, balance)).model.predict(given.valid.rows))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("how", ["weights", "undersample"])
@pytest.mark.parametrize("kind", ["linear", "lightgbm", "catboost"])
def test_a_balanced_fit_shifts_the_scores_and_calibration_brings_the_shares_back(kind: str, how: str, n_classes: int) -> None:
    given = fit_of(kind, n_classes)
    assert given.valid is not None
    outcome, task = given.valid.outcome, given.task
    shares = np.bincount(outcome.astype(int), minlength=n_classes) / len(outcome)
    balance = balance_of(how, 1.0, given.train.outcome, n_classes)
    raw, plain = predictions(kind, given, balance), predictions(kind, given, NONE)
    half = predictions(kind, given, balance_of(how, 0.5, given.train.outcome, n_classes))
    # Balanced scores are of another world, in which every label is as common.
    assert raw[:, 1:].sum(axis=1).mean() > 2 * shares[1:].sum()
    fold = np.arange(len(outcome)) % FOLDS
    for declared in ("none", "sigmoid", "isotonic"):
        restored = calibration.cross_fitted(raw, outcome, fold, declared, restore=True)
        assert np.allclose(restored.mean(axis=0), shares, atol=0.01), declared
        assert loss_of(restored, outcome, task) < loss_of(raw, outcome, task), declared
        # Halfway there is as good as none: the information is in the ranking, not in the level. All the way, a draw loses many rows.
        before = calibration.cross_fitted(plain, outcome, fold, declared)
        after = calibration.cross_fitted(half, outcome, fold, declared, restore=True)
        assert loss_of(after, outcome, task) < 1.05 * loss_of(before, outcome, task), declared
        assert _brier(after, outcome) < 1.05 * _brier(before, outcome), declared
    assert loss_of(balance.undone(raw), outcome, task) < loss_of(raw, outcome, task)


def _brier(p: np.ndarray, outcome: np.ndarray) -> float:
    return float(((p - np.eye(p.shape[1])[outcome.astype(int)]) ** 2).sum(axis=1).mean())


def test_what_a_bundle_keeps_of_it_is_plain_numbers() -> None:
    draw = np.random.default_rng(0)
    outcome = (draw.random(400) < 0.1).astype(float)
    p = np.column_stack([np.full(400, 0.5), np.full(400, 0.5)])
    written = calibration.fit(p, outcome, "none", restore=True)
    assert written["kind"] == "shares"
    assert calibrated(p, written)[:, 1].mean() == pytest.approx(outcome.mean(), abs=1e-3)


def test_baselines_keep_the_true_shares_and_a_family_without_weights_is_left_alone() -> None:
    by_weights, by_draw = Balance("weights", (0.5, 8.0)), Balance("undersample", (0.1, 1.0))
    specs = {kind: kinds("candidate")[kind] for kind in kinds("candidate")}
    for kind in ("constant", "rule"):
        spec = specs[kind].model_validate({"kind": kind, **({"sql": "1"} if kind == "rule" else {})})
        assert not balance_for(spec, by_weights)
        assert not balance_for(spec, by_draw)

    class Deaf(specs["linear"]):  # type: ignore[name-defined,misc]
        weighs = False

    deaf = Deaf(kind="linear")
    assert not balance_for(deaf, by_weights)
    assert balance_for(deaf, by_draw) == by_draw


def test_validation_rows_are_all_kept_and_stop_the_fit_by_the_same_measure() -> None:
    given = fit_of("lightgbm", 2)
    assert given.valid is not None
    by_draw = balanced(given, balance_of("undersample", 1.0, given.train.outcome, 2))
    assert by_draw.valid is not None
    assert len(by_draw.train.outcome) < len(given.train.outcome)
    assert len(by_draw.valid.outcome) == len(given.valid.outcome)
    assert by_draw.valid.weights is not None
    positive = given.valid.outcome == 1.0
    # Sums over all validation rows of a label: as in training, each label counts about the same.
    assert by_draw.valid.weights[positive].sum() == pytest.approx(by_draw.valid.weights[~positive].sum(), rel=0.3)


class TestAuto:
    @pytest.mark.parametrize("seed", range(2))
    def test_keeps_the_rows_as_they_are_where_balancing_earns_nothing_sure(self, seed: int) -> None:
        chosen = compared(BalanceSpec(kind="auto"), probing(seed=seed), "EUR", None)
        assert chosen.kind == "none"
        assert [o["name"] for o in chosen.options] == ["none", "weights 0.5", "weights 1", "undersample 0.5", "undersample 1"]
        assert sum(o["chosen"] for o in chosen.options) == 1
        assert all(o["gain"]["low"] <= 0 for o in chosen.options[1:])

    def test_takes_what_surely_earns_more(self) -> None:
        """A fit that is blind to rare rows where each counts as one: whatever gives them weight pays."""
        told = probing()
        blind = _Blind(told.learner, told.folds, told.terms)
        chosen = compared(BalanceSpec(kind="auto"), blind, "EUR", None)
        assert chosen.kind in ("weights", "undersample")
        assert "a row more" in chosen.why

    @pytest.mark.slow
    def test_gives_the_same_twice_and_works_for_several_classes(self) -> None:
        one, two = (compared(BalanceSpec(kind="auto"), probing(n=600), "EUR", None) for _ in range(2))
        assert one == two
        made, folds = learner(600, n_classes=3)
        actions = {name: {"no": f"-{i}.0", "yes": f"{2 * i}.0", "often": f"{5 * i}.0"} for i, name in enumerate(("leave", "call", "visit"))}
        several = probe_for(made, folds, {**PROBLEM, "payoff": {**PAYOFF, "actions": actions}})
        assert compared(BalanceSpec(kind="auto"), several, "EUR", None).options


class _Blind(Probe):
    """A probe whose model learns nothing of rows that all count the same."""

    def judge(self, features: Any = None, weights: np.ndarray | None = None) -> Any:
        return super().judge([] if weights is None else features, weights)


def test_a_regression_has_no_classes_to_balance() -> None:
    with pytest.raises(FaultsError, match="no classes to balance") as told:
        compose(Workspace(ROOT), ["+experiment=hotel_price", "+features.balance.kind=auto"])
    assert told.value.faults[0].at == "features.balance.kind"
