"""An ensemble is judged by weights that other folds chose, and ships the weights that all of them chose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.conftest import loans

from runner.bundle.inputs import Inputs
from runner.bundle.models import read
from runner.bundle.models.ensemble import EnsembleModel
from runner.core.files import read_json, write_json
from runner.core.progress import Silent
from runner.core.registry import kinds, part
from runner.features.matrices import Fold, Learner, Matrices, Matrix, folds_of, prepare
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.training.budget.clock import Clock
from runner.training.course import Job, Studied
from runner.training.engine import Engine, Tally
from runner.training.ensemble import final
from runner.training.ensemble.blend import Member, Pool, Share, blended
from runner.training.ensemble.final import Ground
from runner.training.ensemble.rungs import composed, derived, fitting
from runner.training.ensemble.selection import Terms, cross_fitted, greedy, losses, own_values, parts
from runner.training.ensemble.spec import FinalSpec
from runner.training.fold_store import FoldStore
from runner.training.models.fitting import Fit
from runner.training.models.segments import SegmentsSpec, made_of
from runner.training.rungs import OutOfFold
from runner.training.spec import TrainingSpec
from runner.training.study import Record, Trial

N = 600
OUTCOME = (np.random.default_rng(0).random(N) < 0.4).astype(float)
FOLD = np.arange(N) % 3


def opinion(seed: int, skill: float) -> np.ndarray:
    """(N, 2) probabilities with an error of their own."""
    own = np.random.default_rng(seed).normal(0, 1, N)
    p = 1 / (1 + np.exp(-(skill * (OUTCOME - 0.5) + own)))
    return np.column_stack([1 - p, p])


def pool(*opinions: np.ndarray, fold: np.ndarray = FOLD, outcome: np.ndarray = OUTCOME) -> Pool:
    members = tuple(Member(f"m{at}", 0, 0.1 * at, lambda p=p: p, lambda p: p) for at, p in enumerate(opinions))  # type: ignore[misc]
    return Pool(members, outcome, fold, False, 7)


def own_of(*opinions: np.ndarray) -> np.ndarray:
    return np.column_stack([own_values(p, OUTCOME, False) for p in opinions])


def test_members_that_err_in_other_ways_share_the_weight_and_the_mean_beats_each() -> None:
    own = own_of(opinion(1, 2.0), opinion(2, 2.0))
    weights = greedy(own, OUTCOME, False, Terms())
    assert weights.sum() == pytest.approx(1.0)
    assert (weights > 0.25).all()
    assert losses(own @ weights[:, None], OUTCOME, False)[0] < losses(own, OUTCOME, False).min()


def test_a_member_that_hardly_helps_is_let_go() -> None:
    own = own_of(opinion(1, 3.0), opinion(1, 3.0) * 0.999 + 0.0005, opinion(3, 0.0))
    assert (greedy(own, OUTCOME, False, Terms(min_gain=0.01)) > 0).sum() == 1


def test_losses_that_no_number_holds_leave_the_first_member() -> None:
    far = np.full((10, 3), 1e200)
    assert greedy(far, np.zeros(10), True, Terms()).tolist() == [1.0, 0.0, 0.0]


def test_of_equal_members_the_first_is_taken() -> None:
    same = opinion(1, 1.0)
    assert greedy(own_of(same, same), OUTCOME, False, Terms()).tolist() == [1.0, 0.0]


@settings(max_examples=25)
@given(seeds=st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True), most=st.integers(1, 4))
def test_weights_are_shares_of_at_most_so_many_members_and_no_worse_than_the_best_where_all_may_stay(seeds: list[int], most: int) -> None:
    own = own_of(*(opinion(seed, 1.0 + seed / 25) for seed in seeds))
    few = greedy(own, OUTCOME, False, Terms(most=most))
    assert few.sum() == pytest.approx(1.0)
    assert (few >= 0).all()
    assert (few > 0).sum() <= most
    every = greedy(own, OUTCOME, False, Terms(most=9, min_gain=0.0))
    assert losses(own @ every[:, None], OUTCOME, False)[0] <= losses(own, OUTCOME, False).min() + 1e-12


def test_what_is_shown_of_a_fold_does_not_look_at_its_outcomes() -> None:
    opinions = [opinion(seed, 0.8 + 0.4 * seed) for seed in range(4)]
    turned = OUTCOME.copy()
    turned[FOLD == 1] = 1.0 - turned[FOLD == 1]
    plain, other = blended(pool(*opinions), Terms()), blended(pool(*opinions, outcome=turned), Terms())
    assert np.array_equal(plain.predictions[FOLD == 1], other.predictions[FOLD == 1])
    assert not np.array_equal(plain.predictions[FOLD != 1], other.predictions[FOLD != 1])


def test_with_a_single_fold_weights_are_cross_fitted_over_parts_of_its_rows_and_never_split_a_group() -> None:
    alone = np.zeros(N, dtype=int)
    assert len(np.unique(parts(alone, None))) == 5
    groups = np.arange(N) // 7
    found = parts(alone, groups)
    assert all(len(set(found[groups == g])) == 1 for g in range(10))
    assert parts(FOLD, groups) is FOLD


def test_very_many_rows_are_drawn_from_with_a_seed() -> None:
    n = 25_000
    outcome = np.arange(n) % 2.0
    own = np.clip(np.random.default_rng(1).normal(0.6, 0.2, (n, 3)), 0.01, 0.99)
    first, again = (cross_fitted(own, outcome, np.arange(n) % 2, False, Terms(), 5)[8].whole for _ in range(2))
    assert np.array_equal(first, again)


def test_smaller_blends_go_down_to_a_single_member() -> None:
    whole = blended(pool(*(opinion(seed, 1.5) for seed in range(4))), Terms(most=4))
    assert [len(blend.shares) for blend in (whole, *whole.smaller)] == [4, 3, 2, 1]


def test_of_each_candidate_only_the_leading_trials_are_looked_at() -> None:
    members = tuple(
        Member(name, trial, loss, lambda: OUTCOME, lambda p: p) for name, trial, loss in (("a", 0, 0.3), ("a", 1, 0.2), ("a", 2, 0.2), ("b", 0, 9.0))
    )
    kept = Pool(members, OUTCOME, FOLD, False, 7).leading(2)
    assert [(m.candidate, m.trial) for m in kept.members] == [("a", 1), ("a", 2), ("b", 0)]


SEED = 11
DECLARED: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant"},
    "linear": {"kind": "linear"},
    "trees": {"kind": "lightgbm", "max_iterations": 12, "learning_rate": 0.2},
    "by_home": {"kind": "segments", "by": "home", "of": "trees", "min_rows": 40},
    "ensemble": {"kind": "ensemble", "min_gain": 0.0},
}
SPECS: dict[str, Any] = {name: kinds("candidate")[declared["kind"]].model_validate(declared) for name, declared in DECLARED.items()}


@pytest.fixture(scope="module")
def learner() -> Learner:
    rows = loans(240).with_row_index("row_id").with_columns(pl.col("row_id").cast(pl.UInt64), pl.col("bad").cast(pl.String))
    outcome = (rows["bad"] == "1").to_numpy().astype(float).reshape(-1, 1)
    recipe, enriched = plan(FeaturesSpec.model_validate({}), rows, outcome, [""], ["row_id", "bad"])
    return Learner(enriched, recipe, "binary", "bad", ("0", "1"), SEED)


@pytest.fixture(scope="module")
def folds(learner: Learner) -> list[Fold]:
    given = pl.DataFrame({"row_id": learner.rows["row_id"], "fold": pl.Series(np.arange(240) % 3, dtype=pl.Int8)})
    return folds_of(learner.rows["row_id"], given, walks_forward=False)


def jobs_of(specs: dict[str, Any], home: Path, trials: int = 6) -> list[Job]:
    return [Job(n, s, trials if s.space else 1, FoldStore(home / n), Record(home / f"{n}.log", n, s.space, {}) if s.space else None) for n, s in specs.items()]


Studies = tuple[dict[str, Any], dict[str, Studied]]


@dataclass(frozen=True)
class First:
    """What the first studies found."""

    specs: dict[str, Any]
    studied: dict[str, Studied]


@pytest.fixture(scope="module")
def studies(learner: Learner, folds: list[Fold], tmp_path_factory: pytest.TempPathFactory) -> Studies:
    """Specs and studies of the ladder's fitting rungs: the first ones, then the segments."""
    engine = Engine(learner, folds, Matrices(learner, folds), 2, 1, {}, Clock(None), Tally(Silent(), 1))
    home = tmp_path_factory.mktemp("studies")
    found = engine.study_all(jobs_of(fitting(SPECS), home), 1)
    later = derived(SPECS, First(SPECS, found))
    return {**SPECS, **later}, found | engine.study_all(jobs_of(later, home), 1)


def test_an_ensemble_is_made_of_finished_trials_of_the_rungs_below_it(learner: Learner, folds: list[Fold], studies: Studies) -> None:
    specs, found = studies
    oof = OutOfFold.of(learner, folds)
    made = composed(specs, found, learner, oof)
    assert list(made.studied) == list(DECLARED)
    shares = made.shares["ensemble"]
    assert sum(share.weight for share in shares) == pytest.approx(1.0)
    assert {share.candidate for share in shares} <= {"linear", "trees", "by_home"}
    assert made.shares["trees"] == (Share("trees", found["trees"].best.number),)
    assert made.studied["ensemble"].predictions.shape == (240, 2)


def test_a_single_candidate_is_judged_by_the_trial_that_the_other_folds_chose(learner: Learner, folds: list[Fold], studies: Studies) -> None:
    specs, found = studies
    made = composed(specs, found, learner, OutOfFold.of(learner, folds))
    trials, store = found["linear"].trials, found["linear"].store
    start = 0
    for at, fold in enumerate(folds):
        others = [np.mean([loss for k, loss in enumerate(trial.fold_losses) if k != at]) for trial in trials]
        stored = store.read(trials[int(np.argmin(others))].params, fold.number)
        assert stored is not None
        assert np.array_equal(made.studied["linear"].predictions[start : start + len(fold.valid)], stored.predictions)
        start += len(fold.valid)
    assert made.studied["linear"].best == found["linear"].best


def test_a_ladder_whose_studies_were_all_stopped_has_no_ensemble(learner: Learner, folds: list[Fold], studies: Studies) -> None:
    specs, found = studies
    made = composed(specs, {"constant": found["constant"]}, learner, OutOfFold.of(learner, folds))
    assert list(made.studied) == ["constant"]


class _Now:
    """An executor that works at once."""

    def submit(self, act: Any, *given: Any) -> Any:
        from concurrent.futures import Future

        future: Future[Any] = Future()
        future.set_result(act(*given))
        return future


def models(learner: Learner, studies: Studies, refits: int | dict[str, int], *names: str) -> dict[Any, Any]:
    specs, found = studies
    everything = prepare(learner, np.arange(240), None, ("final",))
    ground = Ground(learner, everything, {}, 1, FinalSpec(refits=refits), [100] * 5)
    pool: Any = _Now()
    fitted = final.fits({(n, 0): (specs[n], found[n].trials[0]) for n in names}, ground, pool, Event())
    return {**fitted, "everything": everything}


def test_refits_are_averaged_where_chance_plays_a_part_and_made_once_where_it_does_not(learner: Learner, studies: Studies) -> None:
    fitted = models(learner, studies, 3, "linear", "trees")
    assert [len(fitted[name, 0]) for name in ("linear", "trees")] == [1, 3]
    named = models(learner, studies, {"trees": 2}, "by_home", "trees")
    assert [len(named[name, 0]) for name in ("by_home", "trees")] == [1, 2]
    model = final.model_of((Share("trees", 0),), fitted, fitted["everything"])
    assert isinstance(model, EnsembleModel)
    each = [m.predict_matrix(fitted["everything"].train.values) for m in fitted["trees", 0]]
    assert np.allclose(model.predict(fitted["everything"].train.rows), np.mean(each, axis=0))


def test_an_ensemble_comes_back_from_native_files_and_gives_a_row_alone_what_it_gives_in_a_batch(learner: Learner, studies: Studies, tmp_path: Path) -> None:
    fitted = models(learner, studies, 2, "linear", "trees", "by_home")
    shares = (Share("trees", 0, 0.5), Share("linear", 0, 0.3), Share("by_home", 0, 0.2))
    model = final.model_of(shares, fitted, fitted["everything"])
    write_json(tmp_path / "model.json", model.save(tmp_path))
    again = read(read_json(tmp_path / "model.json"), tmp_path)
    rows = fitted["everything"].train.rows[:30]
    assert np.array_equal(again.predict(rows), model.predict(rows))
    assert np.array_equal(np.concatenate([again.predict(rows[i]) for i in range(30)]), model.predict(rows))
    assert again.predict(rows[:0]).shape == (0, 2)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".txt"}
    assert isinstance(model, EnsembleModel)
    assert sum(model.importance(fitted["everything"].train.values).shares.values()) == pytest.approx(1.0, abs=1e-4)
    assert model.latency_ms() is not None


def test_an_ensemble_of_one_is_that_member_itself(learner: Learner, studies: Studies) -> None:
    fitted = models(learner, studies, 1, "trees")
    assert final.model_of((Share("trees", 0),), fitted, fitted["everything"]) is fitted["trees", 0][0]


def test_a_segment_never_seen_and_a_row_without_one_are_answered_by_the_model_of_all_rows(learner: Learner, studies: Studies) -> None:
    fitted = models(learner, studies, 1, "by_home")
    model, rows = fitted["by_home", 0][0], fitted["everything"].train.rows[:20]
    assert set(model.own) == {"rent", "own"}
    for odd in (pl.lit("boat"), pl.lit(None, pl.String)):
        strange = rows.with_columns(home=odd)
        assert np.array_equal(model.predict(strange), model.rest.predict(strange))
    rented = rows.with_columns(home=pl.lit("rent"))
    assert np.array_equal(model.predict(rented), model.own["rent"].predict(rented))
    assert not np.array_equal(model.predict(rented), model.rest.predict(rented))


def test_a_small_segment_ships_as_many_iterations_as_its_own_rows_ask_for_and_not_those_of_all_rows(learner: Learner) -> None:
    rng, n = np.random.default_rng(3), 2000
    rows = pl.DataFrame({"home": ["big"] * 1600 + ["small"] * 400, "x": rng.normal(size=n), "noise": rng.normal(size=n)})
    outcome = np.where(rows["home"] == "big", rows["x"].to_numpy() * 3 + np.sin(4 * rows["x"].to_numpy()), rng.normal(size=n))
    inputs = Inputs(("x", "noise"), {})
    train = Matrix(rows, inputs.matrix(rows), outcome)
    of = kinds("candidate")["lightgbm"].model_validate({"kind": "lightgbm", "max_iterations": 400, "min_data_in_leaf": 5})
    declared = SegmentsSpec(kind="segments", by="home", of="trees")
    made = made_of(declared, of, {})  # type: ignore[arg-type]
    fitted = part("candidate", "segments")(made, Fit("regression", 1, inputs, train, None, {}, 400, {}, 1, 1))
    assert fitted.model.rest.booster.num_trees() == 400
    assert fitted.model.own["small"].booster.num_trees() < 40 < fitted.model.own["big"].booster.num_trees()


def test_segments_take_the_settings_that_the_study_of_their_candidate_found_best(studies: Studies) -> None:
    specs, found = studies
    assert specs["by_home"].params == dict(found["trees"].best.params)
    assert specs["by_home"].settings["max_iterations"] == 12


def test_the_spec_of_training_holds_the_fit_that_ships() -> None:
    assert TrainingSpec.model_validate({"candidates": {}, "final": {"refits": 3}}).final == FinalSpec(refits=3)
    assert TrainingSpec.model_validate({"candidates": {"trees": {"kind": "lightgbm"}}, "final": {"refits": {"trees": 2, "mlp": 3}}}).final.times("trees") == 2
    for wrong in (0, 21, True, "two", 1.5, {"trees": 0}, ["trees"]):
        with pytest.raises(ValidationError, match=r"1 validation error(.|\n)*takes a whole number from 1 to 20, for all candidates or by name"):
            FinalSpec.model_validate({"refits": wrong})
    with pytest.raises(ValidationError, match="names 'tress', which is no candidate; did you mean 'trees'"):
        TrainingSpec.model_validate({"candidates": {"trees": {"kind": "lightgbm"}}, "final": {"refits": {"tress": 2}}})


def test_iterations_of_a_refit_follow_the_folds_that_learned_from_many_rows() -> None:
    trial = Trial(0, {}, 0.5, (0.5, 0.5, 0.5), (4, 4, 16))
    assert final.kept(trial, [100, 100, 100]) == 8.0
    assert final.kept(trial, [100, 200, 300]) == 10.0
    assert final.kept(replace(trial, rounds=(None, 4, 16)), [100, 200, 400]) == 12.0
    assert final.kept(replace(trial, rounds=(None, None, None)), [1, 2, 3]) is None
