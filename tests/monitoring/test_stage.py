"""The stage: files, binding, rehearsal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.core.files import read_json, write_parquet
from runner.monitoring.monitor import load
from runner.monitoring.spec import MonitoringSpec
from runner.monitoring.stage import run

Made = Any


def test_both_files_of_the_monitor_name_the_bundle(quiet: Made) -> None:
    assert {read_json(quiet.monitor / name)["bundle"] for name in ("profile.json", "alarms.json")} == {quiet.bundle.digest}
    assert sorted(p.name for p in quiet.monitor.iterdir()) == ["alarms.json", "profile.json"]


def test_every_feature_column_is_watched_but_the_time_and_the_target(timed: Made) -> None:
    features = {name for name, column in load(timed.monitor, timed.bundle.digest).profiles.items() if column.role == "feature"}
    assert features == {"amount", "income", "age", "late", "home", "empty"}


def test_the_answers_and_outcomes_of_the_chosen_candidate_are_watched(quiet: Made) -> None:
    monitor = load(quiet.monitor, quiet.bundle.digest)
    assert {"model: p_bad", "model: decision", "model: expected_payoff", "outcome: status", "outcome: payoff"} <= set(monitor.profiles)
    # The other candidate earns nothing on every row.
    assert monitor.profiles["outcome: payoff"].bins.n > 1


def test_a_monitor_is_read_back_as_it_was_written(quiet: Made, tmp_path: Path) -> None:
    load(quiet.monitor, quiet.bundle.digest).save(tmp_path)
    for name in ("profile.json", "alarms.json"):
        assert (tmp_path / name).read_bytes() == (quiet.monitor / name).read_bytes()


def test_each_signal_tells_the_smallest_effect_that_it_notices(quiet: Made) -> None:
    signals = read_json(quiet.monitor / "alarms.json")["signals"]
    assert all(s["smallest"] >= s["floor"] > 0.0 for s in signals)


def test_the_same_inputs_give_the_same_bytes(timed: Made, tmp_path: Path) -> None:
    run(timed.spec, timed.given, {"monitor": tmp_path / "monitor", "rehearsal": tmp_path / "rehearsal.json"})
    for name in ("profile.json", "alarms.json"):
        assert (tmp_path / "monitor" / name).read_bytes() == (timed.monitor / name).read_bytes()
    assert (tmp_path / "rehearsal.json").read_bytes() == timed.rehearsal.read_bytes()


def test_the_rehearsal_tells_false_alarms_against_the_budget_and_planted_drifts(quiet: Made) -> None:
    found = read_json(quiet.rehearsal)
    assert found["windows"] == quiet.spec.rehearsal_windows
    assert found["false_alarms"]["low"] <= found["false_alarm_budget_per_year"]
    assert [p["drift"] for p in found["planted"]] == ["shift of 0.2 sd", "unit x1000", "missing +3 points", "new category 3%"]
    assert all(0.0 <= p["noticed"] <= 1.0 for p in found["planted"])
    assert all(p["noticed"] >= 0.9 for p in found["planted"])


def test_a_reference_without_time_says_that_it_knows_sampling_noise_only(quiet: Made, timed: Made) -> None:
    assert "only sampling noise" in read_json(quiet.monitor / "alarms.json")["reference"]["why"]
    known = read_json(timed.monitor / "alarms.json")["reference"]
    assert known["windows"] == 30
    assert known["why"] == ""


def test_rows_that_were_never_validated_do_not_count_as_scores(timed: Made, tmp_path: Path) -> None:
    kept = pl.read_parquet(timed.given["oof"]).filter(pl.col("row_id") >= 2000)
    write_parquet(tmp_path / "oof", kept)
    given = replace(timed.given, files={**timed.given.files, "oof": tmp_path / "oof"})
    run(timed.spec, given, {"monitor": tmp_path / "monitor", "rehearsal": tmp_path / "rehearsal.json"})
    profiles = load(tmp_path / "monitor", timed.bundle.digest).profiles
    assert profiles["model: p_bad"].rows == 4000
    assert profiles["amount"].rows == 6000


def test_fifty_signals_are_calibrated_and_rehearsed_within_seconds(make_lender: Callable[..., Made], tmp_path: Path) -> None:
    before = time.perf_counter()
    make_lender(tmp_path, timed=True, n=20000, spec=MonitoringSpec(window_rows=500))
    assert time.perf_counter() - before < 10.0


def test_a_tiny_reference_still_makes_a_monitor(make_lender: Callable[..., Made], tmp_path: Path) -> None:
    made = make_lender(tmp_path, n=60, spec=MonitoringSpec(window_rows=50, rehearsal_windows=20))
    assert np.isfinite(read_json(made.rehearsal)["false_alarms"]["value"])
