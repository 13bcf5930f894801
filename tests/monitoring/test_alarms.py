"""Budget and power, on simulated columns."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from runner.monitoring.alarms import Judged, Signal, calibrate, fires, judge
from runner.monitoring.binning import learn
from runner.monitoring.critical import Curves, SamplingOnly, Simulated, simulate
from runner.monitoring.movement import FEWEST_WINDOWS, Reference, Watched, cut, foreign, moves, persistence
from runner.monitoring.profile import profile
from runner.monitoring.signals import read
from runner.monitoring.spec import MonitoringSpec

ROWS = 500
YEAR = 52


@pytest.fixture(scope="module")
def curves() -> Simulated:
    return simulate(26, YEAR, 0.7, 5, years=5000)


def values_of(n_windows: int, natural_sd: float, seed: int, shift: float = 0.0) -> pl.Series:
    """Windows of a standard normal column whose mean wanders as an AR(1) with coefficient 0.6."""
    rng = np.random.default_rng(seed)
    level = np.zeros(n_windows)
    for window in range(1, n_windows):
        level[window] = 0.6 * level[window - 1] + 0.8 * rng.standard_normal()
    return pl.Series(rng.standard_normal(n_windows * ROWS) + np.repeat(natural_sd * level, ROWS) + shift)


def reference_of(n: int) -> Reference:
    return cut(pl.Series(range(n)).cast(pl.Datetime("us")), n, ROWS)


def watched_of(values: pl.Series, reference: Reference) -> Watched:
    bins = learn(values)
    column = profile("x", "feature", values, bins, bins.code(values))
    return Watched(column, bins.code(values), foreign(column, values, reference.windows))


def alarms_in(watched: Watched, signals: list[Signal], fresh: pl.Series) -> int:
    """New alarms over the windows of a fresh column."""
    by_name = {s.statistic: s for s in signals}
    before: dict[str, Judged] = {}
    alarming: set[str] = set()
    episodes = 0
    for at in range(0, fresh.len(), ROWS):
        coded = watched.profile.bins.code(fresh[at : at + ROWS])
        readings = read(watched.profile, np.bincount(coded.bin, minlength=watched.profile.bins.n + 1), int(coded.is_unseen.sum()))
        now = {str(r.statistic): judge(by_name[r.statistic], r) for r in readings}
        fired = {name for name, judged in now.items() if fires(judged, before.get(name))}
        episodes += len(fired - alarming)
        before, alarming = now, fired
    return episodes


def signals_for(watched: Watched, reference: Reference, curves: Curves, columns: int = 1) -> list[Signal]:
    """Signals of one column that shares the budget with others like it."""
    spec = MonitoringSpec(window_rows=ROWS, false_alarms_per_year=1.0 / columns)
    return calibrate(moves(watched, reference, ROWS), {"x": watched.profile.bins.n}, spec, curves)


def test_twenty_quiet_columns_with_natural_movement_stay_within_the_yearly_budget(curves: Simulated) -> None:
    years, columns = 4, 20
    episodes = 0
    for number in range(years * columns):
        whole = values_of(26 + YEAR, [0.0, 0.04, 0.08][number % 3], number)
        known, fresh = whole[: 26 * ROWS], whole[26 * ROWS :]
        reference = reference_of(known.len())
        watched = watched_of(known, reference)
        episodes += alarms_in(watched, signals_for(watched, reference, curves, columns), fresh)
    # One a year is the budget: 4 in 4 years, and up to 8 are a matter of chance (97.9%).
    assert episodes <= 8


def test_twenty_quiet_columns_without_time_stay_within_the_yearly_budget() -> None:
    years, columns = 5, 20
    episodes = 0
    for number in range(years * columns):
        whole = values_of(10 + YEAR, 0.0, 1000 + number)
        known, fresh = whole[: 10 * ROWS], whole[10 * ROWS :]
        reference = cut(None, known.len(), ROWS)
        watched = watched_of(known, reference)
        episodes += alarms_in(watched, signals_for(watched, reference, SamplingOnly(YEAR), columns), fresh)
    assert episodes <= 9


def test_a_fifth_of_an_sd_is_noticed_within_two_windows_in_a_quiet_column(curves: Simulated) -> None:
    noticed = 0
    for seed in range(20):
        whole = values_of(28, 0.0, 2000 + seed)
        known, fresh = whole[: 26 * ROWS], whole[26 * ROWS :] + 0.25
        reference = reference_of(known.len())
        watched = watched_of(known, reference)
        noticed += alarms_in(watched, signals_for(watched, reference, curves), fresh) > 0
    assert noticed >= 18


def test_a_column_that_moves_by_nature_is_given_more_room(curves: Simulated) -> None:
    smallest = []
    for natural_sd in (0.0, 0.05, 0.15):
        known = values_of(26, natural_sd, 3)
        reference = reference_of(known.len())
        signals = signals_for(watched_of(known, reference), reference, curves)
        smallest.append(next(s.smallest for s in signals if s.statistic == "shift"))
    assert smallest[0] < smallest[1] < smallest[2]


def test_a_shift_below_the_declared_floor_never_alarms() -> None:
    known = values_of(10, 0.0, 4)
    reference = cut(None, known.len(), ROWS)
    watched = watched_of(known, reference)
    spec = MonitoringSpec(window_rows=ROWS, smallest_shift_sd=5.0, smallest_share_points=100.0)
    signals = calibrate(moves(watched, reference, ROWS), {"x": watched.profile.bins.n}, spec, SamplingOnly(YEAR))
    assert alarms_in(watched, signals, values_of(4, 0.0, 5) + 1.0) == 0


def test_a_smaller_budget_raises_every_critical_value(curves: Simulated) -> None:
    for found in (curves, SamplingOnly(YEAR)):
        for share in (0.5, 0.8, 1.0):
            assert found.once(0.3, share) < found.once(0.03, share) < found.once(0.0003, share)
            assert found.twice(0.3, share) < found.twice(0.03, share) < found.twice(0.0003, share)
            assert found.twice(0.01, share) < found.once(0.01, share)


def test_the_same_seed_simulates_the_same_years() -> None:
    first, second = (simulate(26, YEAR, 0.6, 9, years=300) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first.once_maxima, second.once_maxima, strict=True))


def test_too_few_windows_leave_sampling_noise_alone_and_say_so() -> None:
    reference = reference_of((FEWEST_WINDOWS - 1) * ROWS)
    assert not reference.knows_movement
    assert "only sampling noise" in reference.why


def test_windows_follow_time_whatever_the_order_of_the_rows() -> None:
    n = FEWEST_WINDOWS * ROWS
    shuffled = np.random.default_rng(0).permutation(n)
    reference = cut(pl.Series(shuffled).cast(pl.Datetime("us")), n, ROWS)
    assert (reference.windows == shuffled // ROWS).all()
    assert (shuffled[reference.order] == np.arange(n)).all()


def test_persistence_is_found_and_leans_high() -> None:
    known = [values_of(60, 0.2, seed) for seed in range(6)]
    reference = reference_of(known[0].len())
    found = [move for values in known for move in moves(watched_of(values, reference), reference, ROWS)]
    assert 0.5 <= persistence(found, 60) <= 0.9
