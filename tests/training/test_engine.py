"""Studies side by side, interrupted or resumed are the study that runs alone in one go."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.exceptions import PolarsError
from tests.conftest import loans

from runner.core.progress import Silent
from runner.core.registry import kinds, part
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Matrices, folds_of
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.training.budget.clock import Clock
from runner.training.course import Job, Studied
from runner.training.engine import Engine, Tally
from runner.training.fold_store import FailedError, FoldResult, FoldStore
from runner.training.spec import TrainingSpec
from runner.training.study import Record, propose

assert TrainingSpec  # the import registers the kinds

SEED, LAG = 11, 2
DECLARED: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant"},
    "officer": {"kind": "rule", "sql": "age < 25"},
    "linear": {"kind": "linear"},
    "trees": {"kind": "lightgbm", "max_iterations": 12},
}


def made_learner(n: int = 240) -> Learner:
    rows = loans(n).with_row_index("row_id").with_columns(pl.col("row_id").cast(pl.UInt64), pl.col("bad").cast(pl.String))
    spec = FeaturesSpec.model_validate({"steps": {"homes": {"kind": "target_encoding", "columns": ["home"]}}})
    outcome = (rows["bad"] == "1").to_numpy().astype(float).reshape(-1, 1)
    recipe, enriched = plan(spec, rows, outcome, [""], ["row_id", "bad"])
    return Learner(enriched, recipe, "binary", "bad", ("0", "1"), SEED)


def made_folds(learner: Learner) -> list[Fold]:
    given = pl.DataFrame({"row_id": learner.rows["row_id"], "fold": pl.Series(np.arange(learner.rows.height) % 3, dtype=pl.Int8)})
    return folds_of(learner.rows["row_id"], given, walks_forward=False)


@pytest.fixture(scope="module")
def learner() -> Learner:
    return made_learner()


@pytest.fixture(scope="module")
def folds(learner: Learner) -> list[Fold]:
    return made_folds(learner)


def engine(learner: Learner, folds: list[Fold], clock: Clock | None = None, lag: int = LAG) -> Engine:
    return Engine(learner, folds, Matrices(learner, folds), lag, 1, {}, clock or Clock(None), Tally(Silent(), 1))


def jobs(home: Path, trials: int, *names: str) -> list[Job]:
    found = []
    for name in names or tuple(DECLARED):
        spec: Any = kinds("candidate")[DECLARED[name]["kind"]].model_validate(DECLARED[name])
        record = Record(home / f"{name}.log", name, spec.space) if spec.space else None
        found.append(Job(name, spec, trials if spec.space else 1, FoldStore(home / name), record))
    return found


def same(one: dict[str, Studied], other: dict[str, Studied]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].trials == other[name].trials and one[name].best == other[name].best and np.array_equal(one[name].predictions, other[name].predictions)
        for name in one
    )


@pytest.fixture(scope="module")
def alone(learner: Learner, folds: list[Fold], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Studied]:
    """Every study in one go with one worker: what all others must equal."""
    return engine(learner, folds).study_all(jobs(tmp_path_factory.mktemp("alone"), 6), 1)


def test_four_workers_give_what_one_gives(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    assert same(engine(learner, folds).study_all(jobs(tmp_path, 6), 4), alone)


def test_a_study_alone_gives_what_it_gives_among_others(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    assert same(engine(learner, folds).study_all(jobs(tmp_path, 6, "trees"), 2), {"trees": alone["trees"]})


def test_a_trial_is_proposed_from_trials_below_its_number_minus_the_lag_alone(alone: dict[str, Studied]) -> None:
    for name in ("linear", "trees"):
        spec: Any = kinds("candidate")[DECLARED[name]["kind"]].model_validate(DECLARED[name])
        trials = alone[name].trials
        assert [t.number for t in trials] == list(range(6))
        for trial in trials:
            seen = trials[: max(0, trial.number - LAG)]
            assert trial.params == propose(trial.number, spec.space, spec.defaults(), seen, seed_for(SEED, "training", name))


def test_the_declared_lag_is_part_of_the_study(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    # Proposals look at earlier results from the sixth visible trial on.
    near = engine(learner, folds, lag=1).study_all(jobs(tmp_path / "near", 9, "linear"), 1)["linear"]
    far = engine(learner, folds, lag=4).study_all(jobs(tmp_path / "far", 9, "linear"), 1)["linear"]
    assert [t.params for t in near.trials] != [t.params for t in far.trials]


def test_a_resumed_study_equals_the_uninterrupted_one(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    engine(learner, folds).study_all(jobs(tmp_path, 3), 2)
    (tmp_path / "trees" / next(iter(sorted(p.name for p in (tmp_path / "trees").iterdir())))).unlink()
    assert same(engine(learner, folds).study_all(jobs(tmp_path, 6), 2), alone)


def test_nothing_finished_is_fitted_again(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    first = engine(learner, folds).study_all(jobs(tmp_path, 6), 2)
    assert all(studied.seconds > 0 for studied in first.values())
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")}
    again = engine(learner, folds).study_all(jobs(tmp_path, 6), 2)
    assert same(again, alone)
    assert all(studied.seconds == 0 for studied in again.values())
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.npz")} == stamps


def test_a_damaged_fold_is_fitted_again(learner: Learner, folds: list[Fold], alone: dict[str, Studied], tmp_path: Path) -> None:
    engine(learner, folds).study_all(jobs(tmp_path, 6), 2)
    for number, path in enumerate(sorted(tmp_path.rglob("*.npz"))):
        if number % 3 == 0:
            path.write_bytes(path.read_bytes()[: 40 * number])
    assert same(engine(learner, folds).study_all(jobs(tmp_path, 6), 2), alone)


def test_the_best_trial_is_the_lowest_loss_and_its_predictions_stand_in_fold_order(alone: dict[str, Studied], learner: Learner, folds: list[Fold]) -> None:
    for studied in alone.values():
        assert studied.best.loss == min(t.loss for t in studied.trials)
        assert studied.predictions.shape == (240, 2)
        at = np.concatenate([fold.valid for fold in folds])
        own = studied.predictions[np.arange(240), learner.outcome[at].astype(int)]
        assert -np.log(own).mean() == pytest.approx(studied.best.loss)


def test_a_store_of_earlier_results_is_believed(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    (job,) = jobs(tmp_path, 1, "constant")
    for fold in folds:
        job.store.write({}, fold.number, FoldResult(np.full((len(fold.valid), 2), 0.5), 0.125, None))
    assert engine(learner, folds).study_all([job], 1)["constant"].best.loss == 0.125


def test_the_safety_stop_lets_the_first_trial_finish_and_says_that_it_fired(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    clock = Clock(1e-9)
    found = engine(learner, folds, clock).study_all(jobs(tmp_path, 6), 2)
    assert {name: len(studied.trials) for name, studied in found.items()} == dict.fromkeys(DECLARED, 1)
    assert clock.fired


def test_a_candidate_that_fails_goes_without_that_trial_where_it_may_and_is_not_tried_again(
    learner: Learner, folds: list[Fold], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, fits = part, []

    def failing(family: Any, kind: str) -> Any:
        def fit(spec: Any, given: Any) -> Any:
            fits.append(kind)
            if kind == "lightgbm" and len(trees) > 1 and given.params["num_leaves"] == trees[-1]:
                raise ValueError("the table is\n  too odd")
            if kind == "linear":
                raise MemoryError
            return made(family, kind)(spec, given)

        return fit

    trees: list[int] = []
    forgiving = replace(engine(learner, folds), forgives=True)
    whole = forgiving.study_all(jobs(tmp_path / "whole", 4), 2)
    trees += [int(trial.params["num_leaves"]) for trial in whole["trees"].trials]
    last = trees.index(trees[-1])
    monkeypatch.setattr("runner.training.engine.part", failing)
    mine = jobs(tmp_path / "mine", 4)
    found = forgiving.study_all(mine, 2)
    assert "linear" not in found and {"constant", "officer", "trees"} == set(found)
    assert found["trees"].trials == whole["trees"].trials[:last] and last > 0
    told = dict(forgiving.failures)
    assert told["linear"] == {"trial": 0, "params": found_linear(mine), "fold": 0, "error": "MemoryError"}
    assert (told["trees"]["trial"], told["trees"]["fold"], told["trees"]["error"]) == (last, 0, "ValueError: the table is too odd")
    fits.clear()
    again = replace(forgiving, failures={})
    assert same(again.study_all(jobs(tmp_path / "mine", 4), 1), found) and not {"linear", "lightgbm"} & set(fits)
    alone = replace(forgiving, failures={})
    assert same(alone.study_all(jobs(tmp_path / "alone", 4), 1), found)
    assert again.failures == alone.failures == told


def found_linear(given: list[Job]) -> dict[str, Any]:
    """The settings of the first trial of the linear candidate."""
    return next(job.spec.defaults() for job in given if job.name == "linear")


def test_a_fold_that_succeeds_after_all_has_not_failed(tmp_path: Path) -> None:
    store = FoldStore(tmp_path)
    told = store.fail({"a": 1}, 0, OSError("caf\udce9\n  is " + "long " * 200))
    assert str(told).startswith("OSError: caf? is long") and len(str(told)) < 310
    with pytest.raises(FailedError, match="OSError: caf"):
        store.check({"a": 1}, 0)
    store.check({"a": 1}, 1)
    store.write({"a": 1}, 0, FoldResult(np.zeros((1, 1)), 0.0, None))
    store.check({"a": 1}, 0)


def test_a_study_that_fails_ends_all_of_them_with_its_own_error(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    many = [replace(job, name=f"{job.name}{n}") for n in range(3) for job in jobs(tmp_path / str(n), 40, "trees", "linear")]
    broken = kinds("candidate")["rule"].model_validate({"kind": "rule", "sql": "no_such_column > 1"})
    failing: Any = Job("broken", broken, 1, FoldStore(tmp_path / "broken"), None)
    started = time.monotonic()
    with pytest.raises(PolarsError, match="no_such_column"):
        engine(learner, folds).study_all([*many[:2], failing, *many[2:]], 1)
    # All 240 trials would take far longer.
    assert time.monotonic() - started < 30.0


def test_folds_by_time_are_trained_on_earlier_blocks_alone() -> None:
    ids = pl.Series("row_id", [5, 6, 7, 8, 9], dtype=pl.UInt64)
    blocks = pl.DataFrame({"row_id": ids, "fold": pl.Series([-1, 0, 0, 1, -1], dtype=pl.Int8)})
    found = folds_of(ids, blocks, walks_forward=True)
    assert [(f.number, f.train.tolist(), f.valid.tolist()) for f in found] == [(0, [0, 4], [1, 2]), (1, [0, 1, 2, 4], [3])]
    shuffled = folds_of(ids, blocks.with_columns(fold=pl.Series([1, 0, 0, 1, 1], dtype=pl.Int8)), walks_forward=False)
    assert [(f.number, f.train.tolist(), f.valid.tolist()) for f in shuffled] == [(0, [0, 3, 4], [1, 2]), (1, [1, 2], [0, 3, 4])]


class Seen(Silent):
    """Progress that remembers what was said to be best."""

    def __init__(self) -> None:
        self.best: list[str] = []

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        self.best.append(best)


def test_the_least_loss_of_all_candidates_is_shown_as_soon_as_it_is_known(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    seen = Seen()
    done = replace(engine(learner, folds), tally=Tally(seen, 1)).study_all(jobs(tmp_path, 2), 1)
    name, found = min(done.items(), key=lambda item: item[1].best.loss)
    assert seen.best[0] == ""
    assert seen.best[-1] == f"best so far {name} (log loss {found.best.loss:.4g})"
