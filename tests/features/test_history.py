"""The `history` step against a loop that is too simple to be wrong, and a store of events against the step."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import fsum, isclose
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.bundle import recipe
from runner.bundle.history import store as stores
from runner.bundle.history.aggregate import parts_of
from runner.bundle.history.operation import History
from runner.bundle.history.store import Store
from runner.bundle.load import Bundle
from runner.bundle.models.constant import ConstantModel
from runner.core.faults import FaultsError
from runner.core.registry import kinds, part
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import FittedStep, Fitting
from runner.features.steps.history.exact import Exact
from runner.features.steps.history.step import HistorySpec

assert FeaturesSpec
START = datetime(2024, 2, 28)
# Each event is a commit on the disk; more of them look further.
MORE = 100 if "HYPOTHESIS_EXPLORE" in os.environ else 0
HOWS = ("count", "sum", "mean", "min", "max", "last", "trend", "hours_since_last")
WINDOWS = {"all": None, "days": 2.0, "hours": 0.25}
AGGREGATES: dict[str, Any] = {f"{how}_{word}": {"how": how, "of": "v", "within_days": days} for how in HOWS for word, days in WINDOWS.items()}
SCHEMA = {"id": pl.Int64(), "who": pl.String(), "n": pl.Int64(), "at": pl.Datetime("us"), "arrived": pl.Datetime("us"), "v": pl.Float64()}
CONTRACT: dict[str, Any] = {
    "columns": {
        "id": {"type": "int", "nullable": False, "available": "after_event"},
        "who": {"type": "string", "nullable": True, "available": "at_decision"},
        "n": {"type": "int", "nullable": True, "available": "at_decision"},
        "at": {"type": "datetime", "nullable": True, "available": "at_decision"},
        "arrived": {"type": "datetime", "nullable": True, "available": "after_event"},
        "v": {"type": "float", "nullable": True, "available": "after_event"},
    },
    "rules": {},
    "target": "v",
    "key": ["id"],
}
# Quarters of an hour, so that many events share a moment.
MOMENTS = st.none() | st.integers(0, 400).map(lambda quarters: START + timedelta(minutes=15 * quarters))
VALUES = st.none() | st.integers(-3, 9).map(float) | st.floats(-1e6, 1e6, width=32) | st.just(0.1)
EVENT = st.tuples(st.none() | st.sampled_from("ab"), st.integers(0, 1), MOMENTS, st.integers(0, 20), VALUES)
EVENTS = st.lists(EVENT, min_size=1, max_size=30)
LAGS = st.sampled_from([0.0, 0.25, 30.0])


def rows_of(events: Sequence[Any]) -> pl.DataFrame:
    """Events with a key, and when they arrived: some quarters of an hour after they happened."""
    made = [(i, who, n, at, None if at is None else at + timedelta(minutes=15 * late), v) for i, (who, n, at, late, v) in enumerate(events)]
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


def fit(rows: pl.DataFrame, lag: float, *, arrives: bool = False, aggregates: Any = AGGREGATES) -> FittedStep:
    declared = {"kind": "history", "entity": ["who", "n"], "time": "at", "lag_hours": lag, "aggregates": aggregates, "elapsed": "elapsed"}
    spec = kinds("step")["history"].model_validate(declared | ({"arrival": "arrived"} if arrives else {}))
    made: FittedStep = part("step", "history")(spec, Fitting("past", rows, np.zeros((rows.height, 1)), ("",), 0))
    return made


def bundle_of(step: FittedStep) -> Bundle:
    """A bundle whose recipe is the step, with a model that looks at nothing."""
    return Bundle("d" * 64, {"task": "regression", "classes": [""]}, CONTRACT, step.operations, ConstantModel((0.0,)), {})


def looped(event: dict[str, Any], rows: list[dict[str, Any]], how: str, days: float | None, lag: float, arrives: bool) -> float | None:
    """One aggregate by looking at every row."""

    def known(other: dict[str, Any]) -> datetime | None:
        settled: datetime = other["at"] + timedelta(hours=lag)
        return max(settled, other["arrived"]) if arrives else settled

    at = event["at"]
    past = [r for r in rows if at and r["at"] and None not in (r["who"], r["v"]) and (r["who"], r["n"]) == (event["who"], event["n"]) and (known(r) or at) < at]
    past = [r for r in past if days is None or r["at"] >= at - timedelta(days=days)]
    if how == "count":
        return len(past)
    if not past:
        return None
    values = [r["v"] for r in past]
    if how in ("sum", "mean"):
        return fsum(values) / (len(values) if how == "mean" else 1)
    if how in ("min", "max"):
        return float(min(values) if how == "min" else max(values))
    if how == "hours_since_last":
        return (at - max(r["at"] for r in past)) / timedelta(hours=1)
    if how == "last":
        return float(max((r["at"], r["v"]) for r in past)[1])
    x = [Fraction((r["at"] - START) // timedelta(microseconds=1), 86_400_000_000) for r in past]
    y = [Fraction(v) for v in values]
    below = len(x) * sum(a * a for a in x) - sum(x) ** 2
    return float((len(x) * sum(a * b for a, b in zip(x, y, strict=True)) - sum(x) * sum(y)) / below) if below else None


@given(events=EVENTS, lag=LAGS, arrives=st.booleans())
@settings(max_examples=30)
def test_every_aggregate_is_that_of_a_loop_over_all_rows(events: list[Any], lag: float, arrives: bool) -> None:
    rows = rows_of(events)
    own = fit(rows, lag, arrives=arrives).own
    assert own is not None
    table = rows.to_dicts()
    for i, row in enumerate(table):
        for name, aggregate in AGGREGATES.items():
            expected = looped(row, table, aggregate["how"], aggregate["within_days"], lag, arrives)
            found = own[name][i]
            if aggregate["how"] == "trend" and expected is not None:
                assert isclose(found, expected, rel_tol=1e-6, abs_tol=1e-6 * max(abs(v or 0) for v in rows["v"]))
            else:
                assert found == expected, (name, i)


@given(events=EVENTS, later=EVENTS, lag=LAGS, arrives=st.booleans(), size=st.integers(1, 5))
@settings(max_examples=MORE or 12)
def test_a_store_that_events_update_gives_what_the_step_gives_on_all_rows(events: list[Any], later: list[Any], lag: float, arrives: bool, size: int) -> None:
    """Trained on the first rows, told the others one after the other in order of arrival, asked about each of them just before."""
    ordered = sorted(later, key=lambda e: (e[2] or START, 0))
    rows = rows_of([*events, *ordered])
    trained, live = rows[: len(events)], rows[len(events) :]
    end = trained["at"].max() or datetime(1970, 1, 1)
    live = live.filter(pl.col("at").is_null() | (pl.col("at") > end))
    whole = pl.concat([trained, live])
    expected = fit(whole, lag, arrives=arrives).own
    assert expected is not None
    bundle = bundle_of(fit(trained, lag, arrives=arrives))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "TAIL", 4)  # so that few events are enough to be folded
        store = Store(Path(folder) / "store.sqlite", bundle)
        operation = bundle.with_events(store).operations[0]
        arriving = live.with_row_index("__place").sort(pl.col("arrived" if arrives else "at"), maintain_order=True, nulls_last=True)
        asked = live.with_row_index("__place").sort("at", maintain_order=True, nulls_last=True)
        told = 0
        for first in range(0, asked.height, size):
            part_of = asked[first : first + size]
            # What has happened by then has been told, in pieces, and once too often.
            while told < arriving.height and _before(arriving[told], part_of["at"].max(), "arrived" if arrives else "at"):
                store.add(arriving[max(told - 1, 0) : told + 1], ["id"], "events")
                told += 1
            found = operation.apply(part_of).select(expected.columns)
            wanted = expected[trained.height :][part_of["__place"]]
            assert found.equals(wanted, null_equal=True), (found.to_dicts(), wanted.to_dicts())
        store.close()


def _before(event: pl.DataFrame, until: Any, time: str) -> bool:
    return until is not None and event[time][0] is not None and event[time][0] < until


@given(events=EVENTS, lag=LAGS, seed=st.integers(0, 99))
@settings(max_examples=MORE or 5)
def test_the_order_in_which_events_come_leaves_no_trace(events: list[Any], lag: float, seed: int) -> None:
    """Late events count from when they are told; what is asked after that is the same, whatever came first."""
    rows = rows_of([("a", 0, START, 0, 1.0), *events]).with_columns(pl.when(pl.int_range(pl.len()) > 0).then(pl.col("at") + timedelta(hours=1)).otherwise("at"))
    bundle, live = bundle_of(fit(rows[:1], lag)), rows[1:]
    asked = live.with_columns(pl.col("at") + timedelta(hours=7))
    found = []
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "TAIL", 4)
        for name, told in (("one", live), ("other", live.sample(fraction=1.0, shuffle=True, seed=seed))):
            store = Store(Path(folder) / name, bundle)
            for i in range(told.height):
                store.add(told[i], ["id"], "events")
            read = bundle.with_events(store)
            batch = recipe.apply(read.operations, asked)
            found += [batch, pl.concat([recipe.apply(read.operations, asked[i]) for i in range(asked.height)])]
            store.close()
    assert all(frame.equals(found[0], null_equal=True) for frame in found)


# ---- what a store promises ----------------------------------------------------------------------------------------------


def trained_and_live() -> tuple[Bundle, pl.DataFrame]:
    """A bundle trained on a day, and the events of the days after it."""
    draw = np.random.default_rng(3)
    events = [(str(draw.choice(["a", "b"])), 0, START + timedelta(minutes=15 * i), 0, float(draw.integers(0, 9))) for i in range(600)]
    rows = rows_of(events)
    return bundle_of(fit(rows[:100], 0.25)), rows[100:]


def test_an_event_counts_once_however_often_it_comes(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    assert store.add(live, ["id"], "events") == stores.Added(500, 0, 0)
    before = recipe.apply(bundle.with_events(store).operations, live)
    assert store.add(pl.concat([live[::-1], live]), ["id"], "events") == stores.Added(0, 1000, 0)
    assert recipe.apply(bundle.with_events(store).operations, live).equals(before)


def test_what_training_has_seen_is_not_counted_again(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    earlier = live.with_columns(pl.col("at") - timedelta(days=60))
    assert store.add(earlier, ["id"], "events") == stores.Added(0, 0, 500)
    with_store, without = (recipe.apply(operations, live[:1]) for operations in (bundle.with_events(store).operations, bundle.operations))
    assert 0 < without["count_all"][0] <= with_store["count_all"][0] <= without["count_all"][0] + 1


def test_events_without_a_time_and_events_that_lie_ahead_are_told_as_what_they_are(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    nameless = live[:5].with_columns(at=pl.when(pl.int_range(pl.len()) >= 2).then("at"))
    until = int(live["at"].max().timestamp() * 1e6)  # type: ignore[union-attr]
    far = live[5:8].with_columns(pl.col("at") + timedelta(days=365_000))
    told = store.add(pl.concat([nameless, far]), ["id"], "events", until)
    assert told == stores.Added(6, 0, 0, 2, 3)
    assert {key: store.count()[key] for key in ("events", "counted")} == {"events": 8, "counted": 6}


def test_a_window_forgets_and_all_of_the_past_does_not(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    store.add(live, ["id"], "events")
    row = live[-1].with_columns(at=pl.col("at") + timedelta(days=30))
    seen = recipe.apply(bundle.with_events(store).operations, row)
    assert (seen["count_days"][0], seen["mean_days"][0]) == (0, None)
    assert seen["count_all"][0] > 250


def test_a_key_with_another_content_is_refused_and_nothing_is_added(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    store.add(live[:10], ["id"], "events.csv")
    with pytest.raises(FaultsError, match=r"row 3 \(from 0\): the key '\[103\]' is there with another content"):
        store.add(live[:20].with_columns(v=pl.when(pl.col("id") == 103).then(99.0).otherwise("v")), ["id"], "events.csv")
    assert store.count()["events"] == 10


@pytest.mark.parametrize(
    ("change", "key", "told"),
    [
        (lambda rows: rows.drop("v"), ["id"], "column 'v'"),
        (lambda rows: rows, ["idd"], "no columns of the contract: idd"),
        (lambda rows: rows, [], "events have no key"),
        (lambda rows: rows.with_columns(v=pl.lit("much")), ["id"], "much"),
    ],
)
def test_events_of_another_shape_are_refused(tmp_path: Path, change: Any, key: list[str], told: str) -> None:
    bundle, live = trained_and_live()
    with pytest.raises(FaultsError, match=told):
        Store(tmp_path / "store.sqlite", bundle).add(change(live), key, "events.csv")


def test_a_store_is_of_one_bundle_and_no_other_file(tmp_path: Path) -> None:
    bundle, _ = trained_and_live()
    with pytest.raises(FaultsError, match="there is no store of events"):
        Store(tmp_path / "none.sqlite", bundle, make=False)
    Store(tmp_path / "store.sqlite", bundle).close()
    other = Bundle("e" * 64, bundle.manifest, bundle.contract, bundle.operations, bundle.model, bundle.combine)
    with pytest.raises(FaultsError, match="holds the events of the bundle dddddddddddd, not of eeeeeeeeeeee"):
        Store(tmp_path / "store.sqlite", other)
    (tmp_path / "text.sqlite").write_text("no database at all " * 100)
    with pytest.raises(FaultsError, match="is no store of events"):
        Store(tmp_path / "text.sqlite", bundle)
    with pytest.raises(FaultsError, match="has no history step"):
        Store(tmp_path / "x.sqlite", Bundle("f" * 64, {}, CONTRACT, (), bundle.model, {}))


KILLED = """
import os, signal, sys
import runner.bundle.history.store as stores
from tests.features.test_history import trained_and_live
from pathlib import Path
stores.CHUNK, written = 7, 0
def summarise(self, *given, _as_it_is=stores.Store._summarise):
    global written
    written += 1
    if written == 40:
        os.kill(os.getpid(), signal.SIGKILL)
    _as_it_is(self, *given)
stores.Store._summarise = summarise
bundle, live = trained_and_live()
stores.Store(Path(sys.argv[1]), bundle).add(live, ["id"], "events")
"""


def test_a_killed_call_is_simply_repeated(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "killed")], cwd=root, env=environment, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    killed, whole = Store(tmp_path / "killed", bundle), Store(tmp_path / "whole", bundle)
    there = killed.count()["events"]
    assert 0 < there < 500
    assert killed.add(live, ["id"], "events") == stores.Added(500 - there, there, 0)
    whole.add(live, ["id"], "events")
    one, other = (recipe.apply(bundle.with_events(store).operations, live) for store in (killed, whole))
    assert one.equals(other)


def test_a_store_answers_while_another_process_writes(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    store = Store(tmp_path / "store.sqlite", bundle)
    store.add(live[:10], ["id"], "events")
    writer = sqlite3.connect(tmp_path / "store.sqlite", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM past")
    assert recipe.apply(bundle.with_events(store).operations, live[20])["count_all"][0] > 50
    writer.execute("ROLLBACK")
    writer.close()


def test_a_history_of_what_another_history_makes_has_no_store(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    declared = {"kind": "history", "entity": ["who"], "time": "at", "aggregates": {"twice": {"how": "mean", "of": "count_all"}}}
    given = Fitting("again", recipe.apply(bundle.operations, live), np.zeros((live.height, 1)), ("",), 0)
    chained = part("step", "history")(kinds("step")["history"].model_validate(declared), given)
    longer = Bundle("c" * 64, bundle.manifest, CONTRACT, (*bundle.operations, *chained.operations), bundle.model, {})
    with pytest.raises(FaultsError, match="the step 'again' looks back on what another history makes"):
        Store(tmp_path / "store.sqlite", longer).add(live, ["id"], "events")


# ---- arithmetic ---------------------------------------------------------------------------------------------------------


@given(values=st.lists(st.floats(-(2.0**40), 2.0**40, width=32), min_size=1, max_size=40), cut=st.integers(0, 40))
def test_sums_are_exact_and_rounded_once(values: list[float], cut: int) -> None:
    exact = Exact.of(np.array(values))
    running = exact.prefixes(np.arange(len(values)))
    first = min(cut, len(values))
    sums = running[:, [len(values)]] - running[:, [first]]
    assert exact.rounded(sums)[0] == fsum(values[first:])
    assert fsum(float(part[0]) for part in exact.parts(sums)) == fsum(values[first:]) == fsum(parts_of(values[first:]))


def test_a_history_of_text_is_refused() -> None:
    from runner.features.recipe import plan

    declared = {"steps": {"past": {"kind": "history", "entity": ["who"], "time": "at", "arrival": "n", "aggregates": {"last": {"how": "last", "of": "who"}}}}}
    rows = rows_of([("a", 0, START, 0, 1.0)])
    with pytest.raises(FaultsError) as caught:
        plan(FeaturesSpec.model_validate(declared), rows, np.zeros((1, 1)), [""], [])
    assert [fault.at for fault in caught.value.faults] == ["features.steps.past.aggregates.last", "features.steps.past.arrival"]


def test_the_columns_of_a_history_have_a_name_each() -> None:
    with pytest.raises(ValidationError, match="is an aggregate, too"):
        HistorySpec.model_validate({"kind": "history", "entity": ["who"], "time": "at", "elapsed": "q", "aggregates": {"q": {"how": "count"}}})


def test_no_step_takes_a_name_that_rows_have_of_their_own() -> None:
    from runner.features.recipe import plan

    rows = rows_of([("a", 0, START, 0, 1.0)])
    for name in ("row_id", "__runner_x"):
        declared = {"steps": {"own": {"kind": "sql", "expressions": {name: "n + 1"}}}}
        with pytest.raises(FaultsError, match="rows have of their own"):
            plan(FeaturesSpec.model_validate(declared), rows, np.zeros((1, 1)), [""], [])


def test_the_state_that_ships_is_among_the_digests_of_the_bundle(tmp_path: Path) -> None:
    bundle, live = trained_and_live()
    written = recipe.dump(bundle.operations, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {written[0][table] for table in ("closed", "start", "pending")}
    (read,) = recipe.parse(written, tmp_path)
    assert isinstance(read, History)
    with TemporaryDirectory() as folder:
        found = []
        for name, operation in (("one", read), ("other", bundle.operations[0])):
            same = Bundle(name, bundle.manifest, CONTRACT, (operation,), bundle.model, {})
            store = Store(Path(folder) / name, same)
            store.add(live, ["id"], "events")
            found.append(recipe.apply(same.with_events(store).operations, live))
            store.close()
    assert found[0].equals(found[1])
