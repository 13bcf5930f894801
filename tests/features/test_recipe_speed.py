"""A recipe of forty steps costs what the same query costs by hand; limits leave room for a machine that does other work."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from benchmarks.recipe import against_by_hand, declared, fitted, one_row, table
from polars.testing import assert_frame_equal

from runner.bundle import recipe

# Beside other work a processor runs at half its speed, and less.
SLACK = 3.0


def test_forty_steps_cost_what_the_query_costs_by_hand() -> None:
    assert len(declared()) == 40
    _, ratio = against_by_hand(50_000, 3)
    assert ratio < 1.3 * SLACK


def test_a_single_row_takes_less_than_a_millisecond() -> None:
    usual, _, _ = one_row(100)
    assert usual < 1.0 * SLACK


def test_rows_of_a_file_are_streamed_into_another_with_the_same_result(tmp_path: Path) -> None:
    rows = table(3000)
    operations = fitted(rows)
    rows.write_parquet(tmp_path / "rows.parquet")
    recipe.apply_lazily(operations, pl.scan_parquet(tmp_path / "rows.parquet")).sink_parquet(tmp_path / "made.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "made.parquet"), recipe.apply(operations, rows), check_exact=True)
