"""What a suspect is worth in payoff, and that a permuted outcome tells nothing unless something sees beyond its fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.features.test_probe import BINARY, NUMBER, probing

from runner.features.leakage.price import canary, prices
from runner.features.matrices import Fold


def test_what_a_telling_feature_is_worth_is_surely_more_than_nothing() -> None:
    income, age = prices(probing(BINARY, "binary"), ["income", "age"])
    assert income.column == "income"
    assert income.with_it == age.with_it
    assert income.with_it > income.without
    assert 0 < income.low < income.with_it - income.without < income.high


def test_a_column_that_is_no_feature_has_no_price() -> None:
    assert prices(probing(BINARY, "binary"), ["closed_at"]) == []


def test_features_that_say_the_same_are_priced_together_and_once() -> None:
    probe = probing(BINARY, "binary")
    (both,) = prices(probe, ["income", "age"], {"income": ["age"], "age": ["income"]})
    assert (both.column, both.alike) == ("income", ("age",))
    (alone,) = prices(probe, ["income"])
    assert both.with_it == alone.with_it
    assert both.without != alone.without


def test_a_permuted_outcome_is_predicted_at_chance() -> None:
    for problem, task in ((BINARY, "binary"), (NUMBER, "regression")):
        assert canary(probing(problem, task)).status == "passed"


def test_folds_that_are_judged_on_rows_they_learned_from_do_better_than_chance() -> None:
    honest = probing(BINARY, "binary")
    seen = tuple(Fold(fold.number, np.arange(honest.learner.rows.height), fold.valid) for fold in honest.folds)
    found = canary(replace(honest, folds=seen))
    assert found.status == "failed"
    assert "it was not fitted on" in found.evidence
