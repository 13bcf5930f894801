"""Results of a revision are found wherever they are kept, and only those that its declaration made count."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from hashlib import md5
from pathlib import Path

import polars as pl
import pytest
import yaml
from tests.pipeline.review.conftest import History

from runner.core.digests import files_below
from runner.core.faults import FaultsError
from runner.pipeline.review.comment import comment
from runner.pipeline.review.document import document
from runner.pipeline.review.dvc_files import Cache, Locked, locked_stages
from runner.pipeline.review.reading import Results
from runner.pipeline.review.review import ExperimentReview, Review
from runner.pipeline.stages import STAGES

pytestmark = pytest.mark.xdist_group("two_runs")


def only(review: Review) -> ExperimentReview:
    (found,) = review.experiments
    return found


def test_the_content_store_answers_for_both_revisions(two_runs: History) -> None:
    found = only(two_runs.review("main", "change"))
    assert found.missing == ()
    assert found.compared.before.is_there
    assert found.compared.after.is_there
    assert found.paired.verdict == "more"
    assert found.paired.rows == 720


def test_the_working_tree_and_its_commit_are_reviewed_alike(two_runs: History) -> None:
    commit, tree = (only(two_runs.review("main", head)).as_json() for head in ("change", None))
    assert commit == tree


def test_a_review_writes_nothing(two_runs: History) -> None:
    before = {path: path.stat().st_mtime_ns for path in files_below(two_runs.root)}
    two_runs.review("main")
    assert {path: path.stat().st_mtime_ns for path in files_below(two_runs.root)} == before


def test_the_other_way_round_loses_what_was_gained(two_runs: History) -> None:
    there, back = (only(two_runs.review(*way)) for way in (("main", "change"), ("change", "main")))
    assert back.paired.verdict == "less"
    assert there.paired.gain is not None
    assert back.paired.gain is not None
    assert back.paired.gain.value == -there.paired.gain.value


def test_folders_that_are_given_need_no_store(copied: History, tmp_path: Path) -> None:
    whole = only(copied.review("main", "change")).as_json()
    head = tmp_path / "head"
    for top in ("data", "models", "reports"):
        shutil.copytree(copied.root / top, head / top)
    copied.git("checkout", "-q", "main")
    copied.run()
    for top in ("data", "models", "reports"):
        shutil.copytree(copied.root / top, tmp_path / "base" / top)
        shutil.rmtree(copied.root / top / "tiny")
    shutil.rmtree(copied.root / ".runner")
    # Running main again opened no test anew, but the ledger of the branch is not the one in the working tree.
    copied.git("checkout", "-q", "-f", "change")
    given = only(copied.review("main", "change", (tmp_path / "base", head))).as_json()
    assert given == whole


def test_a_folder_that_is_not_there_is_refused(two_runs: History, tmp_path: Path) -> None:
    with pytest.raises(FaultsError, match="there is no such folder"):
        two_runs.review("main", "change", (tmp_path / "nowhere", None))


def test_results_of_another_state_are_left_out_and_told(copied: History) -> None:
    shutil.rmtree(copied.root / ".runner")
    copied.edit(("trials: 2", "trials: 3"))
    found = only(copied.review("change"))
    assert not found.compared.after.is_there
    assert "reports/tiny holds results of another state, which differs in training" in found.missing[-1]


def test_a_share_that_no_output_repeats_is_told_by_the_ledger(copied: History) -> None:
    shutil.rmtree(copied.root / ".runner")
    copied.edit(("folds: 3", "folds: 3, test_share: 0.3"))
    assert "results of another state, which differs in the declaration" in only(copied.review("change")).missing[-1]


def test_results_of_other_raw_data_are_left_out(copied: History) -> None:
    path = copied.root / "data/raw/loans.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    shutil.rmtree(copied.root / ".runner")
    assert "results of another state, which differs in the raw data" in only(copied.review("change")).missing[-1]


def test_a_damaged_object_in_the_store_is_no_result(copied: History) -> None:
    for stored in (copied.root / ".runner/cache/objects").rglob("*"):
        if stored.is_file():
            stored.write_bytes(b"damaged")
    shutil.rmtree(copied.root / "reports")
    found = only(copied.review("main"))
    assert not found.compared.before.is_there
    assert not found.compared.after.is_there


def as_dvc(history: History, name: str = "tiny") -> None:
    """What `dvc repro` leaves of the results in the workspace: dvc.lock and the cache, in DVC's own form."""
    entry = yaml.safe_load((history.root / "params.yaml").read_text())[name]
    cache = history.root / ".dvc/cache/files/md5"

    def keep(content: bytes, kind: str = "") -> str:
        digest = md5(content).hexdigest() + kind
        path = cache / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return digest

    def out(path: Path) -> str:
        if path.is_file():
            return keep(path.read_bytes())
        listed = [{"md5": keep(p.read_bytes()), "relpath": p.relative_to(path).as_posix()} for p in files_below(path)]
        return keep(json.dumps(sorted(listed, key=lambda item: item["relpath"])).encode(), ".dir")

    stages = {}
    for stage in STAGES:
        paths = [f"{place.root}/{name}/{place.path}" for place in (*stage.writes.values(), stage.gate)]
        declared = {}
        for key in stage.declares:
            value = entry
            for word in key.split("."):
                value = value[word]
            declared[f"{name}.{key}"] = value
        outs = [{"path": path, "hash": "md5", "md5": out(history.root / path)} for path in paths]
        stages[f"{stage.room}@{name}"] = {"cmd": "", "params": {"params.yaml": declared}, "outs": outs}
    (history.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))


@pytest.fixture
def in_dvc(copied: History) -> History:
    """Both revisions with dvc.lock and a filled cache, and nothing else that holds results."""
    as_dvc(copied)
    copied.commit("change, with dvc.lock")
    copied.git("checkout", "-q", "-B", "main", "main")
    copied.run()
    as_dvc(copied)
    copied.commit("base, with dvc.lock")
    copied.git("checkout", "-q", "-f", "change")
    shutil.rmtree(copied.root / ".runner")
    for top in ("data", "models", "reports"):
        shutil.rmtree(copied.root / top / "tiny")
    return copied


def test_dvc_answers_for_both_revisions_without_being_called(in_dvc: History, two_runs: History) -> None:
    found, stored = only(in_dvc.review("main", "change")), only(two_runs.review("main", "change"))
    assert found.missing == ()
    assert found.paired == stored.paired
    assert found.compared == stored.compared


def test_an_empty_cache_says_what_to_fetch(in_dvc: History) -> None:
    shutil.rmtree(in_dvc.root / ".dvc/cache")
    found = only(in_dvc.review("main", "change"))
    assert "dvc.lock at `main (" in found.missing[0]
    assert "names them, but they are not in this DVC cache; bring them with `dvc fetch`" in found.missing[0]


def test_a_half_filled_cache_tells_what_it_can(in_dvc: History) -> None:
    locked = Locked.of(locked_stages((in_dvc.root / "dvc.lock").read_bytes()), "tiny")
    path = locked.file(Cache.of(in_dvc.root), "models/tiny/oof.parquet")
    assert path is not None
    path.unlink()
    found = only(in_dvc.review("main", "change"))
    assert found.compared.after.is_there
    assert found.paired.why == "the out-of-fold predictions of the head are not there"


def test_a_damaged_file_in_the_cache_is_no_result(in_dvc: History) -> None:
    cache = Cache.of(in_dvc.root)
    locked = Locked.of(locked_stages((in_dvc.root / "dvc.lock").read_bytes()), "tiny")
    path = locked.file(cache, "models/tiny/candidates/linear/manifest.json")
    assert path is not None
    path.write_bytes(b"{}")
    assert locked.file(cache, "models/tiny/candidates/linear/manifest.json") is None


def test_a_lock_that_was_not_repeated_after_a_change_is_not_its_result(in_dvc: History) -> None:
    in_dvc.edit(("trials: 2", "trials: 3"))
    in_dvc.commit("composed, not reproduced")
    assert "holds results of another state, which differs in training" in only(in_dvc.review("main", "change")).missing[-1]


def test_the_cache_may_lie_elsewhere(in_dvc: History, tmp_path: Path) -> None:
    (in_dvc.root / ".dvc/cache").rename(tmp_path / "elsewhere")
    (in_dvc.root / ".dvc/config").write_text(f"[core]\n    analytics = false\n[cache]\n    dir = {tmp_path / 'elsewhere'}\n")
    assert only(in_dvc.review("main", "change")).missing == ()


@pytest.mark.parametrize(
    "content", [b"", b"a: [", b"- 1\n", b"stages: 3\n", b"\xff", b"stages: {training@tiny: {outs: [1, {path: x}]}}\n", b"stages: &a [*a, *a]\n"]
)
def test_a_lock_that_cannot_be_read_names_nothing(content: bytes) -> None:
    assert Locked.of(locked_stages(content), "tiny").outs == {}


def test_rows_of_other_raw_data_are_not_paired(copied: History) -> None:
    path = copied.root / "data/raw/loans.parquet"
    pl.read_parquet(path).reverse().write_parquet(path)
    copied.run()
    found = only(copied.review("change"))
    assert found.state == "touched"
    assert found.paired.why == "the raw data differ, so a row of one side is not a row of the other"
    assert [s.digest_before == s.digest_after for s in found.compared.sources] == [False]


def test_another_price_is_not_paired_and_another_fold_is_told(copied: History) -> None:
    copied.edit(("0.2 * amount", "0.25 * amount"))
    copied.run()
    assert only(copied.review("change")).paired.why.startswith("the payoff is not defined alike (payoff.actions)")
    copied.edit(("0.25 * amount", "0.2 * amount"), ("folds: 3", "folds: 4"))
    copied.run()
    found = only(copied.review("change"))
    assert found.paired.gain is not None
    assert "other folds" in found.paired.note


def test_a_refused_run_has_a_verdict_and_no_payoff(copied: History) -> None:
    copied.edit(("min_rows: 100", "min_rows: 100000"))
    copied.run()
    review = copied.review("change")
    found = only(review)
    assert (found.compared.before.verdict, found.compared.after.verdict) == ("go", "refused")
    shown = comment(document(review))
    assert "**GATE FAILS.**" in shown
    assert "The verdict goes from GO to REFUSED" in shown
    assert found.paired.gain is None


def _without_payoff(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("payoff")


def _with_a_gap(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(payoff=pl.when(pl.col("row_id") > 3).then("payoff"))


def _twice(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows])


@pytest.mark.parametrize("change", [_without_payoff, _with_a_gap, _twice])
def test_predictions_that_are_not_whole_are_not_there(change: Callable[[pl.DataFrame], pl.DataFrame], tmp_path: Path) -> None:
    path, ladder = tmp_path / "oof.parquet", tmp_path / "ladder.json"
    ladder.write_text('{"chosen": "a", "rungs": [NaN]}')
    rows = pl.DataFrame({"row_id": range(9), "fold": [0] * 9, "candidate": ["a"] * 9, "payoff": [1.0] * 9})
    rows.write_parquet(path)
    results = Results(lambda place: {"oof.parquet": path, "ladder.json": ladder}.get(place.path))
    found = results.out_of_fold()
    assert found is not None
    assert found.height == 9
    change(rows).write_parquet(path)
    assert results.out_of_fold() is None
    path.write_bytes(b"PAR1 no more")
    assert results.out_of_fold() is None
    assert results.ladder["rungs"] == [None]
