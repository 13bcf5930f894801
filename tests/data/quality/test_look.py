"""What is looked at: a draw that depends on row ids alone, and findings that do not depend on how the rows came."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.quality.planted import planted
from tests.data.quality.tables import Table, clean

from runner.data.quality.counts import counted, counted_here
from runner.data.quality.errors import adjusted, independence
from runner.data.quality.judge import judge
from runner.data.quality.lifeless import lifeless
from runner.data.quality.look import look, sampled
from runner.data.quality.spec import QualitySpec
from runner.data.quality.summary import summary

ROUGH = QualitySpec(sample_rows=1000)


def _rows(n: int) -> pl.DataFrame:
    return pl.DataFrame({"row_id": np.arange(n, dtype=np.uint64), "x": np.arange(n)})


def test_the_draw_is_about_as_large_as_asked_and_evenly_spread() -> None:
    drawn = sampled(_rows(100_000).lazy(), 100_000, 5_000, seed=3)
    assert 4_700 < drawn.height < 5_300
    assert drawn["row_id"].is_sorted()
    assert np.histogram(drawn["row_id"], bins=10)[0].min() > 400


def test_another_seed_draws_other_rows() -> None:
    one, other = (set(sampled(_rows(10_000).lazy(), 10_000, 1_000, seed)["row_id"]) for seed in (1, 2))
    assert len(one & other) < 200


@given(st.integers(1, 5))
def test_the_draw_is_the_same_however_the_rows_are_cut(parts: int) -> None:
    rows = _rows(3_000)
    cut = pl.concat([rows[at::parts] for at in range(parts)], rechunk=False)
    assert sampled(cut.lazy(), 3_000, 500, seed=1).equals(sampled(rows.lazy(), 3_000, 500, seed=1))


@pytest.mark.parametrize(("spec", "counted_rows"), [(QualitySpec(), 500_000), (ROUGH, 1_000)])
def test_findings_are_the_same_from_memory_from_pieces_and_from_a_file(
    spec: QualitySpec, counted_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With estimated distinct values, too.
    monkeypatch.setattr("runner.data.quality.counts.COUNTED_ROWS", counted_rows)
    table = planted("level_shift", n=4000)
    table.rows.write_parquet(tmp_path / "rows.parquet", row_group_size=700)
    pieces = pl.concat([table.rows[at : at + 611] for at in range(0, table.rows.height, 611)], rechunk=False)
    ways = (table.rows.lazy(), pieces.lazy(), pl.scan_parquet(tmp_path / "rows.parquet"))
    looks = [look(rows, table.contract(), table.task, 1, spec, None, None if table.test is None else table.test.lazy()) for rows in ways]
    first, *others = [([f.as_json() for f in judge(seen)], summary(seen), lifeless(seen)) for seen in looks]
    assert first[0]
    assert all(other == first for other in others)


def test_values_of_keys_are_never_told() -> None:
    table = clean(0)
    named = table.put(secret=pl.Series([f"K{int(n):09d}" for n in table.rows["row_id"]]))
    keyed = replace(named, task=replace(named.task, key=("secret",)))
    seen = keyed.look()
    assert "K0000" not in str([f.as_json() for f in judge(seen)]) + str(summary(seen)["secret"])


def test_what_stands_for_unknown_is_counted_over_all_rows() -> None:
    rows = pl.DataFrame({"n": [-999, 5, -999, None], "t": [" N/A", "n/a", "x", None], "d": [date(1900, 1, 1), None, date(2020, 1, 1), date(2020, 1, 1)]})
    found = counted(rows.lazy(), rows.height, rows.schema)
    assert found.odd == {"n": {-999: 2}, "t": {"n/a": 2}, "d": {date(1900, 1, 1): 1}}
    assert counted_here(rows) == found
    assert (found.missing, found.distinct) == ({"n": 1, "t": 1, "d": 1}, {"n": 2, "t": 3, "d": 2})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_adjusted_p_values_are_those_of_scipy(p: list[float]) -> None:
    from scipy.stats import false_discovery_control

    assert np.allclose(adjusted(p), false_discovery_control(p))


def test_the_test_of_independence_is_that_of_scipy() -> None:
    from scipy.stats import chi2_contingency

    table = np.array([[30, 70], [45, 55], [0, 0], [20, 80]])
    assert independence(table)[0] == pytest.approx(chi2_contingency(table[[0, 1, 3]], correction=False).pvalue)


def test_columns_that_equal_each_other_only_in_the_draw_are_no_copies() -> None:
    rows = _rows(5_000).with_columns(status=pl.when(pl.col("row_id") % 3 == 0).then(pl.lit("bad")).otherwise(pl.lit("good")))
    table = Table(rows, clean(0).task).look(ROUGH)
    out = next(n for n in range(5_000) if n not in set(table.ids.tolist()))
    twins = Table(rows.with_columns(y=pl.when(pl.col("row_id") == out).then(-1).otherwise("x"), z=pl.col("x")), clean(0).task).look(ROUGH)
    assert twins.sample["x"].equals(twins.sample["y"])
    assert lifeless(twins)[0] == ["z"]


def test_more_columns_than_are_looked_into_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.data.quality.look.MOST_COLUMNS", 3)
    (found,) = [f for f in clean(0).findings() if f.kind == "limit"]
    assert found.what == "3 columns were counted but not looked into"
