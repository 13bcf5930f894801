"""`data diff` tells what changed between two versions of a table, and never shows what names a row."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.cli import main
from runner.core.faults import FaultsError
from runner.pipeline.versions.difference import Difference, difference
from runner.pipeline.versions.distributions import compared
from runner.pipeline.versions.tables import of_path


def customers(n: int = 1000, seed: int = 0) -> pl.DataFrame:
    """The first n of the same customers, whatever n."""
    draw, most = np.random.default_rng(seed), 3000
    return pl.DataFrame(
        {
            "id": [f"secret{i:05}" for i in range(most)],
            "income": draw.lognormal(3, 0.4, most).round(2),
            "plan": draw.choice(["basic", "plus", "max"], most),
            "since": [datetime(2020, 1, 1) + timedelta(days=int(d)) for d in draw.integers(0, 1460, most)],
        }
    )[:n]


def diff(tmp_path: Path, before: pl.DataFrame, after: pl.DataFrame, *key: str) -> Difference:
    for name, rows in (("before", before), ("after", after)):
        rows.write_parquet(tmp_path / f"{name}.parquet")
    return difference(of_path(tmp_path / "before.parquet", "before"), of_path(tmp_path / "after.parquet", "after"), key)


def test_the_same_rows_in_another_order_and_file_are_the_same(tmp_path: Path) -> None:
    rows = customers()
    found = diff(tmp_path, rows, rows.sample(fraction=1, shuffle=True, seed=1))
    assert found.is_none
    assert (found.kept, found.new, found.gone) == (1000, 0, 0)
    assert not any(m.differs for m in found.columns)


def test_rows_are_counted_as_whole_rows_where_no_key_is_named(tmp_path: Path) -> None:
    rows = customers(100)
    found = diff(tmp_path, rows, pl.concat([rows[10:], rows[20:25]]))
    assert (found.kept, found.new, found.gone, found.changed) == (90, 5, 10, None)


def test_by_key_it_is_told_what_came_went_and_changed_and_where(tmp_path: Path) -> None:
    rows = customers(100)
    place = pl.int_range(pl.len())
    after = rows[3:].with_columns(
        income=pl.when(place < 7).then(pl.col("income") + 1).otherwise("income"), plan=pl.when(place < 2).then(pl.lit(None)).otherwise("plan")
    )
    after = pl.concat([after, customers(104)[100:]])
    found = diff(tmp_path, rows, after, "id")
    assert (found.kept, found.new, found.gone, found.changed) == (97, 4, 3, 7)
    assert found.by_column == {"income": 7, "plan": 2}


def test_columns_that_came_went_moved_or_have_another_type(tmp_path: Path) -> None:
    rows = customers(50)
    after = rows.select("plan", "id", income=pl.col("income").cast(pl.Float32), region=pl.lit("north"))
    found = diff(tmp_path, rows, after)
    assert (found.added, found.removed, found.moved_columns) == (("region",), ("since",), True)
    assert found.retyped == {"income": ("Float64", "Float32")}


def test_a_whole_number_that_became_a_broken_one_is_no_change_of_rows(tmp_path: Path) -> None:
    rows = pl.DataFrame({"n": [1, 2, 3], "t": ["a", "b", "c"]})
    found = diff(tmp_path, rows, rows.cast({"n": pl.Float64}))
    assert found.retyped == {"n": ("Int64", "Float64")}
    assert (found.kept, found.new, found.gone) == (3, 0, 0)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("income", pl.col("income") * 1.15),
        ("income", pl.when(pl.int_range(pl.len()) % 12 == 0).then(None).otherwise("income")),
        ("plan", pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("max")).otherwise("plan")),
        ("since", pl.col("since") + pl.duration(days=150)),
    ],
    ids=["a shift", "gaps", "levels", "time"],
)
def test_a_planted_change_of_distribution_is_found_and_nothing_else(tmp_path: Path, column: str, change: pl.Expr) -> None:
    found = diff(tmp_path, customers(3000, 1), customers(3000, 2).with_columns(change.alias(column)))
    assert [m.column for m in found.columns if m.differs] == [column]
    assert found.columns[0].column == column


def test_chance_alone_is_seldom_called_a_difference() -> None:
    draw = np.random.default_rng(0)
    called = 0
    for _ in range(15):
        one, two = (pl.DataFrame({f"c{i}": draw.normal(0, 1, 300) if i % 2 else draw.choice(["a", "b", "c"], 300) for i in range(10)}) for _ in range(2))
        called += any(m.differs for m in compared(one, two))
    # At a false discovery rate of 1%, one table in a hundred has a false call.
    assert called <= 1


def test_text_files_are_compared_by_what_their_text_means(tmp_path: Path) -> None:
    rows = customers(200).drop("since")
    rows.write_csv(tmp_path / "before.csv")
    rows.write_csv(tmp_path / "after.csv", separator=";", float_precision=4)
    found = difference(of_path(tmp_path / "before.csv", "before"), of_path(tmp_path / "after.csv", "after", scratch=tmp_path), ("id",))
    assert found.is_none
    assert {m.column: m.kind for m in found.columns} == {"income": "number", "plan": "levels"}


def test_values_of_the_key_and_of_what_could_name_somebody_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = customers(300).with_columns(name=pl.format("Ms {}", "id"))
    rows.write_parquet("a.parquet")
    rows[50:].with_columns(pl.col("income") * 2).write_parquet("b.parquet")
    for words in (["--key", "id"], ["--key", "id", "--json"], [], ["--json"]):
        assert main(["data", "diff", "a.parquet", "b.parquet", *words]) == 0
    told = capsys.readouterr()
    assert "secret" not in told.out + told.err
    assert "rows, by id: 0 added, 50 removed, 250 in both, 250 of them changed" in told.out


def test_a_terminal_obeys_nothing_of_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"a\x1b[31m": ["x\x1b]0;owned\x07"] * 30 + ["y"] * 30}).write_parquet("a.parquet")
    pl.DataFrame({"a\x1b[31m": ["x\x1b]0;owned\x07"] * 55 + ["y"] * 5, "\x1b[2J": ["z"] * 60}).write_parquet("b.parquet")
    assert main(["data", "diff", "a.parquet", "b.parquet"]) == 0
    out = capsys.readouterr().out
    assert "\x1b[31m" not in out
    assert "\x1b]0" not in out
    assert "\x1b[2J" not in out
    assert "differs" in out


def test_json_is_sorted_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    customers(100).write_parquet("a.parquet")
    customers(120).write_parquet("b.parquet")
    assert main(["data", "diff", "a.parquet", "b.parquet", "--key", "id", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["rows"]["added"] == 20
    assert found["before"]["rows"] == 100
    assert len(found["after"]["sha256"]) == 64
    assert {c["column"] for c in found["distributions"]["columns"]} == {"income", "plan", "since"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a.parquet", "none.parquet"], "none.parquet: there is no such file"),
        (["a.parquet", "b.parquet", "--key", "nummer"], "has no column 'nummer'"),
        (["a.parquet", "b.parquet", "--key", "plan"], "repeat the plan of another"),
        (["a.parquet", "cut.parquet"], "cut.parquet"),
        (["a.parquet", "note.docx"], "the ending .docx is not known"),
        (["a.parquet", "other.csv"], "have no column in common"),
        (["a.parquet"], "1 path and no --rev"),
        (["a.parquet", "b.parquet", "--rev", "HEAD"], "1 revisions and 2 paths"),
    ],
)
def test_what_cannot_be_compared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    customers(30).write_parquet("a.parquet")
    customers(30).write_parquet("b.parquet")
    Path("cut.parquet").write_bytes(Path("a.parquet").read_bytes()[:300])
    Path("note.docx").write_bytes(b"x")
    Path("other.csv").write_text("u,v\n1,2\n")
    assert main(["data", "diff", *words]) == 2
    assert told in capsys.readouterr().err


def test_large_versions_are_compared_on_a_sample_and_counted_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.pipeline.versions.difference.SAMPLE", 500)
    found = diff(tmp_path, customers(2000), customers(2100))
    assert found.sampled == (500, 500)
    assert found.rows == (2000, 2100)


# ---- revisions -------------------------------------------------------------------------------------------------------


def git(root: Path, *words: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "conf").mkdir(parents=True)
    (root / "conf/config.yaml").write_text("defaults: []\n")
    (root / "data/raw").mkdir(parents=True)
    git(root, "init", "-q")
    monkeypatch.chdir(root)
    return root


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", "a version")


def test_a_path_that_git_tracks_is_compared_between_revisions(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "data/raw/customers.csv"
    for n in (100, 110, 130):
        customers(n).write_csv(path)
        if n < 130:
            commit(repository)
    assert main(["data", "diff", "--rev", "HEAD~1", "--rev", "HEAD", "data/raw/customers.csv", "--key", "id"]) == 0
    assert "rows, by id: 10 added, 0 removed, 100 in both, 0 of them changed" in capsys.readouterr().out
    assert main(["data", "diff", "--rev", "HEAD", "data/raw/customers.csv", "--key", "id"]) == 0
    assert "rows, by id: 20 added" in capsys.readouterr().out


def test_a_path_that_dvc_tracks_is_taken_from_its_cache(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dvc.repo import Repo

    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    path = repository / "data/raw/customers.parquet"
    repo = Repo.init(str(repository))
    for n in (100, 125):
        customers(n).write_parquet(path)
        repo.add([str(path)])
        commit(repository)
    repo.close()
    tracked = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, check=True, text=True).stdout.split()
    assert "data/raw/customers.parquet.dvc" in tracked
    assert "data/raw/customers.parquet" not in tracked
    assert main(["data", "diff", "--rev", "HEAD~1", "--rev", "HEAD", "data/raw/customers.parquet", "--key", "id"]) == 0
    assert "rows, by id: 25 added" in capsys.readouterr().out
    # A clone that has not fetched is told how.
    for folder in (repository / ".dvc/cache/files/md5").iterdir():
        for file in folder.iterdir():
            file.unlink()
    assert main(["data", "diff", "--rev", "HEAD~1", "data/raw/customers.parquet"]) == 2
    assert "dvc fetch --all-commits data/raw/customers.parquet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rev", "nowhere", "data/raw/a.csv"], "there is no commit 'nowhere' here"),
        (["--rev", "HEAD", "data/raw/b.csv"], "neither Git nor DVC tracks it there"),
        (["--rev", "HEAD", "../a.csv"], "leaves the workspace"),
    ],
)
def test_a_revision_that_is_not_there_is_told(repository: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    (repository / "data/raw/a.csv").write_text("u,v\n1,2\n")
    commit(repository)
    (repository / "data/raw/b.csv").write_text("u,v\n1,2\n")
    assert main(["data", "diff", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_key_that_only_one_version_has_is_told(tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="after has no column 'id'"):
        diff(tmp_path, customers(10), customers(10).drop("id"), "id")
