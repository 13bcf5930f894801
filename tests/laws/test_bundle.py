"""Laws of scoring: a row's answer depends on that row alone, for every candidate of a run."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.bundle.load import Bundle, load

CANDIDATES = ("constant", "officer", "linear", "lightgbm", "catboost")
MANY = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

# Everything that the contract's types can hold, inside its limits and far outside.
ROW = st.fixed_dictionaries(
    {
        "amount": st.floats(-1e6, 1e9),
        "income": st.none() | st.floats(0, 1e12) | st.just(5e-324),
        "age": st.integers(-5, 2**40),
        "home": st.none() | st.sampled_from(["rent", "own", "other"]) | st.text(max_size=8),
    }
)
SCHEMA = {"amount": pl.Float64, "income": pl.Float64, "age": pl.Int64, "home": pl.String}
ROWS = st.lists(ROW, min_size=1, max_size=12).map(lambda found: pl.DataFrame(found, schema=SCHEMA))


@cache
def bundle(root: Path, name: str) -> Bundle:
    return load(root / "models/tiny/candidates" / name)


@pytest.mark.parametrize("name", CANDIDATES)
class TestEveryBundle:
    @MANY
    @given(rows=ROWS)
    def test_a_batch_is_its_rows_one_by_one(self, tiny_run: Path, name: str, rows: pl.DataFrame) -> None:
        found = bundle(tiny_run, name)
        alone = pl.concat([found.score(rows[i]) for i in range(rows.height)])
        assert alone.equals(found.score(rows))

    @MANY
    @given(rows=ROWS, data=st.data())
    def test_the_order_of_rows_does_not_matter(self, tiny_run: Path, name: str, rows: pl.DataFrame, data: st.DataObject) -> None:
        turned = data.draw(st.permutations(range(rows.height)))
        found = bundle(tiny_run, name)
        assert found.score(rows)[turned].equals(found.score(rows[turned]))

    @MANY
    @given(rows=ROWS)
    def test_every_row_gets_a_whole_answer(self, tiny_run: Path, name: str, rows: pl.DataFrame) -> None:
        scored = bundle(tiny_run, name).score(rows)
        assert scored.height == rows.height
        assert scored.null_count().sum_horizontal().item() == 0
        assert scored.select(pl.selectors.float().is_finite().all()).row(0) == (True,) * 3
        assert set(scored["decision"]) <= {"lend", "decline"}
        assert ((scored["p_0"] + scored["p_1"]) - 1).abs().max() < 1e-9  # type: ignore[operator]

    @MANY
    @given(rows=ROWS)
    def test_what_breaks_the_contract_is_flagged_and_only_that(self, tiny_run: Path, name: str, rows: pl.DataFrame) -> None:
        flags = bundle(tiny_run, name).score(rows)["flags"].to_list()
        for row, flagged in zip(rows.iter_rows(named=True), flags, strict=True):
            expected = set()
            expected |= {"amount.minimum"} if row["amount"] < 0 else set()
            expected |= {"age.minimum"} if row["age"] < 18 else set()
            expected |= {"age.maximum"} if row["age"] > 99 else set()
            assert set(flagged) == expected
