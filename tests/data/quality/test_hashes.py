"""Rows as numbers: equal where rows are equal, whatever the columns have in common."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from runner.data.quality.hashes import hashed, repeated

SMALL = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=60)


@given(SMALL)
def test_rows_repeat_just_where_their_hashes_do(rows: list[tuple[int, int, str | None]]) -> None:
    table = pl.DataFrame(rows, schema={"x": pl.Int64, "y": pl.Int64, "t": pl.String}, orient="row")
    shared, later = repeated(table.select(h=hashed(table.columns))["h"].to_numpy())
    assert shared.tolist() == table.is_duplicated().to_list()
    assert later.tolist() == (~table.select(pl.struct(pl.all()).is_first_distinct()).to_series()).to_list()


def test_columns_that_hold_each_others_values_do_not_cancel_out() -> None:
    # Every pair of 300 x 300 small numbers, as a hash without its own factor for each column would confuse them.
    x, y = (side.ravel() for side in np.meshgrid(np.arange(300), np.arange(300)))
    assert pl.DataFrame({"x": x, "y": y, "z": x + y}).select(h=hashed(["x", "y", "z"]))["h"].n_unique() == 90_000


def test_hashes_of_parts_add_up() -> None:
    table = pl.DataFrame({"x": [1, 2], "y": ["a", "b"], "z": [0.5, None]})
    whole, parts = table.select(whole=hashed(["x", "y", "z"]), parts=hashed(["x", "z"]) + hashed(["y"]))
    assert whole.to_list() == parts.to_list()
