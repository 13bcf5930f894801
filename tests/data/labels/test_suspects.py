"""Labels that are probably wrong: planted ones are found, bad luck is not called an error, and what they cost is the payoff's."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from runner.data.labels.related import levels, related
from runner.data.labels.suspects import Suspects, mislabelled, misreported
from runner.data.labels.worth import at_stake, next_label

N = 4000


def loans(seed: int, clarity: float) -> tuple[np.ndarray, np.ndarray]:
    """Features and true labels of a lending table; clarity: how strongly the features tell the label."""
    draw = np.random.default_rng(seed)
    income, rents, amount, age = draw.gamma(4.0, 15.0, N), draw.random(N) < 0.5, draw.uniform(50, 500, N), draw.integers(18, 80, N)
    logit = clarity * (1.2 - income / 25 + rents * 1.2 + amount / 400 - (age > 50) * 0.8)
    features = np.column_stack([income, rents, amount, age, draw.normal(size=(N, 3))])
    return features, (draw.random(N) < 1 / (1 + np.exp(-logit))).astype(int)


def out_of_fold(features: np.ndarray, given: np.ndarray, classes: int = 2) -> np.ndarray:
    import lightgbm as lgb

    fold = np.random.default_rng(0).integers(0, 3, len(given))
    p = np.empty((len(given), classes))
    settings = {"objective": "multiclass", "num_class": classes, "learning_rate": 0.08, "num_leaves": 15, "num_threads": 1, "verbose": -1, "seed": 1}
    for k in range(3):
        booster = lgb.train({**settings, "deterministic": True}, lgb.Dataset(features[fold != k], given[fold != k]), 60)
        p[fold == k] = booster.predict(features[fold == k])
    return p


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_label_errors_are_found(seed: int) -> None:
    """5% flipped labels: of as many rows as are wrong, the most suspicious, most are right; of the candidates nearly all."""
    features, true = loans(seed, clarity=8)
    bad = np.random.default_rng(100 + seed).random(N) < 0.05
    given = np.where(bad, 1 - true, true)
    found = mislabelled(out_of_fold(features, given), given, ["0", "1"])
    worst = np.argsort(-found.probability, kind="stable")[: bad.sum()]
    assert bad[worst].mean() > 0.7, "precision, and recall, at the true number"
    assert bad[found.candidates].mean() > 0.85
    assert (found.candidates & bad).sum() / bad.sum() > 0.5
    assert abs(found.expected - bad.sum()) < 0.3 * bad.sum()
    assert found.told_apart
    assert (found.suggested[found.candidates] == 1 - given[found.candidates]).all()


@pytest.mark.parametrize("clarity", [1, 3, 8])
def test_a_clean_table_gives_few_candidates_however_unclear_it_is(clarity: float) -> None:
    features, true = loans(3, clarity)
    found = mislabelled(out_of_fold(features, true), true, ["0", "1"])
    assert found.candidates.mean() < 0.005


def test_bad_luck_is_told_as_such() -> None:
    """The label is a coin whose odds the model knows: no single row can be called wrong."""
    draw = np.random.default_rng(0)
    risk = draw.uniform(0.1, 0.6, N)
    given = (draw.random(N) < risk).astype(int)
    found = mislabelled(np.column_stack([1 - risk, risk]), given, ["0", "1"])
    assert not found.candidates.any()
    assert not found.told_apart
    assert any("bad luck" in rate.why for rate in found.rates)


def test_one_label_of_three_that_is_often_written_for_another_is_found() -> None:
    draw = np.random.default_rng(5)
    n = 3 * N
    true = draw.integers(0, 3, n)
    features = np.eye(3)[true] * 3 + draw.normal(size=(n, 3))
    bad = (true == 0) & (draw.random(n) < 0.15)
    given = np.where(bad, 2, true)
    found = mislabelled(out_of_fold(features, given, 3), given, ["a", "b", "c"])
    rate = {(r.true, r.given): r.rate for r in found.rates}
    assert rate["a", "c"] == pytest.approx(0.15, abs=0.05)
    assert max(rate["b", "a"], rate["b", "c"], rate["c", "a"]) < 0.05
    assert bad[found.candidates].mean() > 0.8
    assert (found.suggested[found.candidates & bad] == 0).mean() > 0.9


@pytest.mark.parametrize("share", [0.0, 0.05])
def test_wrong_numbers_are_found_and_heavy_tails_are_not(share: float) -> None:
    draw = np.random.default_rng(1)
    level = draw.normal(100, 30, N)
    given = level + draw.standard_t(5, N) * 8
    bad = draw.random(N) < share
    given = np.where(bad, draw.permutation(given) * 10, given)
    found = misreported(level + draw.normal(0, 5, N), given)
    assert found.candidates.sum() <= 2 if share == 0 else bad[found.candidates].mean() > 0.95
    assert (found.candidates & bad).sum() >= 0.9 * bad.sum()


def test_too_few_rows_are_not_judged() -> None:
    found = mislabelled(np.array([[0.9, 0.1]] * 10), np.zeros(10, dtype=int), ["0", "1"])
    assert not found.candidates.any()
    assert "fewer than 20 rows" in found.rates[0].why


# ---- money -------------------------------------------------------------------------------------------------------------

PAYOFF = {"unit": "EUR", "actions": {"lend": {"bad": "-amount", "good": "0.2 * amount"}, "decline": {"bad": "0", "good": "0"}}}


def test_at_stake_is_the_payoff_between_deciding_on_either_label() -> None:
    rows = pl.DataFrame({"amount": [100.0, 100.0, 50.0]})
    bad, good = 0, 1
    stake = at_stake(rows, PAYOFF, ["bad", "good"], np.array([bad, good, good]), np.array([good, bad, good]))
    assert stake.tolist() == [20.0, 100.0, 0.0], "a good loan declined, a bad one lent, nothing"


def test_numbers_at_stake_are_the_payoff_of_deciding_on_either() -> None:
    payoff = {"unit": "EUR", "actions": None, "sql": "-ABS(decision - actual)"}
    stake = at_stake(pl.DataFrame({"x": [1, 2]}), payoff, [], np.array([10.0, 5.0]), np.array([4.0, 5.0]))
    assert stake.tolist() == [6.0, 0.0]


def test_the_next_label_is_worth_what_it_may_change() -> None:
    rows = pl.DataFrame({"amount": [100.0, 100.0, 100.0, 1000.0]})
    p = np.array([[0.5, 0.5], [0.17, 0.83], [0.0, 1.0], [0.17, 0.83]])
    careful, guessing = np.array([[0.9, 0.1], [0.1, 0.9]]), np.full((2, 2), 0.5)
    worth = next_label(rows, PAYOFF, ["bad", "good"], p, careful)
    assert (worth[:, 0] <= worth[:, 1] + 1e-9).all(), "one label is never worth more than certainty"
    assert worth[2].tolist() == [0.0, 0.0]
    assert worth[0, 0] < worth[1, 0], "not the most uncertain row, but the one where the decision hangs in the balance"
    assert worth[3, 0] == pytest.approx(10 * worth[1, 0])
    assert next_label(rows, PAYOFF, ["bad", "good"], p, guessing)[:, 0].max() == pytest.approx(0.0, abs=1e-9)


# ---- groups ------------------------------------------------------------------------------------------------------------


def judged(flagged: np.ndarray) -> Suspects:
    n = len(flagged)
    return Suspects(np.zeros(n), flagged.astype(float), np.ones(n, dtype=bool), np.arange(n) % 2)


def test_a_group_with_more_wrong_labels_is_found_among_many_columns() -> None:
    draw = np.random.default_rng(2)
    rows = pl.DataFrame({f"x{i}": draw.normal(size=N) for i in range(20)}).with_columns(branch=pl.Series(draw.choice(["north", "south", "east"], N)))
    flagged = draw.random(N) < np.where(rows["branch"] == "south", 0.12, 0.03)
    found = related(rows, rows.columns, ["branch"], judged(flagged))
    assert [one.column for one in found if one.serious] == ["branch"]
    assert (found[0].most, found[0].protected) == ("south", True)
    assert 0.08 < found[0].most_share < 0.16
    assert 0.05 < found[0].effect < 0.4


def test_errors_that_depend_on_nothing_are_related_to_nothing() -> None:
    serious = 0
    for seed in range(10):
        draw = np.random.default_rng(seed)
        rows = pl.DataFrame({f"x{i}": draw.normal(size=1000) for i in range(15)}).with_columns(home=pl.Series(draw.choice(["a", "b", "c"], 1000)))
        serious += any(one.serious for one in related(rows, rows.columns, [], judged(draw.random(1000) < 0.05)))
    assert serious <= 2


def test_a_column_is_compared_in_few_groups_and_missing_is_one_of_them() -> None:
    assert set(levels(pl.Series([1.0, None, 2.0, *range(3, 40)], strict=False))) >= {"missing"}
    assert len(set(levels(pl.Series(range(1000))))) == 4
    assert len(set(levels(pl.Series([f"v{i % 50}" for i in range(1000)])))) == 11
    assert set(levels(pl.Series([True, False, None]))) == {"true", "false", "missing"}
