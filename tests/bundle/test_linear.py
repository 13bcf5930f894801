"""The design of a linear model: finite numbers whatever it reads, and a column for each level that has one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.bundle.inputs import Inputs
from runner.bundle.models.linear import Design, LinearModel, load

TEXT = Inputs(("size",), {"home": ("own", "rent"), "town": ("a", "b", "c")})
GAP = np.nan
ROWS = np.array([[1.0, 0, 2], [2.0, 1, 2], [3.0, 1, 0], [GAP, 1, GAP], [4.0, GAP, 1], [5.0, 0, 2]])


@pytest.mark.parametrize("huge", [1e200, 1e300, 1.7e308])
def test_a_number_whose_square_is_not_finite_is_standardised_all_the_same(huge: float) -> None:
    values = np.full((100, 2), 1.0)
    values[::2, 0], values[:3, 1] = 2.0, huge
    design = Design.learn(Inputs(("plain", "huge"), {}), values)
    assert design.means[0] == values[:, 0].mean()
    assert design.scales[0] == values[:, 0].std()
    assert np.isfinite([design.means, design.scales]).all()
    columns = design.columns(values)
    assert np.isfinite(columns).all()
    assert columns[0, 1] > 5.0 > columns[-1, 1]


@pytest.mark.parametrize("endless", [np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_a_missing_one(endless: float) -> None:
    values = np.array([[1.0], [2.0], [4.0], [np.nan]])
    strange = np.where(np.isnan(values), endless, values)
    missing, told = (Design.learn(Inputs(("size",), {}), each) for each in (values, strange))
    assert [told.fills, told.means, told.scales] == [missing.fills, missing.means, missing.scales]
    assert np.array_equal(told.columns(strange), missing.columns(values))
    assert told.columns(strange)[3].tolist() == [(2.0 - 2.25) / values[[0, 1, 2, 1]].std(), 1.0]


def test_a_column_without_any_finite_number_is_a_column_of_zeros() -> None:
    design = Design.learn(Inputs(("none",), {}), np.full((5, 1), np.inf))
    assert design.columns(np.full((2, 1), np.inf)).tolist() == [[0.0, 1.0], [0.0, 1.0]]


def test_where_there_are_too_many_levels_those_that_most_rows_have_get_a_column() -> None:
    design = Design.learn(TEXT, ROWS, most_levels=3)
    assert design.names == ["size", "size missing", "home=own", "home=rent", "town=c"]
    assert design.places == [[0, 1], [2, 3], [4]]
    assert design.columns(ROWS)[:, 2:].tolist() == [[1, 0, 1], [0, 1, 1], [0, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]]
    assert Design.learn(TEXT, ROWS, most_levels=5).kept is None


@pytest.mark.parametrize("most_levels", [None, 3, 1])
def test_scores_are_what_the_columns_add_up_to_for_a_row_alone_as_in_a_batch(most_levels: int | None, tmp_path: Path) -> None:
    design = Design.learn(TEXT, ROWS, most_levels)
    weights = np.random.default_rng(0).normal(size=(len(design.names), 3))
    tables = design.tables(weights)
    scores = design.scores(ROWS, weights, tables)
    assert scores == pytest.approx(design.columns(ROWS) @ weights)
    assert sum(design.added(ROWS, weights, tables)) == pytest.approx(scores)
    assert np.array_equal(np.concatenate([design.scores(row[None], weights, tables) for row in ROWS]), scores)
    model = LinearModel(design, weights, np.zeros(3), "softmax")
    assert np.array_equal(load(model.save(tmp_path), tmp_path).predict_matrix(ROWS), model.predict_matrix(ROWS))
