"""Groups stay on one side, an embargo keeps its distance, and starts fall where they are declared."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.core.row_digest import of_rows
from runner.data.seal import columns_needed, seal, set_apart
from runner.data.splits import by_time, by_time_and_group, grouped
from runner.data.splits.by_time import ByTimeSpec
from runner.data.splits.by_time_and_group import ByTimeAndGroupSpec
from runner.data.splits.grouped import GroupedSpec
from runner.data.splits.split import EMBARGOED, PURGED, TEST
from runner.features.matrices import folds_of
from runner.problem.task import Task

BINARY = Task(task="binary", target="y", row="a row", positive="1", labels=("0", "1"))
START = datetime(2024, 1, 1)


def hourly(hours: list[int], groups: list[Any] | None = None, labels: list[str] | None = None) -> pl.DataFrame:
    n = len(hours)
    return pl.DataFrame(
        {
            "row_id": pl.int_range(n, dtype=pl.UInt64, eager=True),
            "y": labels or ["01"[i % 2] for i in range(n)],
            "at": [START + timedelta(hours=h) for h in hours],
            "who": groups or list(range(n)),
        },
        schema_overrides={"y": pl.String, "at": pl.Datetime("us")},
    )


# ---- grouped ---------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200), st.sampled_from([0.1, 0.2, 0.5]), st.integers(2, 6), st.integers(0, 99))
def test_no_group_stands_on_two_sides(groups: list[int], share: float, folds: int, seed: int) -> None:
    rows = hourly(list(range(len(groups))), groups)
    place = grouped.assign(GroupedSpec(kind="grouped", group="who", test_share=share, folds=folds), rows, "y", "binary", seed)
    assert rows.with_columns(place=place).group_by("who").agg(pl.col("place").n_unique())["place"].max() == 1


def uneven(n_groups: int, seed: int = 0) -> pl.DataFrame:
    """Customers with one to many rows, some of whom nearly always say yes."""
    draw = np.random.default_rng(seed)
    size = np.minimum(draw.geometric(0.2, n_groups), 60)
    who = np.repeat(np.arange(n_groups), size)
    eager = draw.beta(0.3, 1.2, n_groups)[who]
    return hourly(list(range(len(who))), who.tolist(), ["01"[int(y)] for y in draw.random(len(who)) < eager])


@pytest.mark.parametrize("n_groups", [300, 12_000], ids=["one by one", "with the small ones dealt"])
def test_groups_are_spread_so_that_rows_and_labels_have_their_shares(n_groups: int) -> None:
    rows = uneven(n_groups)
    place = grouped.assign(GroupedSpec(kind="grouped", group="who"), rows, "y", "binary", 1)
    base = (rows["y"] == "1").mean()
    sides = rows.with_columns(place=place).group_by("place").agg(rows=pl.len(), yes=(pl.col("y") == "1").mean()).sort("place")
    assert sides["place"].to_list() == [TEST, 0, 1, 2, 3, 4]
    due = np.array([0.2, *[0.16] * 5]) * rows.height
    assert np.abs(sides["rows"].to_numpy() / due - 1).max() < 0.01
    assert np.abs(sides["yes"].to_numpy() / base - 1).max() < 0.02  # type: ignore[operator]


def test_groups_of_a_regression_are_spread_over_the_range_of_the_target() -> None:
    draw = np.random.default_rng(3)
    who = np.repeat(np.arange(400), 5)
    rows = pl.DataFrame({"row_id": np.arange(2000), "y": draw.normal(0, 1, 400)[who] * 10 + draw.normal(0, 1, 2000), "who": who})
    place = grouped.assign(GroupedSpec(kind="grouped", group="who"), rows, "y", "regression", 1)
    means = rows.with_columns(place=place).group_by("place").agg(pl.col("y").mean())["y"].to_numpy()
    # Groups drawn at random would differ by 10 / sqrt(67), about 1.2.
    assert means.std() < 0.5


def test_rows_without_a_group_stay_together_so_that_none_of_them_leaks() -> None:
    rows = hourly(list(range(100)), [None if i % 10 == 0 else i for i in range(100)])
    place = grouped.assign(GroupedSpec(kind="grouped", group="who"), rows, "y", "binary", 1)
    assert place.filter(rows["who"].is_null()).n_unique() == 1


def test_one_group_cannot_be_split_and_the_gate_says_so() -> None:
    (gate,) = seal(hourly(list(range(50)), ["a"] * 50), GroupedSpec(kind="grouped", group="who"), BINARY, 1).gates
    assert gate.status == "failed"
    assert "none" in gate.evidence


def test_the_groups_on_each_side_are_told() -> None:
    split = seal(hourly(list(range(100)), [i // 4 for i in range(100)]), GroupedSpec(kind="grouped", group="who"), BINARY, 1).split
    assert split["group"] == "who"
    assert split["groups"] == {"train": 20, "test": 5}


# ---- by time: embargo and starts ------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.integers(0, 60), min_size=2, max_size=150), st.sampled_from([0.0, 1.0, 5.5, 24.0]), st.integers(1, 5))
def test_an_embargo_keeps_its_distance_before_every_fold_and_the_test(hours: list[int], embargo: float, folds: int) -> None:
    rows = hourly(sorted(hours))
    spec = ByTimeSpec(kind="by_time", column="at", folds=folds, embargo_hours=embargo)
    apart = set_apart(rows, spec, BINARY, 1)
    gap = timedelta(hours=embargo)
    train, test = rows.filter(apart.place > TEST), rows.filter(apart.place == TEST)
    assert rows.height == train.height + test.height + sum(apart.split.get("left_out", {}).values())
    for learned, judged in [(train, test), *((train[f.train.tolist()], train[f.valid.tolist()]) for f in folds_of(train["row_id"], apart.folds, True))]:
        if learned.height and judged.height:
            distance = judged["at"].min() - learned["at"].max()  # type: ignore[operator]
            assert distance >= gap
            assert distance > timedelta(0)


def test_embargoed_rows_are_left_out_and_counted() -> None:
    apart = set_apart(hourly(list(range(100))), ByTimeSpec(kind="by_time", column="at", embargo_hours=3.0, folds=2), BINARY, 1)
    # The test begins at hour 80: what happened at 78 and 79 is not known yet, and 77 just is.
    assert apart.split["left_out"] == {"embargoed": 2}
    assert apart.split["rows"] == {"train": 78, "test": 20}
    assert [(f["train_rows"], f["valid_rows"], f["skipped_rows"]) for f in apart.split["folds"]] == [(24, 26, 2), (50, 26, 2)]
    assert [(gate.name, gate.status) for gate in apart.gates] == [("split", "passed"), ("rows left out by the split", "passed")]
    assert "2 embargoed" in apart.gates[1].evidence


def test_an_embargo_that_leaves_little_is_a_warning() -> None:
    apart = set_apart(hourly(list(range(100))), ByTimeSpec(kind="by_time", column="at", embargo_hours=60.0, folds=1), BINARY, 1)
    assert apart.split["left_out"]["embargoed"] == 59
    assert {gate.name: gate.status for gate in apart.gates}["rows left out by the split"] == "warned"


def test_starts_say_where_folds_and_test_begin() -> None:
    days = pl.DataFrame({"day": [date(2024, 1, 1) + timedelta(days=d) for d in range(366)], "y": "0"})
    spec = ByTimeSpec.model_validate({"kind": "by_time", "column": "day", "starts": ["2024-07-01", "2024-09-01", "2024-11-01"]})
    assert spec.folds == 2
    found = days.with_columns(place=by_time.assign(spec, days, "y", "binary", 0)).group_by("place").agg(pl.col("day").min()).sort("place")
    assert dict(found.iter_rows()) == {TEST: date(2024, 11, 1), -1: date(2024, 1, 1), 0: date(2024, 7, 1), 1: date(2024, 9, 1)}


def test_a_spec_with_starts_is_the_same_after_it_was_stored() -> None:
    spec = ByTimeSpec.model_validate({"kind": "by_time", "column": "day", "starts": ["2024-07-01", "2024-09-01T00:00+02:00"]})
    assert ByTimeSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert spec.test_share is None


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"starts": ["soon", "2024-09-01"]}, "'soon' is no date"),
        ({"starts": ["2024-09-01"]}, "names one moment"),
        ({"starts": ["2024-09-01", "2024-07-01"]}, "does not rise"),
        ({"starts": ["2024-07-01", "2024-09-01"], "test_share": 0.2}, "where the test begins"),
        ({"starts": ["2024-07-01", "2024-09-01"], "folds": 4}, "2 starts make 1"),
        ({"embargo_hours": -1.0}, "greater than or equal to 0"),
    ],
)
def test_what_contradicts_itself_is_refused(declared: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        ByTimeSpec.model_validate({"kind": "by_time", "column": "at"} | declared)


# ---- by time and group -----------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), min_size=2, max_size=150), st.sampled_from([0.0, 5.0]))
def test_the_test_is_the_latest_and_none_of_its_groups_is_learned_from(drawn: list[tuple[int, int]], embargo: float) -> None:
    rows = hourly([h for h, _ in drawn], [g for _, g in drawn])
    spec = ByTimeAndGroupSpec(kind="by_time_and_group", column="at", group="who", folds=3, embargo_hours=embargo)
    apart = set_apart(rows, spec, BINARY, 1)
    same = by_time.assign(ByTimeSpec(kind="by_time", column="at", folds=3), rows, "y", "binary", 1)
    assert (apart.place == TEST).equals(same == TEST)
    train, test = rows.filter(apart.place > TEST), rows.filter(apart.place == TEST)
    assert not set(train["who"]) & set(test["who"])
    for fold in folds_of(train["row_id"], apart.folds, True):
        assert not set(train["who"][fold.train.tolist()]) & set(train["who"][fold.valid.tolist()])
    assert set(apart.place.to_list()) <= {TEST, PURGED, EMBARGOED, -1, 0, 1, 2}


def test_groups_that_live_through_the_whole_time_leave_nothing_and_the_gate_says_what_keeps_more() -> None:
    rows = hourly(list(range(100)), [i % 3 for i in range(100)])
    apart = set_apart(rows, ByTimeAndGroupSpec(kind="by_time_and_group", column="at", group="who"), BINARY, 1)
    assert apart.split["left_out"] == {"purged": 80}
    gates = {gate.name: gate for gate in apart.gates}
    assert gates["split"].status == "failed"
    assert "`grouped` or `by_time` keeps more" in gates["rows left out by the split"].evidence
    assert by_time_and_group.assign is not by_time.assign


# ---- the seal and the digest of folds --------------------------------------------------------------------------------


def test_membership_is_hashed_and_follows_the_split() -> None:
    rows = hourly(list(range(100)), [i // 4 for i in range(100)])
    one = set_apart(rows, GroupedSpec(kind="grouped", group="who"), BINARY, 1).split
    assert set_apart(rows.sample(fraction=1, shuffle=True, seed=1), GroupedSpec(kind="grouped", group="who"), BINARY, 1).split["seal"] == one["seal"]
    folds = set_apart(rows, GroupedSpec(kind="grouped", group="who", folds=4), BINARY, 1).split
    assert folds["folds_digest"] != one["folds_digest"]
    share = set_apart(rows, GroupedSpec(kind="grouped", group="who", test_share=0.3), BINARY, 1).split
    assert share["seal"] != one["seal"]


def test_a_split_is_told_which_columns_to_read_and_needs_no_others() -> None:
    rows, spec = hourly(list(range(60)), [i // 3 for i in range(60)]), ByTimeAndGroupSpec(kind="by_time_and_group", column="at", group="who")
    assert columns_needed(spec, BINARY) == ["row_id", "y", "at", "who"]
    narrow, whole = set_apart(rows, spec, BINARY, 1), set_apart(rows.with_columns(more=pl.lit(1)), spec, BINARY, 1)
    assert (narrow.split, narrow.folds.to_dicts()) == (whole.split, whole.folds.to_dicts())


def test_the_digest_of_rows_is_that_of_the_documented_bytes() -> None:
    from hashlib import sha256

    rows = pl.DataFrame({"row_id": [1, 2**63 + 1], "y": ["ä", None]}, schema={"row_id": pl.UInt64, "y": pl.String})
    head = b'[2,[["row_id","int"],["y","text"]]]'
    ids = b"\x01\x01" + (1).to_bytes(8, "little") + (2**63 + 1).to_bytes(8, "little")
    labels = b"\x01\x00" + (2).to_bytes(8, "little") + (0).to_bytes(8, "little") + "ä".encode()
    assert of_rows(rows) == sha256(head + ids + labels).hexdigest()


def test_the_digest_of_rows_depends_on_values_alone() -> None:
    rows = pl.DataFrame({"row_id": range(1000), "y": [f"{i % 7}" for i in range(1000)], "skips": [[i % 3] * (i % 2) for i in range(1000)]})
    pieces = pl.concat([rows[:333], rows[333:]], rechunk=False)
    assert of_rows(pieces) == of_rows(rows)
    assert of_rows(rows.cast({"row_id": pl.Int32, "skips": pl.List(pl.Int8)})) == of_rows(rows)
    assert of_rows(rows.with_columns(pl.col("y").replace("3", "4"))) != of_rows(rows)
    assert of_rows(rows[::-1]) != of_rows(rows)
    # Text that is cut elsewhere is other text.
    assert of_rows(pl.DataFrame({"y": ["ab", "c"]})) != of_rows(pl.DataFrame({"y": ["a", "bc"]}))
    assert of_rows(rows[:0]) == of_rows(rows[:0])


def test_a_type_without_a_digest_is_told() -> None:
    with pytest.raises(TypeError, match="Struct"):
        of_rows(pl.DataFrame({"s": [{"a": 1}]}))
