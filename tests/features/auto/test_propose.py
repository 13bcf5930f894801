"""The search finds what is planted, keeps nothing of noise, does the same every time, and spends no more than it may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.features.auto.planted import FOLDS, ground, noise, planted

from runner.core.expressions import evaluate
from runner.core.faults import FaultsError
from runner.features.auto import propose as search
from runner.features.auto.candidates import candidates, look
from runner.features.auto.propose import propose
from runner.features.auto.refits import planned
from runner.features.auto.screen import Around, Errors, bins, coded, gains
from runner.features.recipe import outcome_columns, plan
from runner.features.spec import FeaturesSpec

SLOW = pytest.mark.slow
LEAST = FOLDS * (2 * search.REPEATS + 4)
FOUND = {"ratio": "n1_per_n0", "product": "n1_times_n0", "crossing": "c1_x_c0_target", "mean": "c0_target"}


@pytest.mark.parametrize(
    ("what", "task"),
    [pytest.param("ratio", "binary", marks=SLOW), ("product", "regression"), pytest.param("crossing", "binary", marks=SLOW), ("mean", "regression")],
)
def test_what_is_planted_is_found_and_kept(what: str, task: str) -> None:
    found = propose(ground(planted(what, 1000, 1, task), task), LEAST)
    assert [sorted(one.feature.of) for one in found.kept] == [["c0"] if what == "mean" else ["c0", "c1"] if what == "crossing" else ["n0", "n1"]]
    assert found.kept[0].feature.family.split()[0] == {"crossing": "target", "mean": "target"}.get(what, what)
    gain = found.evidence.gain
    assert gain is not None
    assert 0 < gain.low <= gain.share <= gain.high


@pytest.mark.parametrize(("seed", "task"), [(0, "binary"), (1, "regression"), (2, "binary")])
def test_noise_is_left_alone(seed: int, task: str) -> None:
    assert propose(ground(noise(300, seed, task), task, seed=seed), LEAST).steps == {}


def test_the_same_question_gets_the_same_answer() -> None:
    first, again = (propose(ground(planted("crossing", 400, 2, "binary"), "binary"), LEAST) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("budget", [LEAST, LEAST + FOLDS + 1])
def test_the_budget_is_kept_to_the_fit(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[str] = []
    given = ground(planted("crossing", 300, 2, "binary"), "binary")
    evidence = propose(given, budget, lambda doing, done, total: fits.append(doing)).evidence
    assert evidence.fits == len(fits) <= evidence.budget == budget
    assert evidence.screened <= search.CANDIDATES_A_FIT * budget


def test_a_small_budget_screens_few_candidates() -> None:
    given = ground(noise(300, 0), "binary")
    columns = look(given, lambda column: 0.0)
    for most in (1, 7, 30):
        assert len(candidates(columns, given, most)) == most


def test_a_budget_that_cannot_try_one_candidate_is_told() -> None:
    with pytest.raises(FaultsError, match=f"at least {LEAST}"):
        propose(ground(noise(200, 0), "binary"), LEAST - 1)


def test_folds_in_time_order_stay_in_order() -> None:
    given = ground(planted("crossing", 600, 2, "binary"), "binary", in_time=True)
    for repeat in range(3):
        assert all(fold.train.max() < fold.valid.min() for fold in given.repeat(repeat))
    assert not np.array_equal(given.repeat(1)[1].train, given.repeat(2)[1].train)


def test_every_repeat_validates_each_row_once_and_keeps_groups_together() -> None:
    given = ground(noise(300, 0), "binary")
    groups = np.arange(300) // 7
    for one in (given, type(given)(given.learner, given.folds, given.columns, groups=groups)):
        drawn = one.repeat(2)
        assert sorted(np.concatenate([fold.valid for fold in drawn])) == list(range(300))
        assert all(not set(fold.train) & set(fold.valid) for fold in drawn)
        assert one.groups is None or all(not set(groups[fold.train]) & set(groups[fold.valid]) for fold in drawn)


def test_what_the_recipe_drops_or_hides_is_read_by_no_candidate() -> None:
    given = ground(noise(300, 0), "binary", spec=FeaturesSpec.model_validate({"drop": ["n0", "c0"]}))
    columns = look(given, lambda column: 0.0)
    read = {name for one in candidates(columns, given, 1000) for name in one.of}
    assert read == {"n1", "n2", "n3", "c1", "c2", "n1_band", "n2_band", "n3_band"}


def test_every_candidate_is_a_step_that_the_recipe_plans() -> None:
    rows = noise(300, 0).with_columns(n0=pl.when(pl.col("n0") > 20).then(pl.col("n0")), n1=pl.col("n1").cast(pl.Int64), c0=pl.col("c0").replace("v1", None))
    given = ground(rows.rename({"n2": "unit price (EUR)"}), "binary")
    columns = look(given, lambda column: 0.0)
    found = candidates(columns, given, 1000)
    assert {one.family for one in found} >= {"ratio", "product", "sum", "difference", "group deviation", "missing", "target encoding", "frequency"}
    for one in found:
        part = planned(given, one.name, one.steps)
        assert part.learner.recipe.features
        part.columns(given.folds[0], 0)


def test_the_screen_looks_at_the_values_that_the_step_makes() -> None:
    given = ground(noise(300, 0), "binary")
    one = next(one for one in candidates(look(given, lambda column: 0.0), given, 100) if one.family == "ratio")
    sql: dict[str, Any] = one.steps[one.name]["expressions"]
    outcome, classes = outcome_columns(given.learner.rows["y"], "binary", ["no", "yes"], "yes")
    made = plan(FeaturesSpec.model_validate({"steps": one.steps}), given.learner.rows, outcome, classes, ["y"])[1]
    assert_frame_equal(made.select(one.name), evaluate(given.learner.rows, sql))


def test_the_screen_gains_where_errors_depend_on_the_bin_and_loses_where_they_do_not() -> None:
    draw = np.random.default_rng(0)
    x, fold = pl.Series(draw.normal(size=4000)), draw.integers(0, 4, 4000)
    hit = (draw.random(4000) < np.where(x.to_numpy() > 0.5, 0.8, 0.2)).astype(float)
    errors = Errors.of(np.full((4000, 2), [1 - hit.mean(), hit.mean()]), hit, fold, "binary")
    told = gains(bins(x), errors.dealt_anew(3, 1), errors)
    assert told[0] > 0.05
    assert (told[1:] < 0.001).all()


def test_an_entitys_past_is_tried_where_folds_walk_forward() -> None:
    draw = np.random.default_rng(0)
    rows = noise(400, 0).with_columns(
        c0=pl.Series([f"v{v}" for v in draw.integers(0, 40, 400)]),
        at=pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2024, 1, 1) + pl.duration(hours=399), "1h"),
    )
    given = replace(ground(rows, "binary", in_time=True), dates=("at",), time="at")
    columns = look(given, lambda column: 0.0)
    found = {one.family: one for one in candidates(columns, given, 1000)}
    assert found["history"].steps == {
        "c0_rows_before": {"kind": "history", "entity": ["c0"], "time": "at", "aggregates": {"c0_rows_before": {"how": "count"}}, "elapsed": "c0_hours_since"}
    }
    assert found["calendar"].steps == {"at_parts": {"kind": "calendar", "column": "at", "parts": ["day", "weekday", "hour"]}}
    around = Around(columns, np.zeros((400, 1)), ("",), np.arange(400))
    seen = coded([found["history"]], around)[0]
    assert [len(set(codes)) > 1 for codes in seen] == [True, True]
    assert planned(given, "past", found["history"].steps).columns(given.folds[1], 0).valid.shape == (80, 2)
