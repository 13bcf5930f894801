"""A trial is given up when it is surely and noticeably worse than the best one it sees; what it sees depends on its number alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training.test_engine import engine, jobs, made_folds, made_learner, same
from tests.training.test_study import SPACE, record, tried

from runner.training.pruning import MARGIN, is_hopeless

# Settings of the linear model from sound to absurd; the third one is what others are compared with.
PENALTIES = ({"penalty": 0.02}, {"penalty": 0.01}, {"penalty": 1e5}, {"penalty": 0.03}, {"penalty": 1e6})


def test_equals_are_hardly_ever_told_apart_and_a_clear_loser_is() -> None:
    draw = np.random.default_rng(3)
    best = draw.exponential(0.5, 2000)
    assert sum(is_hopeless(best + draw.normal(0, 0.2, 2000), best) for _ in range(1000)) < 20
    assert is_hopeless(best + draw.normal(0.1, 0.2, 2000), best)
    assert not is_hopeless(best - 0.1, best)


def test_a_sure_but_tiny_difference_costs_no_trial_its_folds() -> None:
    best = np.random.default_rng(4).exponential(0.5, 100_000)
    assert not is_hopeless(best * (1 + 0.9 * MARGIN), best)
    assert is_hopeless(best * (1 + 2.0 * MARGIN), best)
    assert not is_hopeless(np.array([9.0]), np.array([0.1]))


def test_hopeless_trials_are_given_up_and_are_never_the_best(tmp_path: Path) -> None:
    learner = made_learner(1500)
    folds = made_folds(learner)

    def run(home: Path, workers: int, prunes: bool = True) -> dict:
        (job,) = jobs(home, 6, "linear")
        return replace(engine(learner, folds), prunes=prunes).study_all([replace(job, portfolio=PENALTIES)], workers)

    one, four, whole = run(tmp_path / "one", 1), run(tmp_path / "four", 4), run(tmp_path / "whole", 2, prunes=False)
    assert same(one, four)
    trials = one["linear"].trials
    # Trials 1 and 2 see nothing yet, by the lag; 3 and 5 are far off; 4 is as good as the best.
    assert [t.pruned for t in trials] == [False, False, False, True, False, True]
    assert [len(t.fold_losses) for t in trials] == [3, 3, 3, 1, 3, 1]
    assert one["linear"].best == whole["linear"].best
    assert one["linear"].out_of_fold(3, folds) is None
    assert one["linear"].out_of_fold(one["linear"].best.number, folds) == pytest.approx(one["linear"].predictions)


def test_optuna_sees_a_pruned_trial_with_the_losses_of_its_folds(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    written = record(tmp_path / "study.log")
    written.add(tried(0))
    written.add(replace(tried(1), pruned=True, fold_losses=(0.7,), rounds=(3,)))
    study = optuna.load_study(study_name="x/trees", storage=JournalStorage(JournalFileBackend(str(tmp_path / "study.log"))))
    assert [t.state.name for t in study.trials] == ["COMPLETE", "PRUNED"]
    assert [t.intermediate_values for t in study.trials] == [{0: 0.5, 1: 0.25}, {0: 0.7}]
    assert study.best_trial.number == 0
    assert set(study.trials[1].params) == set(SPACE)
