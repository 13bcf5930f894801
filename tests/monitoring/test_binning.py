"""How values are counted."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from runner.monitoring.binning import N_BINS, N_LEVELS, Bins, learn
from runner.monitoring.profile import ColumnProfile, profile
from runner.monitoring.signals import chi_square_distance, read, statistics_of

NUMBERS = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(-5, 5).map(float)), min_size=1, max_size=300)
TEXTS = st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=1, max_size=200)


def profiled(values: pl.Series) -> ColumnProfile:
    bins = learn(values)
    return profile("column", "feature", values, bins, bins.code(values))


@given(NUMBERS)
def test_every_number_of_the_reference_falls_into_a_bin_that_is_not_empty_and_none_is_unseen(values: list[float | None]) -> None:
    series = pl.Series(values, dtype=pl.Float64)
    coded, bins = learn(series).code(series), learn(series)
    assert bins.n <= N_BINS
    assert not coded.is_unseen.any()
    assert (coded.bin == bins.n).sum() == series.null_count()
    if series.null_count() < series.len():
        assert set(coded.bin[coded.bin < bins.n].tolist()) == set(range(bins.n))


@given(TEXTS)
def test_levels_round_trip_through_json_with_the_same_codes(values: list[str | None]) -> None:
    series = pl.Series(values, dtype=pl.String)
    bins = learn(series)
    again = Bins.from_json(bins.as_json())
    assert again == bins
    assert len(bins.levels) <= N_LEVELS
    coded = again.code(series)
    assert not coded.is_unseen.any()
    assert (coded.bin == bins.n).sum() == series.null_count()


@given(NUMBERS)
def test_normal_scores_have_mean_zero_and_sd_one_wherever_order_can_be_seen(values: list[float | None]) -> None:
    column = profiled(pl.Series(values, dtype=pl.Float64))
    if column.is_ordered:
        assert abs((column.share * column.normal_scores).sum()) < 1e-9
        assert abs((column.share * column.normal_scores**2).sum() - 1.0) < 1e-9


def test_a_new_level_counts_as_unseen_and_as_other() -> None:
    bins = learn(pl.Series(["a", "a", "b"]))
    coded = bins.code(pl.Series(["b", "c", None]))
    assert coded.bin.tolist() == [1, 2, 3]
    assert coded.is_unseen.tolist() == [False, True, False]


def test_a_number_beyond_the_reference_counts_as_unseen() -> None:
    assert learn(pl.Series([1.0, 2.0])).code(pl.Series([0.5, 1.5, 2.5, None])).is_unseen.tolist() == [True, False, True, False]


def test_an_all_null_column_is_watched_for_gaps_alone() -> None:
    assert statistics_of(profiled(pl.Series([None, None], dtype=pl.Float64))) == ["missing"]
    assert statistics_of(profiled(pl.Series([None, None], dtype=pl.String))) == ["missing"]


def test_a_date_is_watched_for_gaps_alone() -> None:
    assert statistics_of(profiled(pl.Series([date(2024, 1, 1), None]))) == ["missing"]


def test_a_constant_column_is_watched_for_gaps_and_new_values() -> None:
    assert statistics_of(profiled(pl.Series([3, 3, 3]))) == ["missing", "unseen"]


def test_a_window_without_rows_gives_no_reading() -> None:
    column = profiled(pl.Series([1.0, 2.0, 3.0]))
    assert read(column, np.zeros(column.bins.n + 1, dtype=int), 0) == []


def test_a_window_of_gaps_reads_as_missing_only() -> None:
    column = profiled(pl.Series([1.0, 2.0, 3.0]))
    counts = np.append(np.zeros(column.bins.n, dtype=int), 5)
    assert [r.statistic for r in read(column, counts, 0)] == ["missing", "unseen"]


def test_bins_with_few_expected_rows_are_pooled() -> None:
    distance, bins = chi_square_distance(np.array([50, 45, 3, 2]), np.array([0.5, 0.46, 0.02, 0.02]))
    assert bins == 2
    assert distance < 0.01
