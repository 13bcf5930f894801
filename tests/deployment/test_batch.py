"""A batch goes in as a file and comes out scored, row by row, from the bundle alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import command, loans

from runner.bundle.load import load
from runner.core.faults import FaultsError
from runner.deployment.batch import read_rows, write_scores


@pytest.fixture
def shipped(tiny_run: Path, tmp_path: Path) -> Path:
    """A project whose tiny experiment has run to an admitted bundle."""
    return Path(shutil.copytree(tiny_run, tmp_path / "shipped"))


def test_every_row_is_scored_in_order(shipped: Path) -> None:
    rows = loans(50, seed=5)
    rows.write_parquet(shipped / "new.parquet")
    done = command(shipped, "score", "--bundle", "models/tiny/bundle", "--input", "new.parquet", "--output", "scored.parquet")
    assert done.returncode == 0, done.stderr
    scored = pl.read_parquet(shipped / "scored.parquet")
    assert scored.columns == ["prediction", "p_0", "p_1", "decision", "expected_payoff", "flags"]
    assert scored.height == rows.height
    alone = pl.concat([load(shipped / "models/tiny/bundle").score(rows[i]) for i in range(5)])
    assert alone.equals(scored.head(5))


def test_csv_and_parquet_score_the_same(shipped: Path) -> None:
    rows = loans(30, seed=6).drop("bad")
    rows.write_csv(shipped / "new.csv")
    rows.write_parquet(shipped / "new2.parquet")
    bundle = load(shipped / "models/tiny/bundle")
    assert bundle.score(read_rows(shipped / "new.csv")).equals(bundle.score(read_rows(shipped / "new2.parquet")))


def test_column_order_and_extra_columns_do_not_matter(shipped: Path) -> None:
    rows, bundle = loans(20, seed=7), load(shipped / "models/tiny/bundle")
    turned = rows.select(reversed(rows.columns)).with_columns(extra=pl.lit("x"))
    assert bundle.score(turned).equals(bundle.score(rows))


def test_values_outside_the_contract_are_flagged_and_still_answered(shipped: Path) -> None:
    rows = loans(3, seed=8).with_columns(age=pl.Series([17, 40, 120]))
    flags = load(shipped / "models/tiny/bundle").score(rows)["flags"].to_list()
    assert [bool(f) for f in flags] == [True, False, True]
    assert "age" in flags[0][0]


def test_unseen_categories_nulls_and_no_rows_are_survived(shipped: Path) -> None:
    bundle = load(shipped / "models/tiny/bundle")
    odd = loans(4, seed=9).with_columns(home=pl.lit("moon"), income=pl.lit(None, pl.Float64))
    assert bundle.score(odd)["p_1"].is_finite().all()
    assert bundle.score(odd[:0]).height == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r.rename({"income": "incme"}), "income"),
        (lambda r: r.drop("amount"), "amount"),
        (lambda r: r.with_columns(age=pl.lit("forty")), "forty"),
        (lambda r: r.with_columns(amount=pl.lit("12,5")), "12,5"),
    ],
)
def test_a_batch_of_another_shape_is_refused_with_the_column(shipped: Path, change: object, told: str) -> None:
    change(loans(5)).write_parquet(shipped / "odd.parquet")  # type: ignore[operator]
    done = command(shipped, "score", "--bundle", "models/tiny/bundle", "--input", "odd.parquet", "--output", "never.parquet")
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (shipped / "never.parquet").exists()


@pytest.mark.parametrize("name", ["missing.parquet", "conf", "text.txt", "broken.parquet", "latin.csv"])
def test_a_file_that_cannot_be_read_is_told_by_name(shipped: Path, name: str) -> None:
    (shipped / "text.txt").write_text("x")
    (shipped / "broken.parquet").write_bytes((shipped / "data/raw/loans.parquet").read_bytes()[:500])
    (shipped / "latin.csv").write_bytes("amount,home\n1,Zürich\n".encode("latin-1"))
    with pytest.raises(FaultsError, match=name):
        read_rows(shipped / name)


@pytest.mark.parametrize("part", ["manifest.json", "combine.json", "models/model.json", "recipe/steps.json", "examples.parquet"])
def test_a_damaged_bundle_is_refused(shipped: Path, tmp_path: Path, part: str) -> None:
    shutil.copytree(shipped / "models/tiny/bundle", tmp_path / "bundle")
    content = (tmp_path / "bundle" / part).read_bytes()
    (tmp_path / "bundle" / part).write_bytes(content[:-20] + b" " * 10)
    with pytest.raises(FaultsError):
        load(tmp_path / "bundle")


def test_a_bundle_holds_no_pickle_and_no_training_row(shipped: Path) -> None:
    bundle = shipped / "models/tiny/bundle"
    assert {p.suffix for p in bundle.rglob("*") if p.is_file()} <= {".json", ".parquet", ".txt", ".cbm"}
    assert not any(p.read_bytes()[:2] in (b"\x80\x04", b"\x80\x05") for p in bundle.rglob("*") if p.is_file())
    examples = pl.read_parquet(bundle / "examples.parquet")
    shared = ["amount", "income", "age", "home"]
    assert examples.select(shared).join(loans().select(shared), on=shared, how="inner").height == 0


def test_a_spreadsheet_cannot_run_what_a_csv_export_says(tmp_path: Path) -> None:
    scored = pl.DataFrame({"id": ["=1+1", "@x", "fine"], "p": [0.1, 0.2, 0.3], "flags": [["a", "b"], [], []]})
    write_scores(tmp_path / "out.csv", scored)
    assert pl.read_csv(tmp_path / "out.csv")["id"].to_list() == ["'=1+1", "'@x", "fine"]


def test_monitor_reads_a_batch_against_the_profile(shipped: Path) -> None:
    loans(300, seed=11).with_columns(income=pl.col("income") * 3).write_parquet(shipped / "drifted.parquet")
    done = command(shipped, "monitor", "--bundle", "models/tiny/bundle", "--input", "drifted.parquet", "--output", "drift.json")
    assert done.returncode == 0, done.stderr
    assert "income" in done.stdout
    assert (shipped / "drift.json").exists()
