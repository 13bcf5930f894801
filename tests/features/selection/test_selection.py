"""Features that tell something are kept, noise and copies are dropped, and what does not pay its cost goes too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.features.selection.planted import TOLD, asked, selected

from runner.features.matrices import Fold
from runner.features.selection.cells import Told, aside, standard_error
from runner.features.selection.costs import Costs, costs_of
from runner.features.selection.curve import Curve, Limit
from runner.features.selection.ranking import NOISE, PAYS, TELLS, ranked, standings
from runner.features.selection.redundancy import clusters
from runner.features.selection.select import narrowed
from runner.features.selection.spec import SelectionSpec

EVERY = Limit(4, all_too=True)


class TestASelection:
    @pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
    def test_keeps_what_tells_something_and_drops_noise_and_copies(self, seed: int) -> None:
        found = selected(seed=seed, n=800, n_noise=3)
        kept = {"strong" if name in ("copy", "stretched") else name for name in found.features}
        assert kept == TOLD
        assert len(found.features) == len(TOLD)
        assert found.report["ships"] == "smallest"

    @pytest.mark.parametrize(("task", "kind"), [("regression", "permutation"), ("multiclass", "null_importance")])
    def test_works_for_numbers_and_for_several_classes(self, task: str, kind: str) -> None:
        found = selected({"kind": kind, "repeats": 1, "max_features": 3}, task=task, n=500, n_noise=1)
        assert {"second", "city"} <= set(found.features)
        assert not any(name.startswith("noise") for name in found.features)

    def test_drops_an_expensive_feature_that_does_not_pay_and_keeps_one_that_does(self) -> None:
        cheap, dear = (selected({"repeats": 1}, n=600, n_noise=1, costs={"second": cost}) for cost in (0.01, 0.5))
        assert "second" in cheap.features
        assert "second" not in dear.features
        assert dear.report["no_longer_read"] == ["second"]
        verdicts = {f["name"]: f["verdict"] for f in dear.report["features"]}
        assert verdicts["second"] == "tells, but does not pay its cost"
        # With all features the cost is paid; the smaller set saves it.
        assert dear.report["curve"][-1]["cost"] == pytest.approx(0.5)
        assert dear.report["nested"]["gain_over_all"]["low"] > 0.2

    def test_only_reports_unless_it_is_asked_to_ship(self) -> None:
        found = selected({"ship": "all", "repeats": 1}, n=300, n_noise=1)
        assert len(found.features) == found.report["all"] == 6
        assert found.report["ships"] == "all"
        assert len(found.report["smallest"]) < 6
        # What of the payoff is from having chosen by the same rows is told.
        assert found.report["optimism"] == pytest.approx(found.report["chosen_on_all_folds"] - found.report["nested"]["payoff"]["value"])
        assert len(found.report["nested"]["sizes"]) == found.report["folds"] == 4

    def test_computes_nothing_where_it_is_not_asked_for(self) -> None:
        found = selected({"kind": "none"}, n=200, n_noise=1)
        assert found.report == {}
        assert len(found.features) == 6

    def test_keeps_all_with_too_few_rows_and_says_so(self) -> None:
        found = selected(n=60, n_noise=1)
        assert found.report["ships"] == "all"
        assert "too few" in found.report["why"]
        assert len(found.features) == 6

    def test_gives_the_same_twice(self) -> None:
        one, two = (selected({"repeats": 1}, n=200, n_noise=0) for _ in range(2))
        assert one == two

    def test_a_limit_on_the_number_is_kept(self) -> None:
        found = selected({"max_features": 2, "repeats": 1, "within_standard_errors": 0.0}, n=300, n_noise=0)
        assert len(found.features) <= 2
        assert all(size <= 2 for size in found.report["nested"]["sizes"])

    def test_of_many_features_only_the_strongest_are_looked_at_closely(self) -> None:
        found = selected({"screen": 4, "repeats": 1}, n=400, n_noise=100)
        assert {"second", "city"} <= set(found.features)
        assert sum(f["verdict"] == "too little gain to be examined" for f in found.report["features"]) > 90
        assert max(p["features"] for p in found.report["curve"][:-1]) <= 4

    def test_narrows_what_models_see_and_nothing_else(self) -> None:
        learner = asked(n=50, n_noise=1).learner
        fewer = narrowed(learner, ["city"])
        assert [f["name"] for f in fewer.recipe.features] == ["city"]
        assert fewer.rows is learner.rows


class TestCosts:
    def test_of_a_set_count_each_column_once_through_the_steps_that_read_it(self) -> None:
        steps = {
            "made": {"kind": "sql", "expressions": {"sum": "strong + second", "twice": "2 * second"}},
            "rate": {"kind": "target_encoding", "columns": ["city"]},
            "again": {"kind": "sql", "expressions": {"rest": "city_target_yes - sum"}},
        }
        given = asked(n=60, n_noise=0, costs={"strong": 1.0, "second": 2.0, "city": 4.0}, steps=steps)
        costs = costs_of(given.contract, given.problem, given.learner.recipe.origins)
        assert costs.of(["sum", "twice", "second"]) == 3.0
        assert costs.of(["twice"]) == 2.0
        assert costs.of(["rest"]) == 7.0
        assert costs.of([]) == 0.0

    def test_of_what_the_payoff_reads_are_paid_in_any_case(self) -> None:
        problem: dict[str, Any] = {"time": "day", "payoff": {"sql": None, "actions": {"go": {"no": "0", "yes": "0.2 * amount"}}}}
        contract = {"columns": {"amount": {"cost": 1.0}, "day": {"cost": 1.0}, "age": {"cost": 1.0}, "free": {"cost": None}}}
        assert costs_of(contract, problem, {}).columns == {"age": 1.0}


class TestCopies:
    def test_are_found_among_numbers_among_categories_and_with_missing_values(self) -> None:
        draw = np.random.default_rng(0)
        x, code = draw.normal(size=500), draw.integers(0, 4, 500).astype(float)
        gaps = np.where(draw.random(500) < 0.2, np.nan, draw.normal(size=500))
        values = np.column_stack([x, np.exp(x), -x, gaps, gaps * 2, np.full(500, 1.0), draw.normal(size=500), code, (code + 1) % 4, draw.integers(0, 4, 500)])
        names = ["x", "exp", "minus", "gaps", "twice", "flat", "other", "code", "renamed", "free"]
        assert clusters(values, names, 7, 0.98) == [["x", "exp", "minus"], ["gaps", "twice"], ["code", "renamed"]]

    def test_the_cheapest_stands_for_all_and_gets_what_was_told_of_any(self) -> None:
        cells = [[{"a": Told(0.9, 1.0, 2.0, True, True), "b": Told(0.1)}], [{"a": Told(0.1), "b": Told(0.9, 3.0, 4.0, True, True)}]]
        found = standings(cells, {"a": 1.0, "b": 0.5}, [["a", "b"]])
        assert ranked(found) == ["b"]
        assert (found["b"].loss, found["b"].stability, found["b"].tier) == (2.0, 1.0, PAYS)


def test_a_ranking_puts_what_pays_first_then_what_tells_then_noise() -> None:
    cell = {"dear": Told(0.5, 9.0, 1.0, True, True), "good": Told(0.3, 1.0, 1.0, True, True), "noise": Told(0.2, 0.1, 0.0, False, True), "unseen": Told(0.0)}
    found = standings([[cell]], {"dear": 2.0}, [])
    assert ranked(found) == ["good", "dear", "noise"]
    assert [found[name].tier for name in ("good", "dear", "noise")] == [PAYS, TELLS, NOISE]
    assert found["dear"].told == 1.0
    assert found["dear"].stability == 0.0


class TestTheSmallestSet:
    @staticmethod
    def curve(net: np.ndarray) -> Curve:
        return Curve((0, 1, 2, 4), net, np.arange(len(net)) % 2, np.zeros(4), None)

    def test_is_within_one_standard_error_of_the_paired_difference_to_the_best(self) -> None:
        shared = np.random.default_rng(0).normal(size=1000) * 100
        wobble = np.random.default_rng(1).normal(size=(1000, 4))
        wobble -= wobble.mean(axis=0)
        found = self.curve(shared[:, None] + wobble * 0.1 + np.array([0.0, 0.5, 1.0, 1.001]))
        rows = np.arange(1000)
        # The rows' own spread is a hundred times the difference, and it is shared: one feature surely earns less than two.
        assert found.best(rows, EVERY) == 3
        assert found.smallest(rows, 1.0, EVERY) == 2
        assert found.smallest(rows, 0.0, EVERY) == 3
        assert found.smallest(rows, 1.0, Limit(1, all_too=False)) == 1
        # No larger set than what told more than chance, even where luck made it best; all of them stay a choice.
        assert found.best(rows, Limit(1, all_too=True)) == 3

    def test_has_at_least_one_feature_even_where_none_earns_most(self) -> None:
        assert self.curve(np.tile([5.0, 1.0, 1.0, 1.0], (10, 1))).smallest(np.arange(10), 1.0, EVERY) == 1


class TestRowsSetAside:
    def test_are_training_rows_of_the_fold_and_never_those_it_judges(self) -> None:
        place = np.arange(300) % 3
        folds = [Fold(k, np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(3)]
        for fold in folds:
            made = aside(fold, folds, {f.number: f for f in folds}, 1)
            assert made is not None
            assert not set(made.fit) & set(made.judged)
            assert not (set(made.fit) | set(made.judged)) & set(fold.valid)
            # All of one other fold: what belongs together stays together.
            assert len(set(place[made.judged])) == 1

    def test_walking_forward_come_after_the_rows_learned_from(self) -> None:
        block = np.repeat([-1, 0, 1], 100)
        folds = [Fold(k, np.flatnonzero(block < k), np.flatnonzero(block == k)) for k in range(2)]
        by_number = {f.number: f for f in folds}
        last = aside(folds[1], folds, by_number, 1)
        assert last is not None
        assert last.fit.max() < last.judged.min()
        # Before the first judged block there is one block alone: a draw of it has to do.
        first = aside(folds[0], folds, by_number, 1)
        assert first is not None
        assert set(first.fit) | set(first.judged) == set(range(100))

    def test_are_none_where_there_are_too_few(self) -> None:
        fold = Fold(0, np.arange(30), np.arange(30, 60))
        assert aside(fold, [fold], {0: fold}, 1) is None


def test_a_standard_error_counts_groups_as_one_draw() -> None:
    values, groups = np.repeat([1.0, 2.0, 4.0, 1.0], 25), np.repeat(np.arange(4), 25)
    assert standard_error(values, groups) == pytest.approx(5 * standard_error(values, None))


def test_the_spec_refuses_what_has_no_meaning() -> None:
    for wrong in ({"kind": "forward"}, {"max_features": 0}, {"redundant_above": 0.2}, {"within": 1}):
        with pytest.raises(ValueError, match="validation error"):
            SelectionSpec.model_validate(wrong)


def test_costs_of_a_feature_that_is_a_column_are_the_columns_own() -> None:
    assert Costs({"age": 2.0}, {}).of(["age"]) == 2.0
