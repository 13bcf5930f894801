"""Raw tables under DVC with a local remote, as docs/versioning.md says: added, shared, imported, updated; every run carries their digests."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import command, loans
from tests.pipeline.test_data_diff import git
from tests.pipeline.test_dvc import dvc

from runner.core.digests import of_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
RAW = "data/raw/loans.parquet"


def done(root: Path, *words: str) -> str:
    answer = dvc(root, *words)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)


@pytest.fixture
def repository(tiny: Path, tmp_path: Path) -> Path:
    git(tiny, "init", "-q")
    done(tiny, "init", "-q")
    (tiny / ".gitignore").write_text(".runner/\nmodels/\nreports/\ndata/tiny/\n")
    done(tiny, "remote", "add", "--default", "store", str(tmp_path / "remote"))
    done(tiny, "add", RAW)
    commit(tiny, "first")
    done(tiny, "push")
    return tiny


def test_a_clone_pulls_the_same_table_and_runs_on_it(repository: Path, tmp_path: Path) -> None:
    assert git_files(repository) >= {f"{RAW}.dvc", "data/raw/.gitignore"}
    assert RAW not in git_files(repository)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    missing = command(clone, "+experiment=tiny")
    assert missing.returncode == 2
    assert "dvc pull" in missing.stderr
    done(clone, "pull")
    assert of_file(clone / RAW) == of_file(repository / RAW)
    run = command(clone, "+experiment=tiny", "-q")
    assert run.returncode == 0, run.stderr
    assert json.loads((clone / "reports/tiny/data/data.json").read_text())["sources"]["loans"]["sha256"] == of_file(repository / RAW)


def git_files(root: Path) -> set[str]:
    return set(subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True).stdout.split())


def test_the_next_version_is_told_from_the_first_even_after_the_file_is_gone(repository: Path) -> None:
    loans(950).write_parquet(repository / RAW)
    done(repository, "add", RAW)
    commit(repository, "second")
    done(repository, "push")
    shutil.rmtree(repository / ".dvc/cache")
    (repository / RAW).unlink()
    refused = command(repository, "data", "diff", "--rev", "HEAD~1", "--rev", "HEAD", RAW)
    assert refused.returncode == 2
    assert f"dvc fetch --all-commits {RAW}" in refused.stderr
    done(repository, "fetch", "--all-commits", RAW)
    told = command(repository, "data", "diff", "--rev", "HEAD~1", "--rev", "HEAD", RAW, "--json")
    found = json.loads(told.stdout)
    assert (found["before"]["rows"], found["after"]["rows"]) == (900, 950)


def test_an_imported_table_is_updated_from_where_it_came(repository: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.parquet"
    loans(300).write_parquet(elsewhere)
    done(repository, "import-url", str(elsewhere), "data/raw/imported.parquet")
    commit(repository, "imported")
    assert of_file(repository / "data/raw/imported.parquet") == of_file(elsewhere)
    loans(310).write_parquet(elsewhere)
    done(repository, "update", "data/raw/imported.parquet.dvc")
    assert pl.read_parquet(repository / "data/raw/imported.parquet").height == 310
    told = command(repository, "data", "diff", "--rev", "HEAD", "data/raw/imported.parquet", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["after"]["rows"] == 310
