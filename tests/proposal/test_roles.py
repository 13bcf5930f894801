"""Which column is the key, the time, an entity, protected, or a suspect."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.proposal.asked import Asked
from runner.proposal.found import Found, work_out
from runner.proposal.table import Source, table_of

N = 300
DAYS = [date(2020, 1, 1) + timedelta(days=i) for i in range(N)]
LEFT = ["yes" if i * 7919 % 100 < 35 else "no" for i in range(N)]


def found(columns: dict[str, list[Any]], target: str = "left", **asked: Any) -> Found:
    rows = pl.DataFrame({"x": [i * 37 % 101 for i in range(N)], "left": LEFT, **columns})
    return work_out(table_of(Source("t", "parquet", "data/raw/t.parquet", "t.parquet"), rows), Asked("mine", target, **asked), rows.columns)


def test_a_key_is_never_missing_and_never_repeats() -> None:
    assert found({"customer_id": list(range(N))}).roles.key == "customer_id"
    assert found({"customer_id": [None, *range(N - 1)]}).roles.key is None
    assert found({"amount": list(range(N))}).roles.key is None, "a number that happens not to repeat names nothing"
    assert found({"code": [f"K{i:04d}" for i in range(N)]}).roles.key == "code"
    assert found({"weight": [i + 0.5 for i in range(N)]}).roles.key is None


def test_a_key_that_repeats_with_its_whole_row_is_still_a_key() -> None:
    rows = pl.DataFrame({"id": range(N), "x": [i * 37 % 101 for i in range(N)], "left": LEFT})
    twice = pl.concat([rows, rows.head(9)])
    made = work_out(table_of(Source("t", "parquet", "p", "p"), twice), Asked("mine", "left"), twice.columns)
    assert (made.roles.key, made.roles.n_repeated_keys) == ("id", 9)


def test_the_time_is_a_full_column_that_sounds_like_one() -> None:
    assert found({"order_date": DAYS}).roles.time == "order_date"
    assert found({"signup_date": DAYS, "order_date": list(reversed(DAYS))}).roles.time == "order_date"
    assert found({"order_date": [None, *DAYS[1:]]}).roles.time is None
    assert found({"birth_date": DAYS}).roles.time is None
    assert found({"closing_date": DAYS}).roles.time is None
    assert found({"order_date": [DAYS[i % 5] for i in range(N)]}).roles.time is None


def test_a_time_that_is_asked_for_or_refused_is_obeyed() -> None:
    assert found({"order_date": DAYS}, time="none").split.kind == "stratified"
    assert found({"birth_date": DAYS}, time="birth_date").roles.time == "birth_date"
    with pytest.raises(FaultsError, match="'x' is read as int"):
        found({}, time="x")


def test_a_time_with_one_label_at_its_end_gives_no_split_by_time() -> None:
    rows = {"order_date": DAYS, "left": ["yes"] * (N // 2) + ["no"] * (N // 2)}
    assert found(rows).split.kind == "stratified"


def test_an_id_that_repeats_is_an_entity_and_no_feature() -> None:
    made = found({"customer_id": [i % 90 for i in range(N)]})
    assert made.roles.entities == ("customer_id",)
    assert "customer_id" in made.recipe.drop
    in_time = found({"customer_id": [i % 90 for i in range(N)], "order_date": DAYS})
    assert in_time.recipe.steps["customer_id_past"]["kind"] == "history"


@pytest.mark.parametrize(
    ("name", "protected"), [("age", True), ("ClientAge", True), ("Gender", True), ("marital_status", True), ("account_age", False), ("usage", False)]
)
def test_protected_traits_are_told_by_their_names(name: str, protected: bool) -> None:
    assert (name in found({name: [i * 7 % 60 for i in range(N)]}).roles.protected) == protected


def test_a_column_that_knows_the_outcome_is_kept_from_the_models() -> None:
    made = found({"score": [0.9 if label == "yes" else 0.1 for label in LEFT], "closing_reason": ["price" if label == "yes" else None for label in LEFT]})
    assert set(made.roles.after) == {"score", "closing_reason"}
    assert "availability" in made.questions
    asked = found({"note": [i % 3 for i in range(N)]}, after_event=("note",))
    assert asked.roles.after == {"note": "said on the command line"}


def test_a_column_that_is_missing_where_the_outcome_is_is_doubtful() -> None:
    gone = [i % 8 == 0 for i in range(N)]
    made = found({"left": [None if g else label for g, label in zip(gone, LEFT, strict=True)], "arrived": [None if g else i % 7 for i, g in enumerate(gone)]})
    assert "arrived" in made.roles.doubtful


def test_lifeless_columns_are_left_out_with_the_reason() -> None:
    left_out = found({"constant": ["a"] * N, "empty": [None] * N, "again": [i * 37 % 101 for i in range(N)], "index": list(range(N))}).table.left_out
    assert {name: why.split(":")[0] for name, why in left_out.items()} == {
        "constant": "constant",
        "empty": "empty",
        "again": "repeats x in every row",
        "index": "a row number",
    }


def test_numbers_that_stand_for_unknown_are_found_and_taken_out_in_a_feature() -> None:
    made = found({"days": [-999 if i % 9 == 0 else i for i in range(N)], "score": [-1 if i % 2 else -2 for i in range(N)]})
    assert made.roles.sentinels == {"days": (-999,)}
    assert made.recipe.steps["stand_ins"]["expressions"] == {"days_known": "CASE WHEN days <> -999 THEN days END"}


def test_text_that_differs_in_nearly_every_row_is_no_feature() -> None:
    made = found({"remark": [f"he said {i} words" for i in range(N)], "town": [f"town {i % 40}" for i in range(N)]})
    assert made.roles.free == ("remark",)
    assert made.recipe.steps["many_valued"] == {"kind": "target_encoding", "columns": ["town"]}


def test_nothing_left_to_learn_from_is_told() -> None:
    rows = pl.DataFrame({"id": [f"a{i}" for i in range(N)], "left": LEFT})
    with pytest.raises(FaultsError, match="no column is left"):
        work_out(table_of(Source("t", "parquet", "p", "p"), rows), Asked("mine", "left"), rows.columns)
