"""The categorical kinds: rare, crossing, hashing, target_encoding and ordered_target_encoding."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.steps.made import applied, fitted


def test_rare_keeps_what_meets_every_limit() -> None:
    rows = pl.DataFrame({"city": ["a"] * 6 + ["b"] * 3 + ["c"] * 1 + [None]})
    for declared, kept in (
        ({"min_rows": 3}, "ab"),
        ({"min_rows": 1, "min_share": 0.5}, "a"),
        ({"min_rows": 1, "max_categories": 2}, "ab"),
        ({"min_rows": 1}, "abc"),
    ):
        made = applied(fitted(rows, kind="rare", columns=["city"], **declared), rows)["city_grouped"]
        assert set(made.drop_nulls()) - {"other"} == set(kept)
        assert made[-1] is None


def test_numbers_that_are_names_may_be_grouped() -> None:
    rows = pl.DataFrame({"zip": [10115, 10115, 20095]})
    assert applied(fitted(rows, kind="rare", columns=["zip"], min_rows=2, other="elsewhere"), rows)["zip_grouped"].to_list() == ["10115", "10115", "elsewhere"]


def test_the_hash_is_the_standards_own() -> None:
    rows = pl.DataFrame({"s": [f"text {i}" for i in range(200)]})
    made = applied(fitted(rows, kind="hashing", columns=["s"], buckets=16), rows)["s_hash"].to_list()
    assert made == [str(int(blake2b(s.encode(), digest_size=8).hexdigest(), 16) % 16) for s in rows["s"]]
    assert len(set(made)) == 16


def categories(n: int = 4000, spread: float = 2.0, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    means = draw.normal(0, spread, 80)
    code = draw.integers(0, 80, n)
    return pl.DataFrame({"c": code}), means[code] + draw.normal(0, 4.0, n)


def test_smoothing_from_the_rows_is_the_ratio_of_the_variances() -> None:
    from runner.features.steps.outcomes import weight_of_prior

    rows, y = categories(40_000)
    # Within a category the variance is 16, between categories 4.
    assert weight_of_prior("auto", rows["c"].to_numpy(), y) == pytest.approx(16 / 4, rel=0.25)
    assert weight_of_prior("auto", rows["c"].to_numpy(), np.random.default_rng(1).permutation(y)) > 300


def test_smoothing_from_the_rows_predicts_better_than_too_much_or_too_little() -> None:
    rows, y = categories(600, 1.0)
    later, truth = categories(20_000, 1.0)

    def error(smoothing: float | str) -> float:
        made = applied(fitted(rows, y, kind="target_encoding", columns=["c"], smoothing=smoothing), later)["c_target"].to_numpy()
        return float(((made - truth) ** 2).mean())

    assert error("auto") < min(error(0.0), error(1000.0))


@pytest.mark.parametrize("kind", ["target_encoding", "ordered_target_encoding"])
def test_every_class_has_its_encoding_and_they_add_up_to_one(kind: str) -> None:
    rows, _ = categories(300)
    outcome = np.eye(3)[np.random.default_rng(0).integers(0, 3, 300)]
    step = fitted(rows, outcome, ("bronze", "silver", "gold"), kind=kind, columns=["c"])
    assert [name.rsplit("_", 1)[1] for name in step.adds] == ["bronze", "silver", "gold"]
    assert np.allclose(applied(step, rows).to_numpy().sum(axis=1), 1.0)
    assert step.own is not None
    assert np.allclose(step.own.to_numpy().sum(axis=1), 1.0)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.floats(-100, 100)), min_size=1, max_size=25), st.sampled_from([0.0, 24.0]))
def test_over_time_a_row_sees_just_the_rows_of_its_category_known_before_it(drawn: list[tuple[int, int, float]], lag: float) -> None:
    rows = pl.DataFrame({"c": [c for c, _, _ in drawn], "at": [datetime(2024, 1, 1) + timedelta(days=d) for _, d, _ in drawn]})
    y = np.array([value for _, _, value in drawn])
    step = fitted(rows, y, kind="ordered_target_encoding", columns=["c"], time="at", lag_hours=lag, smoothing=2.0)
    assert step.own is not None
    for i, (c, day, _) in enumerate(drawn):
        seen = [value for c_2, day_2, value in drawn if c_2 == c and timedelta(days=day_2, hours=lag) < timedelta(days=day)]
        assert step.own["c_ordered"][i] == pytest.approx((sum(seen) + 2.0 * y.mean()) / (len(seen) + 2.0), abs=1e-9)
    end = max(day for _, day, _ in drawn)
    for c, found in zip(rows["c"], applied(step, rows)["c_ordered"], strict=True):
        known = [value for c_2, day_2, value in drawn if c_2 == c and timedelta(days=day_2, hours=lag) <= timedelta(days=end)]
        assert found == pytest.approx((sum(known) + 2.0 * y.mean()) / (len(known) + 2.0), abs=1e-9)


def test_in_a_random_order_no_row_sees_its_own_outcome() -> None:
    rows, y = categories(200)
    step = fitted(rows, y, kind="ordered_target_encoding", columns=["c"])
    for i in range(0, 200, 20):
        # The overall mean is the only thing that another outcome of the row itself may move.
        changed = y.copy()
        changed[i] += 50.0
        changed[(i + 1) % 200] -= 50.0
        again = fitted(
            rows.with_columns(c=pl.when(pl.int_range(pl.len()) == (i + 1) % 200).then(-1).otherwise("c")),
            changed,
            kind="ordered_target_encoding",
            columns=["c"],
        )
        before = fitted(
            rows.with_columns(c=pl.when(pl.int_range(pl.len()) == (i + 1) % 200).then(-1).otherwise("c")), y, kind="ordered_target_encoding", columns=["c"]
        )
        assert again.own is not None and before.own is not None
        assert again.own["c_ordered"][i] == pytest.approx(before.own["c_ordered"][i])
    assert step.own is not None
    # The first row of each category, in the random order, knows nothing but the overall mean.
    first = (step.own["c_ordered"] - float(y.mean())).abs() < 1e-12
    assert first.sum() == rows["c"].n_unique()


def test_a_row_without_a_time_sees_nothing_and_is_not_seen() -> None:
    rows = pl.DataFrame({"c": ["a", "a", "a"], "at": [datetime(2024, 1, 1), None, datetime(2024, 1, 3)]})
    step = fitted(rows, [1.0, 0.0, 1.0], kind="ordered_target_encoding", columns=["c"], time="at", smoothing=1.0)
    assert step.own is not None
    assert step.own["c_ordered"].to_list() == pytest.approx([2 / 3, 2 / 3, (1 + 2 / 3) / 2])
    assert applied(step, rows)["c_ordered"][0] == pytest.approx((2 + 2 / 3) / 3)
