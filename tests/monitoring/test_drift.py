"""The drift report of a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.core.files import json_text, read_json, write_json
from runner.monitoring.drift import report

Rows = Callable[..., pl.DataFrame]
Made = Any
INTERVAL = {"value", "low", "high", "confidence", "unit"}


def alarms(found: dict[str, Any]) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    for alarm in found["alarms"]:
        named.setdefault(alarm["cause"], set()).add(alarm["kind"])
    return named


def test_the_report_has_the_fields_that_others_rely_on(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 50).with_columns(pl.col("income") * 1000.0)
    found = report(quiet.monitor, quiet.bundle, batch)
    assert {"bundle", "window", "alarms", "watched", "budget", "smallest_loss_noticed", "estimate"} <= set(found)
    assert found["bundle"] == quiet.bundle.digest
    assert found["window"] == {"from": None, "to": None, "rows": 500}
    assert set(found["budget"]) == {"per_year", "spent"}
    assert set(found["smallest_loss_noticed"]) >= INTERVAL
    assert set(found["estimate"]["payoff"]) >= INTERVAL
    for alarm in found["alarms"]:
        assert {"cause", "kind", "evidence", "slices", "payoff_per_period", "suggestion"} == set(alarm)
        cost = alarm["payoff_per_period"]
        assert set(cost) >= INTERVAL
        assert (cost["low"] is None) == ("why" in cost)
    assert json_text(found)


def test_quiet_batches_raise_hardly_any_alarm(quiet: Made, rows_of: Rows) -> None:
    found = [report(quiet.monitor, quiet.bundle, rows_of(500, 100 + seed)) for seed in range(26)]
    # Half a year of windows: more than two alarms have a chance below 2% at the declared budget of one a year.
    assert sum(len(f["alarms"]) for f in found) <= 2


def test_a_shift_names_its_column_size_and_rows(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(1204, 51).with_columns(pl.col("age") + 8)
    found = report(quiet.monitor, quiet.bundle, batch)
    assert "shift" in alarms(found)["age"]
    evidence = next(a["evidence"] for a in found["alarms"] if a["cause"] == "age" and a["kind"] == "shift")
    assert "sd above reference" in evidence
    assert "1,204 rows" in evidence


def test_a_shift_downwards_says_below(quiet: Made, rows_of: Rows) -> None:
    found = report(quiet.monitor, quiet.bundle, rows_of(500, 52).with_columns(pl.col("income") / 3.0))
    assert "below reference" in next(a["evidence"] for a in found["alarms"] if a["cause"] == "income")


def test_a_unit_error_is_found_and_the_estimate_admits_that_it_extrapolates(quiet: Made, rows_of: Rows) -> None:
    found = report(quiet.monitor, quiet.bundle, rows_of(500, 53).with_columns(pl.col("income") * 1000.0).drop("status"))
    assert {"shift", "unseen"} <= alarms(found)["income"]
    assert found["estimate"]["payoff"]["low"] is None
    assert "income" in found["estimate"]["payoff"]["why"]


def test_new_categories_are_named_as_a_slice_that_can_be_run(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 54).with_columns(home=pl.when(pl.int_range(500) < 25).then(pl.lit("house 'boat'")).otherwise("home"))
    found = report(quiet.monitor, quiet.bundle, batch)
    alarm = next(a for a in found["alarms"] if a["cause"] == "home")
    assert alarm["kind"] == "unseen"
    assert alarm["slices"][0]["share"] == pytest.approx(0.05)
    assert batch.filter(pl.sql_expr(alarm["slices"][0]["sql"])).height == 25


def test_gaps_are_found_with_their_share(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 55).with_columns(income=pl.when(pl.int_range(500) % 4 == 0).then(None).otherwise("income"))
    found = report(quiet.monitor, quiet.bundle, batch)
    assert "missing" in alarms(found)["income"]


def test_a_column_that_is_null_throughout_is_an_alarm_not_a_crash(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 56).with_columns(income=pl.lit(None), home=pl.lit(None))
    found = report(quiet.monitor, quiet.bundle, batch)
    assert alarms(found)["income"] == {"missing"}
    assert alarms(found)["home"] == {"missing"}


def test_values_in_a_column_that_was_always_null_are_an_alarm(quiet: Made, rows_of: Rows) -> None:
    found = report(quiet.monitor, quiet.bundle, rows_of(500, 57).with_columns(empty=pl.lit(1.0)))
    assert alarms(found)["empty"] == {"missing"}


def test_breaches_of_the_contract_are_alarms_of_their_own_kind(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 58).with_columns(amount=pl.when(pl.int_range(500) < 20).then(-5).otherwise("amount"))
    found = report(quiet.monitor, quiet.bundle, batch)
    assert alarms(found)["amount.minimum"] == {"contract"}
    assert "20 of 500 rows" in found["alarms"][0]["evidence"]


def test_labels_that_the_model_does_not_know_are_counted_apart(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 59).with_columns(status=pl.when(pl.int_range(500) < 3).then(pl.lit("paused")).otherwise("status"))
    found = report(quiet.monitor, quiet.bundle, batch)
    assert alarms(found)["label"] == {"contract"}
    assert found["estimate"] == {**found["estimate"], "on": "labels", "rows": 497}


def test_with_labels_the_payoff_is_the_realised_mean(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(800, 60)
    joined = batch.with_columns(decision=quiet.bundle.score(batch)["decision"])
    earned = pl.when(pl.col("status") == "bad").then(-0.5).otherwise(0.2) * pl.col("amount") * (pl.col("decision") == "approve")
    by_hand = joined.select(earned.mean()).item()
    estimate = report(quiet.monitor, quiet.bundle, batch)["estimate"]
    assert estimate["on"] == "labels"
    assert estimate["payoff"]["value"] == pytest.approx(by_hand)
    assert estimate["payoff"]["unit"] == "EUR per row"


def test_without_labels_the_estimate_covers_what_came_true(quiet: Made, rows_of: Rows) -> None:
    covered = 0
    for seed in range(20):
        batch = rows_of(500, 200 + seed)
        true = report(quiet.monitor, quiet.bundle, batch)["estimate"]["payoff"]["value"]
        free = report(quiet.monitor, quiet.bundle, batch.drop("status"))["estimate"]
        assert free["on"] == "scores"
        covered += free["payoff"]["low"] <= true <= free["payoff"]["high"]
    assert covered >= 18


def test_rows_without_a_label_are_left_out_of_the_realised_payoff(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(300, 61).with_columns(status=pl.when(pl.int_range(300) < 100).then("status"))
    assert report(quiet.monitor, quiet.bundle, batch)["estimate"]["rows"] == 100


def test_what_is_suspect_twice_in_a_row_becomes_an_alarm(quiet: Made, rows_of: Rows) -> None:
    windows = [rows_of(500, seed).with_columns(age=(pl.col("age") + 2).clip(upper_bound=79)) for seed in range(300, 340)]
    before = None
    for rows in windows:
        found = report(quiet.monitor, quiet.bundle, rows, previous=before)
        if before is not None and "age" in alarms(found) and "age" not in alarms(report(quiet.monitor, quiet.bundle, rows)):
            assert any(text.startswith("age is") for text in before["suspects"]) or "age" in alarms(before)
            return
        before = found
    pytest.fail("no pair of windows in which a small shift stood out twice")


def test_one_row_is_judged_and_its_payoff_has_no_interval(quiet: Made, rows_of: Rows) -> None:
    found = report(quiet.monitor, quiet.bundle, rows_of(1, 62))
    assert found["window"]["rows"] == 1
    assert found["estimate"]["payoff"]["low"] is None
    assert found["estimate"]["payoff"]["why"]
    assert report(quiet.monitor, quiet.bundle, rows_of(1, 62).drop("status"))["estimate"]["payoff"]["low"] is None


@pytest.mark.parametrize("n", [1, 2, 5, 20, 100])
def test_small_quiet_batches_raise_no_flood_of_alarms(quiet: Made, rows_of: Rows, n: int) -> None:
    found = [report(quiet.monitor, quiet.bundle, rows_of(n, 400 + seed)) for seed in range(10)]
    assert sum(len(f["alarms"]) for f in found) <= 1


def test_a_regression_is_watched_and_estimated_too(guessing: Made, rows_of: Rows) -> None:
    quiet_batch, moved = rows_of(500, 80), rows_of(500, 81).with_columns(pl.col("income") * 2.0)
    assert report(guessing.monitor, guessing.bundle, quiet_batch)["estimate"]["on"] == "labels"
    found = report(guessing.monitor, guessing.bundle, moved.drop("amount"))
    assert {"shift"} <= alarms(found)["income"]
    assert alarms(found)["model: prediction"] == {"score"}
    assert found["estimate"]["on"] == "scores"
    assert found["estimate"]["payoff"]["value"] < 0.0


def test_no_rows_are_a_fault(quiet: Made, rows_of: Rows) -> None:
    with pytest.raises(FaultsError, match="no rows"):
        report(quiet.monitor, quiet.bundle, rows_of(10, 63).head(0))


def test_a_missing_column_is_a_fault_with_the_nearest_name(quiet: Made, rows_of: Rows) -> None:
    with pytest.raises(FaultsError, match="did you mean 'Incom'") as caught:
        report(quiet.monitor, quiet.bundle, rows_of(10, 64).rename({"income": "Incom"}))
    assert caught.value.exit_code == 2


def test_a_monitor_of_another_bundle_is_a_fault(quiet: Made, rows_of: Rows, tmp_path: Path) -> None:
    for name in ("profile.json", "alarms.json"):
        write_json(tmp_path / name, {**read_json(quiet.monitor / name), "bundle": "0" * 64})
    with pytest.raises(FaultsError, match="made for the bundle 000000000000"):
        report(tmp_path, quiet.bundle, rows_of(10, 65))


def test_a_damaged_monitor_is_a_fault(quiet: Made, rows_of: Rows, tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="no monitor here"):
        report(tmp_path, quiet.bundle, rows_of(10, 66))
    written = read_json(quiet.monitor / "alarms.json")
    write_json(tmp_path / "profile.json", read_json(quiet.monitor / "profile.json"))
    write_json(tmp_path / "alarms.json", {k: v for k, v in written.items() if k != "signals"})
    with pytest.raises(FaultsError, match="damaged"):
        report(tmp_path, quiet.bundle, rows_of(10, 66))


def test_the_report_of_another_bundle_is_no_previous_window(quiet: Made, rows_of: Rows) -> None:
    for written in ({"bundle": "x", "signals": []}, {"bundle": quiet.bundle.digest}, {"bundle": quiet.bundle.digest, "signals": [1]}):
        with pytest.raises(FaultsError, match="not a drift report of this bundle"):
            report(quiet.monitor, quiet.bundle, rows_of(10, 67), previous=written)


def test_the_same_batch_gives_the_same_report_whatever_the_order_of_its_columns(quiet: Made, rows_of: Rows) -> None:
    batch = rows_of(500, 68)
    assert report(quiet.monitor, quiet.bundle, batch) == report(quiet.monitor, quiet.bundle, batch.select(sorted(batch.columns)))


def test_a_timed_window_tells_when_it_began_and_ended(timed: Made, rows_of: Rows) -> None:
    window = report(timed.monitor, timed.bundle, rows_of(200, 69))["window"]
    assert window == {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T09:10:00Z", "rows": 200}


def test_the_largest_unnoticed_loss_shrinks_with_more_rows(quiet: Made, rows_of: Rows) -> None:
    small, large = (report(quiet.monitor, quiet.bundle, rows_of(n, 70))["smallest_loss_noticed"] for n in (50, 2000))
    assert np.isfinite(small["value"])
    assert 0.0 < large["value"] < small["value"]
