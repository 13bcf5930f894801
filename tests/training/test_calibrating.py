"""Intervals are declared for training, ship with the bundle, stand in what `score` gives, and are measured where they are judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.conftest import TINY, command

from runner.bundle.load import load
from runner.core.workspace import RunFolders, Workspace
from runner.deployment.batch import write_scores
from runner.evaluation import coverage_report
from runner.report.numbers import Interval
from runner.report.parts import Text
from runner.stats.coverage import held, measured
from runner.training import calibration_report, report


@pytest.fixture(scope="module")
def with_intervals(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny project after a whole run with intervals; what does not depend on them is re-used."""
    root = Path(shutil.copytree(tiny_run, tmp_path_factory.mktemp("intervals") / "project"))
    declared = root / "conf" / "experiment" / "tiny.yaml"
    declared.write_text(TINY.replace("training:\n", "training:\n  intervals: {coverage: 0.9, by: home}\n"), encoding="utf-8")
    for words in (("compose",), ("+experiment=tiny",)):
        done = command(root, *words)
        assert done.returncode == 0, done.stderr
    return root


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_score_gives_a_set_for_each_row_before_the_flags(with_intervals: Path, tmp_path: Path) -> None:
    bundle, rows = load(with_intervals / "models" / "tiny" / "bundle"), pl.read_parquet(with_intervals / "data" / "raw" / "loans.parquet")
    scored = bundle.score(rows)
    assert scored.columns == ["prediction", "p_0", "p_1", "decision", "expected_payoff", "set", "flags"]
    assert held(scored.select("set"), rows["bad"].cast(pl.String)).mean() == pytest.approx(0.9, abs=0.03)
    alone = pl.concat([bundle.score(rows[i]) for i in range(20)])
    assert alone.equals(scored[:20])
    write_scores(tmp_path / "scored.csv", scored)
    assert set(pl.read_csv(tmp_path / "scored.csv", infer_schema=False)["set"]) <= {"0", "1", "0; 1"}


def test_coverage_is_measured_out_of_fold_and_on_the_sealed_test(with_intervals: Path) -> None:
    trials = read(with_intervals / "reports" / "tiny" / "training" / "trials.json")
    for study in trials["studies"]:
        found = study["judged"]["intervals"]
        assert (found["coverage"], found["by"], found["found"]["rows"]) == (0.9, "home", 720)
    oof = pl.read_parquet(with_intervals / "models" / "tiny" / "oof.parquet").filter(pl.col("candidate") == "linear")
    train = pl.read_parquet(with_intervals / "data" / "tiny" / "train.parquet")
    actual = oof.join(train, on="row_id", how="left", maintain_order="left")["bad"].cast(pl.String)
    linear = next(s for s in trials["studies"] if s["candidate"] == "linear")
    assert held(oof.select("set"), actual).mean() == linear["judged"]["intervals"]["found"]["held"]["value"]
    on_test = read(with_intervals / "reports" / "tiny" / "evaluation" / "metrics.json")["coverage"]
    assert (on_test["rows"], on_test["declared"], on_test["by"]) == (180, 0.9, "home")
    assert set(on_test["labels"]) == {"0", "1"}
    assert "home: rent" in on_test["groups"]
    gates = {gate["name"]: gate for gate in read(with_intervals / "reports" / "tiny" / "evaluation" / "verdict.json")["gates"]}
    assert gates["coverage"]["found"] == on_test["held"]["value"]


def test_the_chapters_show_calibration_and_coverage(with_intervals: Path) -> None:
    page = (with_intervals / "reports" / "tiny" / "report.html").read_text(encoding="utf-8")
    assert "From scores to probabilities" in page
    assert "Do intervals hold what they promise?" in page
    titles = [section.title for section in report.chapter(RunFolders.adopted(Workspace(with_intervals), "tiny")).filled]
    assert titles.index("From scores to probabilities") < titles.index("Intervals") < titles.index("Trials")


def found_of(inside: int, n: int = 500) -> dict[str, Any]:
    bounds = pl.DataFrame({"low": [0.0] * n, "high": [1.0] * n})
    actual = pl.Series([0.5] * inside + [2.0] * (n - inside))
    return {**measured(bounds, actual, 0.9, 0.95), "declared": 0.9, "kind": "absolute", "by": None}


def texts(parts: Any) -> list[str]:
    return [f"{part.tone}: {part.text}" for part in parts if isinstance(part, Text)]


def test_what_falls_short_is_said_aloud() -> None:
    assert "the promise is kept" in texts(coverage_report.parts({**found_of(455), "slices": {}}, on_test=True))[0]
    short = texts(coverage_report.parts({**found_of(420), "slices": {"old": found_of(20, 50)}}, on_test=True))
    assert short[0].startswith("bad: ")
    assert "surely fewer than declared" in short[0]
    assert "old" in short[1]


def test_folds_that_walk_forward_promise_nothing() -> None:
    judged = {"intervals": {"coverage": 0.9, "kind": "absolute", "by": None, "scores": [], "found": found_of(450)}}
    trials = {"studies": [{"candidate": "linear", "judged": judged}], "chosen": {}, "walks_forward": True}
    told = texts(part for section in calibration_report.sections(trials, "linear", "EUR per row") for part in section.parts)
    assert any("coverage is not promised" in text for text in told)


def test_what_is_missed_on_either_side_and_not_bounded_is_told() -> None:
    bounds = pl.DataFrame({"low": [0.0, 0.0, 0.0, None], "high": [1.0, 1.0, 3.0, None]})
    found = measured(bounds, pl.Series([-1.0, 2.0, 2.0, 9.0]), 0.9, 0.9)
    assert (found["below"], found["above"], found["unbounded"]) == (0.25, 0.25, 0.25)
    assert found["width"] == pytest.approx(5 / 3)
    assert Interval.of(found["held"]) is not None
