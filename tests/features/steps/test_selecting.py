"""Which features the models see: select by name, screen by what the training rows say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.features.steps.made import fitted

from runner.core.faults import FaultsError
from runner.features.matrices import Learner, prepare
from runner.features.recipe import Recipe, plan
from runner.features.spec import FeaturesSpec


def table(n: int = 400) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    a = draw.normal(size=n)
    return pl.DataFrame(
        {"a": a, "a_cubed": a**3, "b": draw.normal(size=n), "flat": [1.0] * (n - 1) + [2.0], "city": draw.choice(["x", "y"], n), "y": draw.integers(0, 2, n)}
    )


def planned(rows: pl.DataFrame, **steps: object) -> Recipe:
    spec = FeaturesSpec.model_validate({"steps": steps})
    return plan(spec, rows, rows["y"].to_numpy().astype(float).reshape(-1, 1), [""], ["y"])[0]


def names(recipe: Recipe) -> list[str]:
    return [feature["name"] for feature in recipe.features]


def test_select_by_name_pattern_and_kind() -> None:
    rows = table()
    assert names(planned(rows, s={"kind": "select", "drop": ["a*"]})) == ["b", "flat", "city"]
    assert names(planned(rows, s={"kind": "select", "keep": ["a*", "city"], "drop": ["a_cubed"]})) == ["a", "city"]
    assert names(planned(rows, s={"kind": "select", "only": "categorical"})) == ["city"]


def test_a_later_step_may_read_what_was_dropped_and_what_it_makes_is_kept() -> None:
    made = planned(table(), s={"kind": "select", "keep": ["b"]}, f={"kind": "frequency", "columns": ["city"]})
    assert names(made) == ["b", "city_frequency"]


def test_names_and_patterns_that_fit_nothing_are_told_together() -> None:
    with pytest.raises(FaultsError) as told:
        planned(table(), s={"kind": "select", "drop": ["cuty"]}, t={"kind": "select", "keep": ["z*"]})
    assert [fault.at for fault in told.value.faults] == ["features.steps.s", "features.steps.t.keep"]


def test_a_numeric_kind_refuses_text_and_a_text_kind_numbers() -> None:
    with pytest.raises(FaultsError) as told:
        planned(table(), s={"kind": "ranks", "columns": ["city"]}, t={"kind": "tfidf", "columns": ["a"]})
    assert [fault.expected for fault in told.value.faults] == ["a column of numbers", "a column of text"]


def test_screen_drops_what_hardly_varies_and_what_repeats_another() -> None:
    rows = table().drop("y")
    assert set(fitted(rows, kind="screen", max_same=0.99).drops) == {"flat"}
    dropped = fitted(rows, kind="screen", max_correlation=0.95).drops
    assert list(dropped) == ["a_cubed"]
    assert dropped["a_cubed"] == "its ranks correlate to 1.000 with those of a"
    assert list(fitted(rows, kind="screen", max_same=0.99, columns=["b", "c*"]).drops) == []


def test_of_two_alike_the_one_with_more_gaps_goes() -> None:
    rows = table().drop("y").with_columns(a=pl.when(pl.int_range(pl.len()) > 2).then("a"))
    assert list(fitted(rows, kind="screen", max_correlation=0.95, max_same=None).drops) == ["a"]


@pytest.mark.parametrize("values", [[], [1.0], [None, None], [1.0, 1.0, 1.0]])
def test_screen_survives_few_rows_and_columns_without_values(values: list[float | None]) -> None:
    rows = pl.DataFrame({"a": values, "b": values}, schema={"a": pl.Float64, "b": pl.Float64})
    assert set(fitted(rows, kind="screen", max_correlation=0.5).drops) <= {"a", "b"}


def test_each_fold_screens_for_itself_and_the_models_columns_are_what_is_left() -> None:
    # Twins in the first half of the rows only.
    rows = table().with_columns(twin=pl.when(pl.int_range(pl.len()) < 200).then("b").otherwise(-pl.col("a_cubed"))).drop("flat")
    recipe = planned(rows, s={"kind": "screen", "columns": ["b", "twin"], "max_correlation": 0.9}, r={"kind": "ranks", "columns": ["twin"]})
    assert "twin" in names(recipe)
    learner = Learner(rows.with_columns(pl.col("y").cast(pl.String)), recipe, "binary", "y", ("0", "1"), 7)
    first, second = prepare(learner, np.arange(200), np.arange(200, 400), ("a",)), prepare(learner, np.arange(200, 400), None, ("b",))
    assert "twin" not in first.inputs.names
    assert "twin" in second.inputs.names
    assert "twin_rank" in first.inputs.names
    assert first.valid is not None
    assert first.valid.values.shape[1] == len(first.inputs.names)
