"""Every planted fault is found, and tables without one are left in peace."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from tests.data.quality.planted import PLANTED, planted
from tests.data.quality.tables import clean

from runner.data.quality import duplicates
from runner.data.quality.spec import QualitySpec

ROUGH = QualitySpec(sample_rows=1000)
# What hangs on rare rows can slip through a draw of a thousand; exact counts and whole buckets do not.
ON_SAMPLE = ["missing_by_outcome", "exact_copies", "near_copies", "conflicting_labels", "two_units", "level_shift", "nines", "words_for_unknown", "a_hole"]


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    _, _, kind, column = PLANTED[name]
    found = [f for f in planted(name).findings() if f.kind == kind and (not column or column in f.columns)]
    assert found, name
    assert all(f.what and f.evidence for f in found)


def test_a_test_that_repeats_training_rows_is_a_gate_that_warns() -> None:
    (warned,) = duplicates.gates(planted("copies_in_the_test").findings())
    assert warned.status == "warned"
    assert "equal a training row in all that is known at the decision" in warned.evidence
    assert duplicates.gates(clean(0).findings()) == []


@pytest.mark.parametrize("name", ON_SAMPLE)
def test_a_fault_is_found_on_a_sample_too(name: str) -> None:
    _, _, kind, column = PLANTED[name]
    table = planted(name, n=6000)
    whole, drawn = ([f for f in table.findings(spec) if f.kind == kind and (not column or column in f.columns)] for spec in (QualitySpec(), ROUGH))
    assert whole
    assert drawn
    # Counts are of all rows, or estimate them.
    assert drawn[0].rows == pytest.approx(whole[0].rows, rel=0.5)


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_table_raises_no_serious_finding(seed: int) -> None:
    assert [f.what for f in clean(seed).findings() if f.severity == "serious"] == []


def test_a_clean_table_is_like_its_own_production() -> None:
    # Drawn by the same shape, another seed: only chance tells the two apart.
    table = replace(clean(0), production=clean(7).rows.drop("row_id", "status"))
    assert [f.what for f in table.findings() if f.kind in ("production_shift", "two_samples")] == []


@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_a_table_of_hardly_any_rows_is_looked_at_too(n: int) -> None:
    for seed in range(7):
        table = clean(seed)
        small = replace(table, rows=table.rows.head(n), test=table.rows.clear())
        assert [f.what for f in small.findings() if f.severity == "serious"] == []


def test_columns_without_a_value_do_no_harm() -> None:
    for seed in range(7):
        table = clean(seed)
        roles = {"row_id", table.task.target}
        empty = replace(table, rows=table.rows.with_columns(pl.lit(None, dtype=table.rows.schema[c]).alias(c) for c in table.rows.columns if c not in roles))
        assert {f.severity for f in empty.findings()} <= {"info", "warned"}
