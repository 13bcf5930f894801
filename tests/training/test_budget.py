"""A budget becomes work once; from then on no clock decides anything, and what was done can be declared."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.training.test_engine import DECLARED, engine, folds, jobs, learner, same

from runner.core.faults import RefusedError
from runner.core.registry import kinds, part
from runner.core.stage import Given
from runner.features.matrices import Fold, Learner
from runner.training.budget.allot import Opened, shares
from runner.training.budget.clock import Clock
from runner.training.budget.estimate import Size
from runner.training.budget.level import Level, cheaper, drawn
from runner.training.budget.memory import Memory, held, used_gib
from runner.training.budget.opening import AFTER_S, ROUNDS_MORE, Means, Refits
from runner.training.budget.plan import Plan, PlanFile
from runner.training.budget.spec import BudgetSpec
from runner.training.course import Job, Studied
from runner.training.ensemble.spec import FinalSpec
from runner.training.failures import judged
from runner.training.fold_store import FoldStore
from runner.training.jobs import Jobs
from runner.training.models.lightgbm import LightGBMSpec
from runner.training.probing import speeds
from runner.training.spec import TrainingSpec
from runner.training.studies import ROUNDS, Conductor, Studies
from runner.training.study import Trial

__all__ = ["folds", "learner"]  # fixtures
PROBLEM = {"task": "binary", "target": "bad", "positive": "1", "constraints": {"monotone": {}}}
TRAINED = {name: DECLARED[name] for name in ("linear", "trees")}


def conductor(home: Path, learner: Learner, folds: list[Fold], workers: int = 2, deadline: float | None = None, **declared: Any) -> Conductor:
    """Of two candidates above the constant, as a run has it."""
    files = {name: home.parent / name for name in ("features", "recipe", "folds")}
    for path in files.values():
        path.write_text("x")
    spec = TrainingSpec.model_validate({"candidates": TRAINED, **declared})
    specs = {"constant": kinds("candidate")["constant"].model_validate({"kind": "constant"}), **spec.candidates}
    given = Given(files, "x", learner.seed, home.parent, home, workers, deadline=deadline)
    return Conductor.of(Jobs.of(spec, given, learner, folds, specs, PROBLEM))


def conduct(home: Path, learner: Learner, folds: list[Fold], workers: int = 2, deadline: float | None = None, **declared: Any) -> Studies:
    """Their studies."""
    return conductor(home, learner, folds, workers, deadline, **declared).run()


def test_a_budget_of_work_is_spent_by_all_studies_and_is_the_same_with_any_number_of_workers(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    one = conduct(tmp_path / "one", learner, folds, 1, budget={"work": 0.6})
    four = conduct(tmp_path / "four", learner, folds, 4, budget={"work": 0.6})
    assert same(dict(one.studied), dict(four.studied))
    assert one.plan == four.plan
    work = sum(trial.work for studied in one.studied.values() for trial in studied.trials)
    assert 0.4 * 0.6 < work <= 0.6
    assert max(one.plan["trials"].values()) > 1


def test_more_work_goes_on_with_the_same_trials(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    less = conduct(tmp_path / "home", learner, folds, budget={"work": 0.3})
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "home" / "fits").rglob("*.npz")}
    more = conduct(tmp_path / "home", learner, folds, budget={"work": 0.6})
    for name, studied in less.studied.items():
        assert more.studied[name].trials[: len(studied.trials)] == studied.trials
    assert sum(more.plan["trials"].values()) > sum(less.plan["trials"].values())
    assert stamps.items() <= {p: p.stat().st_mtime_ns for p in (tmp_path / "home" / "fits").rglob("*.npz")}.items()


def test_what_the_shares_left_over_is_divided_again_until_it_pays_for_no_trial(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    done = conduct(tmp_path / "home", learner, folds, budget={"work": 0.6})
    left = 0.6 - sum(trial.work for studied in done.studied.values() for trial in studied.trials)
    assert 1 <= done.clocked["rounds"] <= ROUNDS
    assert done.clocked["settled"]
    if done.clocked["rounds"] < ROUNDS:
        assert all(left < studied.trials[0].work for name, studied in done.studied.items() if name in TRAINED)
    assert set(done.clocked["shares"]) == set(done.studied)
    # A rerun makes all rounds' trials in one go.
    assert same(dict(conduct(tmp_path / "home", learner, folds, budget={"work": 0.6}).studied), dict(done.studied))


def test_a_later_round_takes_no_trial_away(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    own = conductor(tmp_path / "home", learner, folds, budget={"work": 0.6})
    first = own.run().studied
    plan = Plan(Level(), dict.fromkeys(first, 0.5), rounds=1)
    assert all(share >= 0.5 for share in own._shares(own.jobs.specs, first, plan, 0.0).values())


def seconds_of(times: float) -> Trial:
    """A trial whose three folds took so many seconds together."""
    return Trial(0, {}, 0.5, (0.5,) * 3, (10,) * 3, seconds=(times / 3,) * 3)


def test_refits_take_as_long_as_the_longest_of_them_and_see_fewer_rows_only_where_time_is_short() -> None:
    refits, trees = Refits(rows=90_000, trained=180_000, lanes=2, final=FinalSpec()), ("trees", seconds_of(10.0))
    assert refits.seconds([]) == 0.0
    assert refits.seconds([trees]) == pytest.approx(10.0 * ROUNDS_MORE / 2)
    assert refits.seconds([trees] * 4) == pytest.approx(2 * 10.0 * ROUNDS_MORE / 2)
    assert refits.rows_for([trees], 6.0) is None
    fewer = refits.rows_for([trees], 3.0)
    assert fewer is not None
    assert 2.9 < refits.seconds([trees], fewer) <= 3.0
    thrice = replace(refits, final=FinalSpec(refits={"trees": 3}))
    assert thrice.seconds([trees, ("linear", seconds_of(10.0))]) == pytest.approx(refits.seconds([trees] * 4))


def test_what_ships_is_refitted_as_often_as_declared_where_there_is_time_and_else_once(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    def once(seconds: float, minutes: float) -> bool:
        budget, final = {"minutes": minutes}, {"refits": {"trees": 20}}
        own = conductor(tmp_path / f"{seconds}", learner, folds, budget=budget, final=final)
        done = own.run()
        level = own.refitting(done, [[("trees", replace(done.studied["trees"].best, seconds=(seconds,) * len(folds)))]]).level
        assert level.refitted(own.jobs.spec.final).times("trees") == (1 if level.once else 20)
        return level.once

    assert not once(0.001, 0.1)
    assert once(2.0, 0.1)


def test_members_are_let_go_only_where_that_saves_time(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    own = conductor(tmp_path / "home", learner, folds, budget={"minutes": 0.1})
    done = own.run()

    def lasting(name: str, seconds: float) -> tuple[str, Trial]:
        return name, replace(done.studied[name].best, seconds=(seconds,) * len(folds))

    dear, cheap = lasting("trees", 30.0), lasting("linear", 0.001)
    assert own.refitting(done, [[cheap, dear], [cheap]]).level.members == 1
    # Both are fitted side by side: the dear one alone would take as long.
    assert own.refitting(done, [[dear, cheap], [dear]]).level.members is None


def test_later_rounds_keep_time_for_the_refits_of_what_would_ship_by_now_and_not_of_the_dearest(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    cheap, dear = seconds_of(2.0), replace(seconds_of(20.0), number=1)
    found = {"trees": Studied((cheap, dear), cheap, np.zeros((0, 2)), 22.0, FoldStore(tmp_path))}

    def kept(ships: Trial, rounds: int, rungs: str = "chosen", refits: int = 1, settled: bool = False) -> float:
        final = {"rungs": rungs, "refits": refits}
        own = conductor(tmp_path / "home", learner, folds, budget={"minutes": 10}, final=final, candidates={**TRAINED, "all": {"kind": "ensemble"}})
        asked = replace(own, shipping=lambda studied, judged_on: [("trees", ships)] if len(judged_on) == len(folds) else [])
        return asked._reserve(found, Plan(Level(), {}, rounds=rounds, settled=settled))

    assert kept(cheap, rounds=1) < kept(dear, rounds=1) - 5.0
    assert kept(cheap, rounds=0) == kept(dear, rounds=0), "one trial each says little"
    assert kept(cheap, rounds=1, rungs="all") == kept(dear, rounds=1, rungs="all"), "every rung is refitted"
    assert kept(cheap, rounds=1) == kept(cheap, rounds=1, refits=5), "more than one refit each is made of what is left in the end"
    assert kept(dear, rounds=1, settled=True) == 0.0, "a rerun of what is decided must not end sooner than the run did"


def test_studies_end_in_time_for_the_refits_of_what_would_ship_by_now(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    def ends(seconds: float) -> float:
        own = conductor(tmp_path / f"{seconds}", learner, folds, budget={"minutes": 0.2}, final={"rungs": "chosen"})
        clock = replace(own, shipping=lambda *_: [("trees", seconds_of(seconds))]).run().engine.clock
        assert clock.end is not None
        return clock.end - own.means.started

    refits = Refits.of(learner.rows.height, Level(), folds, 2, FinalSpec())
    dear, cheap = ends(9.0), ends(0.1)
    assert dear == pytest.approx(12.0 - AFTER_S - refits.seconds([("trees", seconds_of(9.0))] * 2), abs=0.01)
    assert dear < cheap - 1.0


def test_a_clock_only_ends_sooner() -> None:
    now = time.monotonic()
    clock = Clock(None, now + 60.0)
    clock.sooner(now + 90.0)
    assert clock.end == now + 60.0
    assert not clock.over()
    clock.sooner(now - 1.0)
    assert clock.ended()
    assert clock.fired


def test_the_dearest_candidate_goes_faster_before_the_others_do(folds: list[Fold]) -> None:
    specs = {kind: kinds("candidate")[kind].model_validate({"kind": kind}) for kind in ("linear", "lightgbm", "catboost")}
    means = Means(time.monotonic(), 30.0, None, None, 2, Size(2000, 20, 1), folds, specs)
    paces = [means.opening(lambda _, dear=dear: {"lightgbm": 1.0, "catboost": dear}).level.pace for dear in (1.0, 10.0, 30.0)]
    assert paces[0] == {}
    assert list(paces[1]) == ["catboost"]
    assert paces[2]["catboost"] > paces[2].get("lightgbm", 1.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_first_trial_that_takes_far_too_long_is_given_up_once_boosted_trees_are_through(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    endless = {"kind": "catboost", **ENDLESS["catboost"], "max_iterations": 30_000}
    budget = {"minutes": 0.3}
    started = time.monotonic()
    done = conduct(tmp_path / "home", learner, folds, candidates={**TRAINED, "endless": endless}, budget=budget)
    assert time.monotonic() - started < 1.02 * 18.0 + 5.0
    assert done.clocked["left_out"] == ["endless"]
    assert len(done.studied["trees"].trials) > 1
    assert same(dict(conduct(tmp_path / "home", learner, folds, candidates={**TRAINED, "endless": endless}, budget=budget).studied), dict(done.studied))


def test_what_was_tried_tells_the_speed_of_candidates_that_learn_step_by_step(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    found = speeds(conductor(tmp_path / "home", learner, folds, budget={"minutes": 1}).jobs, TrainingSpec.model_validate({"candidates": TRAINED}).candidates)
    assert set(found) <= {"trees"}
    assert all(rate > 0 for rate in found.values())


def test_minutes_are_kept_to_and_what_was_done_can_be_declared_elsewhere(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    started = time.monotonic()
    timed = conduct(tmp_path / "here", learner, folds, budget={"minutes": 0.2})
    assert time.monotonic() - started <= 1.02 * 12.0 + 5.0
    assert min(timed.plan["trials"].values()) >= 1
    # A rerun follows the recorded plan, a run elsewhere the declared one.
    again = conduct(tmp_path / "here", learner, folds, budget={"minutes": 0.2})
    elsewhere = conduct(tmp_path / "there", learner, folds, budget={"plan": timed.plan})
    assert same(dict(again.studied), dict(timed.studied))
    assert same(dict(elsewhere.studied), dict(timed.studied))
    assert elsewhere.plan == timed.plan == again.plan


def test_a_deadline_that_has_passed_leaves_what_costs_nothing(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    cut = conduct(tmp_path / "home", learner, folds, budget={"minutes": 5}, deadline=time.monotonic() - 1.0)
    assert list(cut.studied) == ["constant"]
    assert cut.clocked["left_out"] == ["linear", "trees"]
    assert cut.engine.clock.fired


# Far more iterations or trees than there is time for.
ENDLESS: dict[str, dict[str, Any]] = {
    "lightgbm": {"learning_rate": 1e-4, "max_iterations": 100_000, "patience": 100_000, "num_leaves": 255, "min_data_in_leaf": 1},
    "catboost": {"learning_rate": 1e-4, "max_iterations": 100_000, "patience": 100_000},
    "forest": {"trees": 5000},
}


@pytest.mark.parametrize("kind", ["forest", "extra_trees"])
def test_a_forest_that_may_be_ended_is_the_forest_that_may_not(kind: str, learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    spec: Any = kinds("candidate")[kind].model_validate({"kind": kind, "trees": 20})
    free, watched = (
        engine(learner, folds, Clock(None, end)).study_all([Job(kind, spec, 1, FoldStore(tmp_path / str(end)), None)], 1)
        for end in (None, time.monotonic() + 600.0)
    )
    assert same(free, watched)


@pytest.mark.parametrize("kind", list(ENDLESS))
def test_a_fit_in_progress_is_ended_by_the_stop_and_is_no_result(kind: str, learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    spec: Any = kinds("candidate")[kind].model_validate({"kind": kind, **ENDLESS[kind]})
    started = time.monotonic()
    job = Job(kind, spec, 3, FoldStore(tmp_path), None)
    found = engine(learner, folds, Clock(None, started + 1.5)).study_all([job], 1)
    assert found == {}
    assert time.monotonic() - started < 8.0
    assert list(tmp_path.rglob("*.npz")) == []


def test_a_study_that_was_stopped_is_a_study_of_fewer_trials(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    stopped = engine(learner, folds, Clock(None, time.monotonic() + 0.5)).study_all(jobs(tmp_path, 500, "linear"), 2)["linear"]
    made = len(stopped.trials)
    assert [t.number for t in stopped.trials] == list(range(made))
    assert same({"linear": stopped}, engine(learner, folds).study_all(jobs(tmp_path / "elsewhere", made, "linear"), 2))


def test_a_plan_is_decided_once_whoever_asks(tmp_path: Path) -> None:
    file = PlanFile(tmp_path / "plans" / "a.json")
    assert file.read() is None
    first = file.opened(lambda: Plan(Level(rows=500), clocked={"speed": 2.0}))
    assert file.opened(lambda: pytest.fail("decided twice")) == first
    shared = file.extended(first, lambda: {"trees": 1.5})
    assert file.extended(first, lambda: pytest.fail("decided twice")) == shared == file.read()
    assert shared == replace(first, shares={"trees": 1.5}, rounds=1)
    more = file.extended(shared, lambda: {"trees": 2.5})
    assert file.extended(more, lambda: None) == more
    assert file.settled(shared, None) == more, "another process went on"
    settled = file.settled(more, {"trees": 3})
    assert settled == replace(more, held={"trees": 3}, settled=True)
    assert file.extended(more, lambda: pytest.fail("decided twice")) == settled == file.settled(more, {"trees": 4})
    rows = file.refitting(settled, "these", lambda: Level(rows=500, refit_rows=100))
    assert rows == replace(settled, refits={"these": Level(rows=500, refit_rows=100)})
    assert file.refitting(settled, "these", lambda: pytest.fail("decided twice")) == rows == file.read()
    both = file.refitting(settled, "others", lambda: Level(rows=500))
    assert both.refits == {"these": Level(rows=500, refit_rows=100), "others": Level(rows=500)}, "another rung ships by now"
    assert file.refitting(settled, "these", lambda: pytest.fail("decided twice")) == both
    file.path.write_text("{")
    assert file.read() is None


@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.floats(0.1, 9), st.floats(0.01, 5), st.floats(0.2, 4)), min_size=1), st.floats(0, 500))
def test_shares_use_what_is_left_and_no_more_and_the_leader_gets_most(given: dict[str, tuple[float, float, float]], left: float) -> None:
    opened = {name: Opened(*parts) for name, parts in given.items()}
    found = shares(opened, left)
    cost = {name: found[name] * opened[name].rate for name in opened}
    assert set(found) == set(opened)
    assert sum(cost.values()) <= left + 1e-6
    assert all(found[name] == 0.0 or cost[name] >= opened[name].trial * (1 - 1e-9) for name in opened)
    full = [name for name in opened if found[name] >= opened[name].most * (1 - 1e-9)]
    if [name for name in opened if name not in full and opened[name].trial <= left - sum(cost.values())]:
        assert sum(cost.values()) == pytest.approx(left)
    served = sorted((name for name in opened if name not in full and found[name]), key=lambda name: (opened[name].loss, name))
    assert all(cost[a] >= cost[b] - 1e-6 for a, b in pairwise(served))


def test_a_share_pays_for_the_trial_that_is_next_and_goes_to_others_where_it_cannot() -> None:
    opened = {"slow": Opened(0.30, 1.0, 1.0, upcoming=5.0), "quick": Opened(0.31, 1.0, 1.0)}
    assert shares(opened, 4.0) == {"slow": 0.0, "quick": 4.0}
    assert shares(opened, 12.0)["slow"] >= 5.0


def test_the_next_trial_of_a_portfolio_is_priced_by_its_settings(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    jobs_of = conductor(tmp_path / "home", learner, folds, budget={"minutes": 1}).jobs
    spec = LightGBMSpec(kind="lightgbm")
    tried = [replace(seconds_of(1.0), number=number, work=work) for number, work in enumerate((1.0, 2.0, 6.0))]
    slow = next(number for number, entry in enumerate(spec.portfolio, 1) if entry.get("learning_rate", 1.0) < spec.learning_rate)
    assert jobs_of.upcoming("trees", spec, Level(), tried[:1] * slow) > 1.0
    through = (*tried, *[replace(tried[0], pruned=True)] * len(spec.portfolio))
    assert jobs_of.upcoming("trees", spec, Level(), through) == pytest.approx(3.0)


def test_who_is_far_behind_gets_little() -> None:
    opened = {"leader": Opened(0.3, 0.01, 1.0), "near": Opened(0.31, 0.01, 1.0), "far": Opened(0.5, 0.01, 1.0)}
    found = shares(opened, 1.0, constant=0.6)
    assert found["near"] > 0.4 * found["leader"]
    assert found["far"] < 0.1 * found["leader"]
    assert shares(opened, 1.0)["far"] > found["far"]


def test_levels_only_get_cheaper_and_end_with_few_rows() -> None:
    levels = [replace(level, pace={"trees": most}) for level, most in cheaper(5, 300_000)]
    spec = LightGBMSpec(kind="lightgbm")

    def work(level: Level) -> float:
        paced = level.paced("trees", spec)
        return (level.folds or 5) * paced.work({}, level.rows or 300_000, 20, 1, paced.max_iterations)

    costs = [work(Level()), *map(work, levels)]
    assert all(a >= b for a, b in pairwise(costs))
    assert costs[-1] < costs[0] / 500
    assert list(cheaper(1, 20))[-1][0].rows is None


def test_the_cheapest_level_of_a_tiny_table_can_be_declared_again() -> None:
    assert all(level.rows is None for level, _ in cheaper(5, 8))


def test_memory_that_is_declared_bounds_the_rows_of_final_refits_too(folds: list[Fold]) -> None:
    size = Size(rows=1_000_000, columns=100, classes=2)

    def rows(memory: float | None) -> int | None:
        return Means(0.0, None, None, memory, 2, size, folds, {}).refit_rows(None)

    assert rows(None) is None and rows(64.0) is None
    fewer = rows(3.0)
    assert fewer is not None and 1000 < fewer < 1_000_000
    assert 0.5 + size.refit_gib(fewer) <= 3.0 < 0.5 + size.refit_gib(int(fewer / 0.9) + 1)


def test_a_pace_is_laid_over_a_portfolio_too_and_leaves_slow_settings_of_a_fast_family_alone() -> None:
    assert Level(pace={"trees": 4.0}).settings("trees", {"learning_rate": 0.03, "num_leaves": 7}) == {"learning_rate": 0.12, "num_leaves": 7}
    assert Level(pace={"trees": 8.0}).settings("trees", {"learning_rate": 0.9, "max_iterations": 8}) == {"learning_rate": 0.9, "max_iterations": 8}
    assert Level(pace={"trees": 2.0}).paced("trees", LightGBMSpec(kind="lightgbm")).max_iterations == 500
    assert Level(pace={"others": 2.0}).paced("trees", LightGBMSpec(kind="lightgbm")).max_iterations == 1000


def test_fewer_rows_are_part_of_more() -> None:
    at = np.arange(100)
    assert set(drawn(at, 10, 3)) < set(drawn(at, 50, 3))
    assert np.array_equal(drawn(at, None, 3), at)
    assert np.array_equal(drawn(at, 50, 3), np.sort(drawn(at, 50, 3)))


def test_a_memory_limit_that_cannot_be_kept_is_refused_with_its_numbers(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r"training.memory_gb: is 0.01, and the process needs \d\.\d\d GiB .* are in use"):
        conduct(tmp_path / "home", learner, folds, memory_gb=0.01)
    kept = conduct(tmp_path / "home", learner, folds, memory_gb=64.0, tuning={"trials": 1})
    assert kept.clocked["fits_that_waited_for_memory"] == 0


def test_a_fit_waits_while_another_one_has_the_memory() -> None:
    from threading import Thread

    memory = Memory(used_gib() + 0.5, 1.0)
    order: list[str] = []

    def second() -> None:
        with held(memory):
            order.append("second")

    with held(memory):
        thread = Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert memory.waited == 1


@pytest.mark.parametrize("declared", [{}, {"minutes": 1.0, "work": 5.0}])
def test_a_budget_is_one_thing(declared: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="just one of minutes, work and plan"):
        BudgetSpec.model_validate(declared)


def test_where_not_all_folds_are_judged_on_the_latest_are(learner: Learner) -> None:
    folds = [Fold(n, np.arange(20 * (n + 1)), np.arange(20 * (n + 1), 20 * (n + 2))) for n in range(4)]
    assert [fold.number for fold in Level(folds=2).judged(folds)] == [2, 3]
    assert [fold.number for fold in Level().judged(folds)] == [0, 1, 2, 3]
    assert [len(fold.train) for fold in Level(folds=3, rows=50).cut(folds, 0)] == [40, 50, 50]


def test_a_budget_goes_on_without_what_fails_and_a_rerun_leaves_out_the_same(
    learner: Learner, folds: list[Fold], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(family: Any, kind: str) -> Any:
        def fit(spec: Any, given: Any) -> Any:
            if kind == "lightgbm":
                raise OSError("no such device")
            return part(family, kind)(spec, given)

        return fit

    budget, mended = {"work": 0.3}, tmp_path / "mended"
    monkeypatch.setattr("runner.training.engine.part", failing)
    first = conduct(tmp_path / "home", learner, folds, budget=budget, on_failure="leave_out")
    assert set(first.studied) == {"constant", "linear"} and list(first.engine.failures) == ["trees"]
    assert "without" not in first.clocked or not first.clocked["without"], "what fails is not too dear"
    again = conduct(tmp_path / "home", learner, folds, budget=budget, on_failure="leave_out")
    assert same(dict(again.studied), dict(first.studied)) and again.engine.failures == first.engine.failures
    shutil.copytree(tmp_path / "home" / "plans", mended / "plans")
    with pytest.raises(OSError, match="no such device"):
        conduct(tmp_path / "home", learner, folds, budget=budget, on_failure="stop")
    monkeypatch.setattr("runner.training.engine.part", part)
    assert "trees" in conduct(mended, learner, folds, budget=budget, on_failure="leave_out").studied


def test_what_is_made_of_a_candidate_that_fails_is_told_of_too(learner: Learner, folds: list[Fold], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(family: Any, kind: str) -> Any:
        def fit(spec: Any, given: Any) -> Any:
            raise OSError("no such device")

        return fit if kind == "lightgbm" else part(family, kind)

    monkeypatch.setattr("runner.training.engine.part", failing)
    found = conduct(tmp_path / "home", learner, folds, on_failure="leave_out")
    made_of = {name: kinds("candidate")["segments"].model_validate({"kind": "segments", "by": "job", "of": name}) for name in TRAINED}
    declared = TrainingSpec.model_validate({"candidates": TRAINED}).candidates
    gates = judged(found, {**declared, "by_trees": made_of["trees"], "by_linear": made_of["linear"]})
    assert [gate.name for gate in gates] == ["candidate: trees", "candidate: by_trees"]
    assert {gate.status for gate in gates} == {"warned"}
    assert gates[1].evidence == "by_trees is left out, as trees, of which it is made, fails in its library"
