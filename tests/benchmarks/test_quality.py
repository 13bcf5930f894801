"""The comparison with other systems: what is measured of predictions, and what is said of systems over tables."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from benchmarks.arena import report, run, systems
from benchmarks.arena.cases import CASES, SHORT, TEST_SHARE, Case, chosen, drawn
from benchmarks.arena.measure import auc, blocks, duel, losses, normalised, over_tables, paired, ranks, scores
from benchmarks.arena.watch import watched
from benchmarks.tables import Table


def test_a_score_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import log_loss, r2_score, roc_auc_score, root_mean_squared_error

    draw = np.random.default_rng(0)
    actual = draw.integers(0, 2, 500)
    share = np.round(np.clip(0.3 + 0.3 * actual + draw.normal(0, 0.2, 500), 0.01, 0.99), 2)
    found = scores(np.column_stack([1 - share, share]), actual, "binary")
    assert found["score"] == pytest.approx(log_loss(actual, share)) and found["auc"] == pytest.approx(roc_auc_score(actual, share))
    number = draw.normal(size=500)
    told = scores((number + 0.1)[:, None], number, "regression")
    assert told["score"] == pytest.approx(root_mean_squared_error(number, number + 0.1)) and told["r2"] == pytest.approx(r2_score(number, number + 0.1))


def test_a_sure_mistake_costs_much_but_not_everything_and_shares_are_brought_to_a_sum_of_one() -> None:
    assert np.isfinite(losses(np.array([[0.0, 1.0]]), np.array([0]), "binary")).all()
    assert losses(np.array([[0.5, 0.5, 1.0]]), np.array([2]), "multiclass")[0] == pytest.approx(np.log(2), abs=1e-6)


def test_equal_scores_share_a_rank_and_pairs_of_equal_scores_count_half() -> None:
    assert ranks(np.array([[0.3, 0.1, 0.3, 0.2]])).tolist() == [[3.5, 1.0, 3.5, 2.0]]
    assert auc(np.array([0.5, 0.5]), np.array([True, False])) == 0.5


def test_the_constant_is_nought_and_the_best_is_one() -> None:
    values = np.array([[0.5, 0.7, 1.0, 9.0], [2.0, 1.5, 1.0, 1.0]])
    assert normalised(values, np.array([1.0, 1.0])).tolist() == [[1.0, pytest.approx(0.6), 0.0, -1.0], [-1.0, -1.0, 0.0, 0.0]]


def test_a_difference_within_the_noise_of_the_test_rows_is_a_tie() -> None:
    draw = np.random.default_rng(1)
    losses = draw.exponential(size=2000)
    theirs = blocks(losses)
    assert paired(blocks(losses + draw.normal(0, 0.1, 2000)), theirs, 2000)[0] == "tie"
    assert paired(theirs - 1.0, theirs, 2000)[0] == "win"
    verdict, low, high = paired(blocks(losses + 0.05), theirs, 2000)
    assert verdict == "loss" and low == pytest.approx(0.05) == high
    assert paired(blocks(losses[::-1]), theirs, 2000) == paired(blocks(losses[::-1]), theirs, 2000), "it is the same each time"


def test_losses_by_block_tell_as_much_as_losses_by_row() -> None:
    draw = np.random.default_rng(2)
    for rows in (253, 5051):
        ours, theirs = draw.exponential(size=rows), draw.exponential(size=rows)
        _, low, high = paired(blocks(ours), blocks(theirs), rows)
        error = (ours - theirs).std() / np.sqrt(rows)
        assert blocks(ours).sum() == pytest.approx(ours.sum())
        assert high - low == pytest.approx(2 * 1.96 * error, rel=0.25)


def test_a_duel_counts_ties_half_and_tells_how_far_other_tables_could_move_it() -> None:
    found = duel({"a": "win", "b": "tie", "c": "loss", "d": "win"}, {"a": True, "b": True, "c": False, "d": True})
    assert (found.wins, found.ties, found.losses, found.share, found.at_least, found.lower_score) == (2, 1, 1, 0.625, 0.75, 0.75)
    assert found.low < 0.625 < found.high
    unknown = duel({}, {"a": True, "b": False})
    assert (unknown.tables, unknown.share, unknown.lower_score) == (2, None, 0.5)
    low, high = over_tables(np.ones((5, 2)))
    assert low.tolist() == high.tolist() == [1.0, 1.0]


def test_the_test_rows_are_always_the_same_quarter() -> None:
    assert drawn(100_000).mean() == pytest.approx(TEST_SHARE, abs=0.01)
    assert (drawn(1000) == drawn(2000)[:1000]).all(), "a row's number decides, not how many rows there are"
    assert np.flatnonzero(drawn(40)).tolist() == [2, 4, 6, 8, 18, 31, 32, 33, 37]


def test_the_halves_share_no_table_and_hold_every_task() -> None:
    assert len(CASES) >= 24 and len({case.name for case in CASES}) == len(CASES)
    for half in ("design", "check"):
        assert {case.table.task for case in chosen(half)} == {"binary", "multiclass", "regression"}
        assert any(case.table.time for case in chosen(half)) and SHORT & {case.name for case in chosen(half)}
    assert [case.name for case in chosen("short,ames")] == [case.name for case in CASES if case.name in SHORT]
    with pytest.raises(ValueError, match="no table 'nothing'"):
        chosen("nothing")


def test_a_table_with_a_time_is_split_by_it() -> None:
    train, test = next(case for case in CASES if case.name == "bank_campaign").split()
    assert train["contact_date"].max() < test["contact_date"].min()
    assert train.columns == test.columns and 0.2 < test.height / (train.height + test.height) < 0.3


def test_every_peer_has_an_adapter_and_pins_of_names_and_versions_only() -> None:
    for system in systems.SYSTEMS:
        assert (systems.PEERS / f"{system.adapter}.py").is_file()
        if system.env != systems.RUNNER:
            assert system.version()
    for pins in systems.PEERS.glob("*.txt"):
        assert all(len(line.split("==")) == 2 and "/" not in line for line in pins.read_text().split()), pins.name


def test_what_overruns_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = f"import time, pathlib; pathlib.Path({str(tmp_path / 'beat')!r}).write_text(''); time.sleep(60)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True); time.sleep(60)"
    found = watched([sys.executable, "-c", parent], 1.5, tmp_path / "log", {}, tmp_path)
    assert found.killed and 1.4 < found.seconds < 10 and found.peak_bytes > 1e6
    assert (tmp_path / "beat").is_file()
    time.sleep(0.1)
    assert not [p for p in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path / "beat").encode() in _said(p)]


def _said(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


# ---- from results to the page ---------------------------------------------------------------------------------------------


def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Case]:
    """Results of three systems on two tables: runner is right, linear is not, flaml fails on one table."""
    import polars as pl

    monkeypatch.setattr(run, "KEPT", tmp_path)
    draw = np.random.default_rng(0)
    cases = [Case(Table(name, "sample", "", "y", "binary"), half) for name, half in (("one", "design"), ("two", "check"))]
    for case in cases:
        folder = tmp_path / "tables" / case.name
        folder.mkdir(parents=True)
        actual = draw.integers(0, 2, 400)
        pl.DataFrame({"y": ["no", "yes"] * 50}).write_parquet(folder / "train.parquet")
        pl.DataFrame({"y": np.array(["no", "yes"])[actual]}).write_parquet(folder / "truth.parquet")
        about = {"half": case.half, "task": "binary", "target": "y", "labels": ["no", "yes"], "train_rows": 100, "test_rows": 400}
        (folder / "about.json").write_text(json.dumps(about))
        for system, sure in (("runner", 0.9), ("flaml", 0.7), ("linear", 0.6)):
            share = np.where(actual == 1, sure, 1 - sure)
            told = np.column_stack([1 - share, share])
            result = {"system": system, "version": "1", "table": case.name, "half": case.half, "task": "binary", "budget": 60.0, "busy": system == "linear"}
            result |= {"train_rows": 100, "test_rows": 400, "fit_seconds": 70.0 if system == "flaml" else 50.0, "peak_bytes": 2_000_000}
            result |= {"overrun_seconds": 10.0 if system == "flaml" else 0.0, "status": "ok", **scores(told, actual, "binary")}
            result |= {"model_bytes": 10_000 if system == "runner" else 100_000, "seconds_per_1000": 0.01, "row_seconds": 0.001}
            path = run.place(system, case.name, 60)
            path.parent.mkdir(parents=True, exist_ok=True)
            pl.DataFrame(told, schema=["p0", "p1"]).write_parquet(path.with_suffix(".parquet"))
            if (system, case.name) == ("flaml", "two"):
                result = {**result, "status": "failed", "error": "out of luck", "score": None}
            path.write_text(json.dumps(result))
    return cases


def test_the_page_tells_ranks_duels_failures_and_leaves_out_times_of_a_busy_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = toy(tmp_path / "kept", monkeypatch)
    made = report.gather([60, 300], systems.picked("all"), cases, tmp_path / "none.json")
    found = made["budgets"]["60"]["all"]
    assert list(made["budgets"]) == ["60"] and found["tables"] == ["one", "two"]
    assert [row["system"] for row in found["overall"]] == ["runner", "linear", "flaml"]
    assert found["duels"]["flaml"]["wins"] == 2 and found["duels"]["linear"]["losses"] == 0
    assert found["duels"]["linear"]["model_bytes_ratio"] == 0.1 and found["duels"]["linear"]["row_seconds_ratio"] == 1
    assert found["scores"]["two"]["flaml"] == pytest.approx(np.log(2)), "a failure counts as the constant"
    of = {row["system"]: row for row in found["overall"]}
    assert of["flaml"]["failures"] == 1 and of["flaml"]["overruns"] == 2 and of["linear"]["fit_seconds"] is None
    text = report.page(made)
    assert "FLAML on two: out of luck" in text and "2 of 6 fits ran while others used" in text and "## 60 s, check tables: 1" in text


def test_the_summary_goes_between_its_marks_and_the_rest_of_the_page_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = report.gather([60], systems.picked("all"), toy(tmp_path / "kept", monkeypatch), tmp_path / "none.json")
    docs, results = tmp_path / "page.md", tmp_path
    docs.write_text(f"# Page\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n")
    report.write(made, results, docs)
    once = docs.read_text()
    report.write(made, results, docs)
    assert docs.read_text() == once and "old" not in once and once.startswith("# Page") and once.endswith("after\n") and "60 seconds, 2 tables" in once
    assert json.loads((results / "quality.json").read_text())["versions"]["runner"] == ["1"]
    with pytest.raises(ValueError, match="no marks"):
        report.into_page("nothing", "")


def test_a_system_that_was_not_run_everywhere_meets_runner_where_it_was_and_has_no_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = toy(tmp_path, monkeypatch)
    run.place("linear", "two", 60).unlink()
    found = report.gather([60], systems.picked("all"), cases, tmp_path / "none.json")["budgets"]["60"]["all"]
    assert found["tables"] == ["one", "two"] and found["incomplete"] == []
    assert "linear" not in found["systems"] and found["partly"] == {"linear": 1}
    duel = found["duels"]["linear"]
    assert duel["wins"] + duel["ties"] + duel["losses"] == 1
    assert "| one |" in "".join(report.score_lines(found))


def test_another_machine_goes_on_from_the_results_of_the_last_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions stay where they were made; the page's JSON keeps what a comparison needs of them."""
    cases = toy(tmp_path / "kept", monkeypatch)
    docs = tmp_path / "page.md"
    docs.write_text(f"{report.BEGIN}\n{report.END}")
    before = report.gather([60], systems.picked("all"), cases, tmp_path / "none.json")
    report.write(before, tmp_path, docs)
    for system in ("flaml", "linear"):
        for case in cases:
            run.place(system, case.name, 60).unlink()
    after = report.gather([60], systems.picked("all"), cases, tmp_path / "quality.json")
    assert after["budgets"] == before["budgets"]
    told = json.loads((tmp_path / "quality.json").read_text())
    for row in told["budgets"]["60"]["all"]["results"]:
        del row["blocks"]
    (tmp_path / "quality.json").write_text(json.dumps(told))
    found = report.gather([60], systems.picked("all"), cases, tmp_path / "quality.json")
    duel = found["budgets"]["60"]["all"]["duels"]["linear"]
    assert (duel["tables"], duel["wins"], duel["share"], duel["lower_score"]) == (2, 0, None, 1.0)
    assert "linear on 2" in report.page(found) and "linear on 2" in report.summary(found)


def test_the_marks_stand_in_the_docs() -> None:
    assert report.into_page(report.PAGE.read_text(), "x")
