"""Rows that a split keeps together are drawn together when two results are compared: alike rows are no independent evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.pipeline.review.paired import paired
from runner.pipeline.review.reading import Results
from runner.pipeline.stages import Place
from runner.pipeline.standing import judged

GROUPS, SIZE = 30, 20
PROBLEM = {"target": "y", "positive": "1", "payoff": {"unit": "EUR", "actions": None, "sql": "x"}, "criterion": {"baseline": "constant", "confidence": 0.95}}
ENTRY = {"problem": PROBLEM, "evaluation": {"bootstrap_draws": 1000}, "seed": 1}


def results(folder: Path, gain: float, **split: Any) -> Results:
    """A finished run whose payoff differs from customer to customer, and hardly within one."""
    draw = np.random.default_rng(3)
    luck = np.repeat(draw.normal(0, 1, GROUPS), SIZE)
    n = GROUPS * SIZE
    folder.mkdir()
    rows = pl.DataFrame({"row_id": pl.Series(range(n), dtype=pl.UInt64), "fold": pl.Series(np.arange(n) % 3, dtype=pl.Int8)})
    columns = {"constant": np.zeros(n), "linear": gain * (1.0 + luck)}
    oof = pl.concat([rows.with_columns(candidate=pl.lit(name), payoff=pl.Series(payoff)) for name, payoff in columns.items()])
    oof.write_parquet(folder / "oof.parquet")
    rows.select("row_id", customer=pl.Series([f"c{i // SIZE}" for i in range(n)])).write_parquet(folder / "train.parquet")
    for name, content in {"ladder": {"chosen": "linear"}, "problem": PROBLEM, "split": {"seal": "s", **split}, "data": {"sources": {}}}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))

    def find(place: Place) -> Path | None:
        path = folder / Path(place.path).name
        return path if path.is_file() else None

    return Results(find)


@pytest.fixture
def width(tmp_path: Path) -> Any:
    def measured(**split: Any) -> float:
        before, after = results(tmp_path / f"a{len(split)}", 1.0, **split), results(tmp_path / f"b{len(split)}", 2.0, **split)
        gain = paired(before, after, ENTRY, ("a", "b")).gain
        assert gain is not None
        assert gain.low is not None
        assert gain.high is not None
        return gain.high - gain.low

    return measured


def test_a_review_draws_whole_groups(width: Any) -> None:
    # Twenty rows of a customer say what one of them says: the interval is about the root of twenty wider.
    assert width(group="customer") / width() == pytest.approx(SIZE**0.5, rel=0.2)


def test_a_review_says_where_the_groups_are_not_at_hand(tmp_path: Path) -> None:
    before, after = (results(tmp_path / name, gain, group="customer") for name, gain in (("a", 1.0), ("b", 2.0)))
    (tmp_path / "b" / "train.parquet").unlink()
    found = paired(before, after, ENTRY, ("a", "b"))
    assert found.gain is not None
    assert found.note == "rows of one customer are alike, and which they are is not at hand: the interval is narrower than it should be"


def test_a_sweep_draws_whole_groups(tmp_path: Path) -> None:
    alone, _, _ = judged(results(tmp_path / "a", 1.0), 1)
    together, gain, _ = judged(results(tmp_path / "b", 1.0, group="customer"), 1)
    assert alone is not None
    assert together is not None
    assert gain is not None
    assert (together["high"] - together["low"]) / (alone["high"] - alone["low"]) == pytest.approx(SIZE**0.5, rel=0.2)
