"""What every kind that learns or groups holds to on any rows: extreme numbers, gaps, odd text, one row, no rows, constant columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.steps.made import applied, fitted

from runner.bundle import recipe

NUMBERS, TEXTS = ["a", "b"], ["s", "t"]
KINDS: dict[str, dict[str, Any]] = {
    "log": {"kind": "log", "columns": NUMBERS},
    "log with a shift": {"kind": "log", "columns": NUMBERS, "shift": 2.5},
    "yeo_johnson": {"kind": "yeo_johnson", "columns": NUMBERS},
    "ranks": {"kind": "ranks", "columns": NUMBERS, "quantiles": 20},
    "robust_scale": {"kind": "robust_scale", "columns": NUMBERS},
    "clip": {"kind": "clip", "columns": NUMBERS},
    "bins": {"kind": "bins", "columns": NUMBERS, "bins": 4},
    "bins by a tree": {"kind": "bins", "columns": NUMBERS, "bins": 4, "by": "tree"},
    "rare": {"kind": "rare", "columns": TEXTS, "min_rows": 2},
    "crossing": {"kind": "crossing", "columns": ["s", "t", "a"], "min_rows": 2},
    "hashing": {"kind": "hashing", "columns": TEXTS, "buckets": 5},
    "target_encoding": {"kind": "target_encoding", "columns": TEXTS, "smoothing": "auto"},
    "ordered_target_encoding": {"kind": "ordered_target_encoding", "columns": TEXTS, "smoothing": "auto"},
    "tfidf": {"kind": "tfidf", "columns": TEXTS, "components": 3, "shortest": 1, "longest": 3},
    "reduce": {"kind": "reduce", "columns": NUMBERS, "components": 3},
    "reduce by svd": {"kind": "reduce", "columns": NUMBERS, "components": 1, "how": "svd"},
}
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0, -1.0, 3.7])
TEXT = st.none() | st.sampled_from(["Rome", "rome ", "", "Öl\n\n1", "ẞ", "🙂 x", "(missing)", "other"]) | st.text(max_size=6)
ROW = st.tuples(NUMBER, NUMBER, TEXT, TEXT)
SCHEMA = {"a": pl.Float64, "b": pl.Float64, "s": pl.String, "t": pl.String}


def frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def usual(n: int = 200, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    made = {
        "a": draw.lognormal(3, 1, n),
        "b": draw.normal(0, 5, n),
        "s": draw.choice(["Rome", "Oslo", "Bern"], n),
        "t": draw.choice(["red hat", "red shoe", "x"], n),
    }
    return pl.DataFrame(made).with_columns(pl.when(pl.Series(draw.random(n) > 0.1)).then(pl.all()))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12)
@given(taught=st.lists(ROW, max_size=12), later=st.lists(ROW, min_size=1, max_size=6))
def test_any_rows_teach_it_and_each_row_gets_alone_what_it_gets_among_others(name: str, taught: list[Any], later: list[Any]) -> None:
    rows, asked = frame(taught), frame(later)
    step = fitted(rows, np.arange(rows.height) % 2, **KINDS[name])
    among = applied(step, pl.concat([asked, usual(100)]))[: asked.height]
    alone = pl.concat([applied(step, asked[i]) for i in range(asked.height)])
    assert alone.equals(among)
    assert all(column.is_finite().all() for column in among if column.dtype.is_float())
    assert step.own is None or step.own.height == rows.height
    assert applied(step, asked[:0]).schema == among.schema


@pytest.mark.parametrize("name", KINDS)
def test_a_thousand_rows_alone_and_together_and_read_from_disk_are_the_same(name: str, tmp_path: Path) -> None:
    step, later = fitted(usual(), np.arange(200) % 2, **KINDS[name]), usual(9000, 1)
    read = recipe.parse(recipe.dump(step.operations, tmp_path), tmp_path)
    together = applied(step, later)
    assert recipe.apply(read, later).select(step.adds).equals(together)
    few = pl.concat([applied(step, later[start : start + 1]) for start in range(0, 9000, 101)])
    assert few.equals(together.gather_every(101))
    assert {path.suffix for path in tmp_path.iterdir()} <= {".parquet"}


@pytest.mark.parametrize("name", KINDS)
def test_other_numbers_of_threads_change_nothing(name: str) -> None:
    from threadpoolctl import threadpool_limits

    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            step = fitted(usual(3000), np.arange(3000) % 2, **KINDS[name])
            found.append((applied(step, usual(500, 1)), step.own))
    assert found[0][0].equals(found[1][0])
    assert found[0][1] is None or found[0][1].equals(found[1][1])
