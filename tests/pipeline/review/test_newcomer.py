"""A workspace as `init` makes it: raw data outside Git, and a first run whose ledger nobody has committed yet."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import command
from tests.pipeline.review.conftest import History
from tests.pipeline.review.test_results import only

from runner.pipeline import setup
from runner.pipeline.review.comment import comment
from runner.pipeline.review.document import document

RAW = "data/raw/loans.parquet"
SLICE = ("age < 30", "age < 45")


@pytest.fixture
def newcomer(finished: Path) -> History:
    """An adopted run under the files that `init` writes; committed before the run left its line in the ledger."""
    setup.set_up(finished, git=True)
    history = History(finished)
    ledger = finished / "ledger/tiny.jsonl"
    line = ledger.read_bytes()
    ledger.unlink()
    history.commit("adopted")
    ledger.write_bytes(line)
    assert not history.git("ls-files", RAW, "ledger"), "neither the data nor the ledger is in Git"
    return history


def test_the_run_of_the_commit_is_found_without_any_of_its_data_in_git(newcomer: History) -> None:
    newcomer.edit(SLICE)
    review = newcomer.review("HEAD")
    found = only(review)
    assert found.compared.before.is_there
    assert found.compared.before.verdict == "go"
    (missing,) = found.missing
    assert missing.startswith("no results of `working tree`: ")
    shown = comment(document(review))
    assert f"Neither Git nor DVC keeps {RAW} on both sides: taken as it is now, and whether it changed cannot be told." in shown.replace("`", "").replace(
        "\\", ""
    )
    assert "running it opens the sealed test once more, use 2 of 5" in shown.lower()


def test_the_same_on_the_command_line(newcomer: History) -> None:
    newcomer.edit(SLICE)
    done = command(newcomer.root, "review", "HEAD")
    assert done.returncode == 0, done.stderr
    assert "No results of `HEAD" not in done.stdout
    assert "Payoff on the sealed test" in done.stdout


def test_data_that_changed_since_are_told_as_the_reason(newcomer: History) -> None:
    newcomer.edit(SLICE)
    pl.read_parquet(newcomer.root / RAW).reverse().write_parquet(newcomer.root / RAW)
    base = only(newcomer.review("HEAD")).missing[0]
    assert f"neither Git nor DVC keeps {RAW}, so the data were taken as they are now" in base
    assert "check that revision out and run `python -m runner +experiment=tiny` once" in base
    assert "dvc fetch" not in base


def test_data_that_dvc_keeps_are_no_guess(newcomer: History) -> None:
    content = (newcomer.root / RAW).read_bytes()
    (newcomer.root / f"{RAW}.dvc").write_text(f"outs:\n- md5: {md5(content).hexdigest()}\n  size: {len(content)}\n  hash: md5\n  path: loans.parquet\n")
    newcomer.commit("data in DVC, ledger in Git")
    newcomer.edit(SLICE)
    found = only(newcomer.review("HEAD"))
    assert found.compared.before.is_there
    assert found.untracked == ()
    (newcomer.root / RAW).unlink()
    base = only(newcomer.review("HEAD")).missing[0]
    assert f"{RAW} of then is not at hand; bring the data back, with `dvc fetch` where DVC keeps it" in base
