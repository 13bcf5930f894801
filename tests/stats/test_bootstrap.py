"""Intervals hold what they promise: coverage in small simulations, and the shapes of their ends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from runner.stats.bootstrap import MIN_ROWS, Resampled, enough_draws, mean_interval, paired_gain, resampled_means, rows_drawn

DRAWS = 300


def covered(worlds: int, n: int, true: float, draw_one: object, confidence: float = 0.9) -> float:
    """Share of made-up worlds whose interval holds the true mean gain."""
    hits = 0
    for world in range(worlds):
        candidate, baseline = draw_one(np.random.default_rng(world), n)  # type: ignore[operator]
        gain = paired_gain(candidate, baseline, confidence, DRAWS, world, "EUR")
        hits += gain["low"] <= true <= gain["high"]
    return hits / worlds


def test_a_paired_gain_is_covered_as_often_as_promised() -> None:
    def world(draw: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        shared = draw.normal(0, 20, n)
        return shared + draw.normal(1.0, 2, n), shared + draw.normal(0, 1, n)

    # 400 worlds: three standard errors around 90% are 4.5 points.
    assert 0.855 <= covered(400, 150, 1.0, world) <= 0.945


def test_a_rare_loss_is_covered_less_often_than_promised_when_rows_are_few() -> None:
    """The percentile bootstrap is known to fall short where a few rows carry the mean; with more of them it comes near.

    Source: Efron & Tibshirani (1993), 13.3; this is why a minimum of positives is declared.
    """

    def world(draw: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        loss = np.where(draw.random(n) < 0.02, -50.0 * draw.exponential(1.0, n), 1.0)
        return loss, np.zeros(n)

    true = 0.98 - 0.02 * 50
    few, many = covered(150, 100, true, world), covered(150, 1200, true, world)
    assert few < 0.82
    assert many > 0.83


def test_pairing_takes_out_what_both_share() -> None:
    draw = np.random.default_rng(0)
    shared = draw.normal(0, 100, 500)
    candidate, baseline = shared + 1, shared
    gain = paired_gain(candidate, baseline, 0.95, DRAWS, 1, "EUR")
    alone = mean_interval(candidate, 0.95, DRAWS, 1, "EUR")
    assert gain["high"] - gain["low"] < 1e-9
    assert alone["high"] - alone["low"] > 10


def test_the_interval_of_a_mean_is_near_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(3, 2, 1000)
    found = mean_interval(values, 0.95, 4000, 2, "EUR")
    reach = norm.ppf(0.975) * values.std(ddof=1) / np.sqrt(1000)
    assert found["value"] == pytest.approx(values.mean())
    assert found["low"] == pytest.approx(values.mean() - reach, abs=0.01)
    assert found["high"] == pytest.approx(values.mean() + reach, abs=0.01)


def test_a_higher_confidence_gives_a_wider_interval() -> None:
    drawn = Resampled.of({"x": np.random.default_rng(1).normal(0, 1, 200)}, 2000, 3)
    widths = [(i := drawn.mean("x", c, ""))["high"] - i["low"] for c in (0.5, 0.8, 0.95, 0.99, 0.999)]
    assert widths == sorted(widths)
    assert len(set(widths)) == len(widths)


def test_p_is_small_for_a_sure_gain_large_for_a_sure_loss_and_never_nought() -> None:
    noise = np.random.default_rng(2).normal(0, 1, 300)
    assert paired_gain(noise + 5, noise * 0.5, 0.9, DRAWS, 1, "")["p"] == 1 / (DRAWS + 1)
    assert paired_gain(noise - 5, noise * 0.5, 0.9, DRAWS, 1, "")["p"] == 1.0


def test_p_is_even_where_there_is_no_gain() -> None:
    found = [paired_gain(np.random.default_rng(w).normal(0, 1, 60), np.zeros(60), 0.9, DRAWS, w, "")["p"] for w in range(300)]
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.055)
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_have_no_interval_and_the_reason_is_told(n: int) -> None:
    assert n < MIN_ROWS
    values = np.arange(float(n))
    for found in (mean_interval(values, 0.95, DRAWS, 1, "EUR"), paired_gain(values, values, 0.95, DRAWS, 1, "EUR")):
        assert found["low"] is None
        assert found["high"] is None
        assert found["why"] == f"only {n} rows"
        assert found["value"] == (None if n == 0 else 0.0)


def test_the_same_seed_gives_the_same_draws_in_any_company() -> None:
    columns = np.random.default_rng(3).normal(0, 1, (50, 3))
    together = resampled_means(columns, 200, 9)
    assert np.allclose(together[:, 1], resampled_means(columns[:, [1]], 200, 9)[:, 0], rtol=0, atol=1e-12)
    assert not np.array_equal(together, resampled_means(columns, 200, 10))
    assert np.array_equal(together[:100], resampled_means(columns, 100, 9))


def test_draws_that_do_not_fit_into_one_piece_are_the_same_kind_of_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.stats.bootstrap.CHUNK", 700)
    values = np.random.default_rng(4).normal(0, 1, 100)
    means = resampled_means(values.reshape(-1, 1), 2000, 5)[:, 0]
    assert means.std() == pytest.approx(values.std() / 10, rel=0.1)


def test_there_are_always_draws_beyond_the_ends() -> None:
    for confidence in (0.8, 0.95, 0.99, 0.9975, 0.9999):
        draws = enough_draws(100, confidence)
        assert draws * (1 - confidence) / 2 >= 10 - 1e-6
    assert enough_draws(5000, 0.95) == 5000


def test_rows_that_belong_together_are_drawn_together() -> None:
    """A customer's rows are alike: counted as independent they promise a certainty that is not there."""

    def world(draw: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        group = np.repeat(np.arange(n // 10), 10)
        return draw.normal(0, 1, n // 10)[group] + draw.normal(0, 0.3, n), np.zeros(n), group

    alone, together = 0, 0
    for number in range(150):
        values, _, group = world(np.random.default_rng(number), 400)
        low_high = [mean_interval(values, 0.9, DRAWS, number, "EUR", groups) for groups in (None, group)]
        alone += low_high[0]["low"] <= 0 <= low_high[0]["high"]
        together += low_high[1]["low"] <= 0 <= low_high[1]["high"]
    assert alone / 150 < 0.6
    # Forty groups: three standard errors around 90% are 7.3 points, and the percentile bootstrap falls a little short.
    assert 0.82 <= together / 150 <= 0.97


def test_groups_of_one_row_are_rows() -> None:
    values = np.random.default_rng(1).normal(3, 2, 200).reshape(-1, 1)
    assert np.allclose(resampled_means(values, 500, 5, np.arange(200)), resampled_means(values, 500, 5))


def test_one_group_has_no_interval() -> None:
    found = mean_interval(np.arange(9.0), 0.9, DRAWS, 1, "", np.zeros(9, dtype=int))
    assert (found["low"], found["why"]) == (None, "all rows belong to one group")


def test_a_resample_of_groups_has_whole_groups() -> None:
    groups = np.array([5, 5, 7, 9, 9, 9])
    for seed in range(20):
        counts = np.bincount(rows_drawn(np.random.default_rng(seed), 6, groups), minlength=6)
        assert counts[0] == counts[1]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[2] + counts[3] == 3


def test_the_standard_error_of_a_paired_difference_is_that_of_its_rows_and_of_whole_groups() -> None:
    draw = np.random.default_rng(2)
    shared, own, group = draw.normal(0, 50, 600), draw.normal(0, 2, 600), np.arange(600) // 6
    difference = own + draw.normal(0, 3, 100)[group]
    columns = {"candidate": shared + difference, "baseline": shared}
    by_row = difference.std(ddof=1) / np.sqrt(600)
    by_group = difference.reshape(100, 6).mean(axis=1).std(ddof=1) / np.sqrt(100)
    # Of 20,000 draws the spread is known to half a per cent (one in the root of twice their number); six times that is allowed.
    assert Resampled.of(columns, 20_000, 7).standard_error("candidate", "baseline") == pytest.approx(by_row, rel=0.03)
    assert Resampled.of(columns, 20_000, 7, group).standard_error("candidate", "baseline") == pytest.approx(by_group, rel=0.03)


def test_a_function_of_the_mean_is_drawn_with_it() -> None:
    squares = np.random.default_rng(3).normal(0, 4, 500) ** 2
    mean = Resampled.of({"square": squares}, DRAWS, 7)
    root = mean.of_means(np.sqrt)
    assert root.points["square"] == pytest.approx(np.sqrt(squares.mean()))
    assert np.array_equal(root.means["square"], np.sqrt(mean.means["square"]))
    # Ends of a rising function of the mean are that function of its ends, up to how a quantile lies between two draws.
    for end in ("low", "high"):
        assert root.mean("square", 0.9, "")[end] == pytest.approx(np.sqrt(mean.mean("square", 0.9, "")[end]), rel=1e-3)
