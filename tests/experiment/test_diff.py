"""Two resolved experiments differ in what they mean, not in how their lines stand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.experiment.diff import Change, changes, same

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3),
    max_leaves=10,
)
MAPS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)


def told(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change.at, change.kind) for change in changes(old, new)]


@given(MAPS)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert changes(value, value) == ()


@given(MAPS)
def test_the_order_of_keys_is_no_difference(value: dict[str, Any]) -> None:
    assert changes(value, dict(reversed(value.items()))) == ()


@given(MAPS, MAPS)
def test_both_directions_find_the_same_keys(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert {change.path for change in changes(old, new)} == {change.path for change in changes(new, old)}


def test_a_number_in_another_form_is_the_same() -> None:
    assert changes({"min": 1, "max": [2, {"x": 3.0}]}, {"min": 1.0, "max": [2.0, {"x": 3}]}) == ()
    assert not same(True, 1)
    assert not same("1", 1)


def test_left_out_null_and_empty_are_the_same() -> None:
    assert changes({"a": None, "b": []}, {"c": {}, "d": {"e": None}}) == ()


def test_a_value_is_told_by_its_key_path() -> None:
    assert changes({"split": {"folds": 3}}, {"split": {"folds": 5}}) == (Change(("split", "folds"), "changed", 3, 5),)


def test_keys_that_are_no_words_are_quoted() -> None:
    assert told({}, {"slices": {}, "columns": {"net income": {"min": 0}}}) == [("columns", "added")]
    assert told({"columns": {"a": 1}}, {"columns": {"a": 1, "net.income": 0}}) == [('columns."net.income"', "added")]


def test_another_kind_is_one_change_of_the_whole_section() -> None:
    old, new = {"kind": "stratified", "folds": 3}, {"kind": "by_time", "folds": 3, "column": "day"}
    assert changes({"split": old}, {"split": new}) == (Change(("split",), "changed", old, new),)


def test_a_column_called_kind_is_a_column() -> None:
    assert told({"columns": {"kind": {"min": 0}}}, {"columns": {"kind": {"min": 1}}}) == [("columns.kind.min", "changed")]


def test_a_list_with_the_same_elements_is_reordered() -> None:
    assert told({"drop": ["a", "b"]}, {"drop": ["b", "a"]}) == [("drop", "reordered")]
    assert told({"drop": ["a", "b"]}, {"drop": ["a", "c"]}) == [("drop", "changed")]


STEPS = {"one": {"sql": "a"}, "two": {"sql": "b"}}


def ordered(*names: str) -> dict[str, Any]:
    steps = {**STEPS, "three": {"sql": "c"}}
    return {"steps": {name: steps[name] for name in names}, "order": {"steps": list(names)}}


def test_a_new_order_of_steps_is_told_once() -> None:
    (change,) = changes(ordered("one", "two"), ordered("two", "one"))
    assert (change.at, change.kind, change.old, change.new) == ("steps", "reordered", ["one", "two"], ["two", "one"])


def test_an_added_step_says_where_it_stands_and_changes_no_order() -> None:
    (change,) = changes(ordered("one", "two"), ordered("one", "three", "two"))
    assert (change.at, change.kind, change.place) == ("steps.three", "added", "after one")
    (change,) = changes(ordered("one"), ordered("three", "one"))
    assert change.place == "first"


def test_an_older_entry_without_order_lists_has_the_order_of_its_keys() -> None:
    assert changes({"steps": STEPS}, ordered("one", "two")) == ()
    assert told({"steps": STEPS}, ordered("two", "one")) == [("steps", "reordered")]


@pytest.mark.parametrize("order", [{"type": "int", "min": 0}, "text", 3], ids=["column", "text", "number"])
def test_a_column_called_order_is_a_column(order: Any) -> None:
    assert told({"order": order, "x": 1}, {"x": 1}) == [("order", "removed")]
