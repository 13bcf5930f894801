"""What a review says of a change, on small projects with a real history."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from tests.conftest import command
from tests.pipeline.review.conftest import History
from tests.pipeline.test_dvc import LEAVES

from runner.core.faults import FaultsError
from runner.pipeline.review.comment import comment
from runner.pipeline.review.document import document
from runner.pipeline.review.review import ExperimentReview, Review


def only(review: Review) -> ExperimentReview:
    (found,) = review.experiments
    return found


def text(review: Review) -> str:
    return comment(document(review))


def test_nothing_changed_is_said_in_a_sentence(history: History) -> None:
    review = history.review()
    assert (review.experiments, review.kept, review.stale) == ((), ("tiny",), ())
    assert "No adopted experiment changes" in text(review)


def test_moved_lines_and_comments_are_no_change(history: History) -> None:
    path = history.root / "conf" / "experiment" / "tiny.yaml"
    lines = path.read_text().replace("name: tiny", "name: tiny # a remark")
    head, _, tail = lines.partition("monitoring:\n")
    path.write_text(f"{head}\n\nmonitoring:\n{tail}")
    history.compose()
    assert history.review().experiments == ()


@pytest.mark.parametrize(("old", "new", "rooms"), [leaf[1:] for leaf in LEAVES], ids=[leaf[0] for leaf in LEAVES])
def test_the_stages_that_declare_a_change_are_those_that_dvc_runs(history: History, old: str, new: str, rooms: set[str]) -> None:
    shutil.copy(history.root / "data/raw/loans.parquet", history.root / "data/raw/other.parquet")
    history.commit()
    history.edit((old, new))
    found = history.review().experiments
    assert {run.room for e in found for run in e.runs if run.sections} == rooms
    assert {run.room for e in found for run in e.runs if run.status == "runs"} == rooms


def test_a_price_stops_at_what_reads_the_problem_and_refits_nothing(history: History) -> None:
    history.edit(("0.2 * amount", "0.3 * amount"))
    found = only(history.review())
    status = {run.room: run.status for run in found.runs}
    assert [room for room, s in status.items() if s == "kept"] == ["data"]
    # Leaks are priced, so that the features room reads the payoff too; what it hands to training stays the same.
    assert [room for room, s in status.items() if s == "follows"] == ["features", "training", "evaluation", "deployment", "monitoring"]
    assert (found.cost.before, found.cost.after, found.cost.new) == (18, 18, 0)


def test_another_target_reaches_every_stage(history: History) -> None:
    history.edit(('positive: "1"', 'positive: "0"'))
    assert all(run.status != "kept" for run in only(history.review()).runs)


def test_more_trials_cost_only_the_new_ones(history: History) -> None:
    history.edit(("trials: 2", "trials: 6"))
    found = only(history.review())
    assert (found.cost.before, found.cost.after, found.cost.new, found.cost.ratio) == (18, 54, 36, 3.0)
    assert "about 3 times the fits (18 before, 54 now, 36 of them new)" in text(history.review())


def test_another_split_makes_every_fit_anew(history: History) -> None:
    history.edit(("folds: 3", "folds: 4"))
    assert (only(history.review()).cost.after, only(history.review()).cost.new) == (24, 24)


def test_changed_settings_of_a_candidate_are_named(history: History) -> None:
    history.edit(("lightgbm: {max_iterations: 30}", "lightgbm: {max_iterations: 60}"))
    found = only(history.review())
    assert (found.cost.heavier, found.cost.new) == (("lightgbm",), 6)
    assert "One fit of lightgbm may take longer or shorter" in text(history.review())


def test_a_changed_raw_file_reaches_the_stages_that_read_it(history: History) -> None:
    path = history.root / "data/raw/loans.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    found = only(history.review())
    assert found.state == "touched"
    assert {run.room: run.data for run in found.runs if run.data} == dict.fromkeys(("problem", "data"), ("data/raw/loans.parquet",))
    assert "raw data differ" in text(history.review())


def test_a_changed_dvc_file_stands_for_its_data(history: History) -> None:
    dvc = history.root / "data/raw.dvc"
    dvc.write_text("outs:\n- md5: 0123.dir\n  path: raw\n")
    history.git("rm", "-q", "--cached", "data/raw/loans.parquet")
    (history.root / ".gitignore").write_text("data/*\n!data/raw.dvc\n.runner/\n")
    history.commit()
    assert history.review().experiments == ()
    dvc.write_text("outs:\n- md5: 4567.dir\n  path: raw\n")
    assert {run.room for run in only(history.review()).runs if run.data == ("data/raw.dvc",)} == {"problem", "data"}


def test_raw_data_that_nobody_keeps_is_told(history: History) -> None:
    history.git("rm", "-q", "--cached", "data/raw/loans.parquet")
    (history.root / ".gitignore").write_text("data/\n.runner/\n")
    history.commit()
    history.edit(("trials: 2", "trials: 3"))
    assert "Neither Git nor DVC keeps data/raw/loans.parquet" in text(history.review())


def test_changed_code_reaches_the_stages_whose_packages_hold_it(history: History) -> None:
    for name in ("training/engine.py", "training/report.py", "features/report.py"):
        path = history.root / "src/runner" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x = 1\n")
    history.commit()
    for path in (history.root / "src").rglob("*.py"):
        path.write_text("x = 2\n")
    found = only(history.review())
    assert {run.room: run.code for run in found.runs if run.code} == {"training": ("training/engine.py",)}
    assert "`tiny` is declared as before, but code differs." in text(history.review())


def test_only_a_library_that_can_change_a_result_counts(history: History) -> None:
    lock = history.root / "requirements.lock"
    lock.write_text("polars==2.0.0 \\\n    --hash=sha256:aa\nrich==14.0\n")
    history.commit()
    lock.write_text("polars==2.0.0 \\\n    --hash=sha256:aa\nrich==15.0\n")
    review = history.review()
    assert review.experiments == ()
    assert "The lock of libraries differs, but in none that can change a result" in text(review)
    lock.write_text("polars==2.1.0 \\\n    --hash=sha256:bb\nrich==15.0\n")
    assert {run.libraries for run in only(history.review()).runs} == {("polars 2.0.0 to 2.1.0",)}


def test_an_added_experiment_is_new_in_every_stage(history: History) -> None:
    path = history.root / "conf" / "experiment"
    (path / "other.yaml").write_text((path / "tiny.yaml").read_text().replace("name: tiny", "name: other"))
    history.compose("other")
    review = history.review()
    found = only(review)
    assert (found.name, found.state, review.kept) == ("other", "added", ("tiny",))
    assert all(run.first for run in found.runs)
    assert "`other` is new. All 7 stages run; 18 fits." in text(review)


def test_a_removed_experiment_is_told_with_what_stays(history: History) -> None:
    (history.root / "conf/reproduce.yaml").write_text("experiments: []\n")
    history.compose()
    found = only(history.review())
    assert (found.name, found.state, found.runs, found.uses) == ("tiny", "removed", (), None)
    assert "`tiny` is removed: no stage of it runs any more" in text(history.review())


def test_a_renamed_experiment_is_recognised(history: History) -> None:
    path = history.root / "conf" / "experiment"
    (path / "other.yaml").write_text((path / "tiny.yaml").read_text().replace("name: tiny", "name: other"))
    (history.root / "conf/reproduce.yaml").write_text("experiments: [other]\n")
    history.compose()
    assert {(e.name, e.state, e.twin) for e in history.review().experiments} == {("other", "added", "tiny"), ("tiny", "removed", "")}


def test_a_base_without_params_makes_every_experiment_new(history: History) -> None:
    history.git("rm", "-q", "--cached", "params.yaml")
    history.git("commit", "-q", "-m", "no params yet")
    review = history.review("HEAD")
    assert only(review).state == "added"
    assert "There is no params.yaml at" in text(review)


def test_a_head_without_params_is_refused(history: History) -> None:
    (history.root / "params.yaml").unlink()
    with pytest.raises(FaultsError, match=r"params\.yaml at working tree: is missing"):
        history.review()


LETTERS = "abcdefghijklmnopqrstuvwxyz"
BOMB = "a: &a [1, 1]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise(LETTERS))
BROKEN = {
    "cut": "tiny: [",
    "list": "- a\n",
    "empty": "tiny: {}\n",
    "path": "../up: {}\n",
    "seed": "tiny: {seed: a}\n",
    "deep": "tiny: " + "[" * 5000 + "]" * 5000,
    "aliases": BOMB,
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_params_file_is_refused(history: History, content: str) -> None:
    (history.root / "params.yaml").write_text(content)
    with pytest.raises(FaultsError, match=r"params\.yaml at working tree"):
        history.review()


def test_params_that_conf_does_not_compose_to_are_told_loudly(history: History) -> None:
    history.edit(("trials: 2", "trials: 3"), compose=False)
    review = history.review()
    assert review.experiments == ()
    assert "tiny.training.tuning.trials" in review.stale[0]
    shown = text(review)
    assert "> [!CAUTION]\n> params.yaml at `working tree` is not what conf/ composes to" in shown
    assert "**STALE.**" in shown


def test_a_commit_is_checked_against_its_own_conf(history: History) -> None:
    history.edit(("trials: 2", "trials: 3"), compose=False)
    stale = history.commit("forgot to compose")
    history.compose()
    history.commit("composed")
    assert history.review("main", stale).stale
    assert history.review(stale, "HEAD").stale == ()


def test_a_conf_that_does_not_compose_is_told(history: History) -> None:
    history.edit(("trials: 2", "trails: 2"), compose=False)
    assert any("trails" in line for line in history.review().stale)


def test_json_holds_every_finding(history: History) -> None:
    history.edit(("trials: 2", "trials: 3"))
    found = json.loads(json.dumps(history.review().as_json()))
    assert found["experiments"][0]["changes"] == [{"at": "training.tuning.trials", "kind": "changed", "old": 2, "new": 3}]
    assert found["experiments"][0]["cost"]["new"] == 9


def test_missing_results_say_how_to_get_them(history: History) -> None:
    history.edit(("trials: 2", "trials: 3"))
    found = only(history.review())
    assert len(found.missing) == 2
    assert "no dvc.lock names them" in found.missing[0]
    assert "python -m runner +experiment=tiny" in found.missing[1]
    assert found.paired.why == "there are no results of the base and of the head"


def test_a_workspace_below_the_top_of_its_repository_is_reviewed_alike(history: History, tmp_path: Path) -> None:
    below = History(tmp_path / "mono" / "credit")
    shutil.copytree(history.root, below.root, ignore=shutil.ignore_patterns(".git"))
    top = History(tmp_path / "mono")
    top.git("init", "-q", "-b", "main")
    top.commit()
    below.edit(("trials: 2", "trials: 3"))
    top.commit()
    assert [c.at for c in only(below.review("HEAD~1", "HEAD")).changes] == ["training.tuning.trials"]
    assert below.review("HEAD~1", "HEAD").stale == ()


def test_a_new_version_of_runner_reaches_every_stage(history: History) -> None:
    pins = history.root / "requirements.txt"
    pins.write_text("# what the results depend on\nrunner==0.1.0\npolars==2.1.0\n")
    history.commit()
    pins.write_text("runner==0.2.0\npolars==2.1.0\n")
    assert {run.libraries for run in only(history.review()).runs} == {("runner 0.1.0 to 0.2.0",)}


PLUGIN = """\
from pathlib import Path
from typing import ClassVar, Literal
from runner.extend import AroundSpec, Gate, Given, register

Path("ran.lock").write_text("{trace}")


class LookSpec(AroundSpec):
    \"""Looks on.\"""

    rooms: ClassVar[tuple[str, ...]] = ("data",)
    kind: Literal["look"]


def look(spec: LookSpec, given: Given, out: Path) -> list[Gate]:
    return []


register("after", LookSpec)(look)
"""


def test_a_review_runs_no_code_of_a_revision_that_is_not_checked_out(history: History) -> None:
    plugin = history.root / "plugins/look.py"
    plugin.parent.mkdir()
    plugin.write_text(PLUGIN.replace("{trace}", "main"))
    history.edit(
        ("name: tiny", "name: tiny\nplugins: [plugins/look.py]"), ("  split: {folds: 3}", "  after: {look: {kind: look}}\n  split: {folds: 3}"), compose=False
    )
    assert command(history.root, "compose").returncode == 0
    history.commit("with a plugin")
    history.git("checkout", "-q", "-b", "change")
    plugin.write_text(PLUGIN.replace("{trace}", "change"))
    assert command(history.root, "compose").returncode == 0
    history.commit("another plugin")
    checked_out = command(history.root, "review", "main").stdout
    assert 'data.plugins."plugins/look.py"' in checked_out
    assert "STALE" not in checked_out
    history.git("checkout", "-q", "main")
    trace = history.root / "ran.lock"
    trace.unlink()
    done = command(history.root, "review", "main", "change")
    assert done.returncode == 0, done.stderr
    assert trace.read_text() == "main"
    assert "was not checked: its plugins are not those that are checked out" in done.stdout
    assert "STALE" not in done.stdout
    history.git("checkout", "-q", "-b", "later")
    history.edit(("age < 30", "age < 31"), compose=False)
    assert command(history.root, "compose").returncode == 0
    history.commit("the same plugin")
    history.git("checkout", "-q", "main")
    same = command(history.root, "review", "main", "later").stdout
    assert "was not checked" not in same
    assert "STALE" not in same
