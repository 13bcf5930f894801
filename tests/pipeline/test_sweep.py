"""A sweep is checked as a whole, shares what jobs have in common, and ends in one leaderboard."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import command

from runner.cli.leaderboard import show
from runner.pipeline.sweep import JobResult


def test_a_sweep_runs_every_combination_and_ranks_them(tiny: Path) -> None:
    done = command(tiny, "-m", "+experiment=tiny", "training/model=linear,trees", "training.tuning.trials=1,2")
    assert done.returncode == 0, done.stderr
    assert "4 jobs" in done.stdout
    assert len(list((tiny / "runs" / "tiny").iterdir())) == 4
    # One problem, one data and one features stage for all; training once per job.
    entries = list((tiny / ".runner" / "cache" / "stages").glob("*.json"))
    shared = sum('"train"' in p.read_text() for p in entries)
    assert shared == 1
    assert not (tiny / "ledger").exists()
    # A row says what it earns, what that is over today's rule, and whether the best is surely the best.
    assert "in EUR per row at 95% confidence" in done.stdout
    assert "gain over officer" in done.stdout
    assert re.search(r"│ +1 │.* to .*│ best ", done.stdout)
    assert "may earn as much as #1" in done.stdout


def test_twin_jobs_are_refused_before_anything_runs(tiny: Path) -> None:
    done = command(tiny, "-m", "+experiment=tiny", "training/tuning=quick,standard")
    assert done.returncode == 2
    assert "same experiment" in done.stderr
    assert not (tiny / "runs").exists()


def test_every_wrong_job_is_told_at_once(tiny: Path) -> None:
    done = command(tiny, "-m", "+experiment=tiny", "training.tuning.trials=0,none,3")
    assert done.returncode == 2
    assert "training.tuning.trials" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hydra_sweeper_gets_the_objective(stored: Path) -> None:
    # All but the last rooms is there already.
    done = command(stored, "-m", "-q", "+experiment=tiny", "monitoring.window_rows=100,120")
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\+experiment=tiny monitoring\.window_rows=1[02]0 [0-9.]+\n", done.stdout), "quiet: the best job and what it earns"
    assert "job 1: +experiment=tiny monitoring.window_rows=120" in done.stderr


def ranked(*jobs: JobResult, capsys: pytest.CaptureFixture[str]) -> str:
    show(jobs, quiet=False)
    return capsys.readouterr().out


def job_of(name: str, earns: float, half: float, **more: Any) -> JobResult:
    told = {"value": earns, "low": earns - half, "high": earns + half, "confidence": 0.95, "unit": "EUR per row"}
    fields = {"overrides": (name,), "digest": name, "objective": earns, "note": "go", "chosen": "linear", "folder": name, "exit_code": 0}
    return JobResult(**{**fields, "payoff": told, "gain": told, "baseline": "officer", **more})


def test_jobs_judged_on_other_rows_are_told_apart_by_their_intervals_and_a_note_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    out = ranked(job_of("seed=1", 10.0, 2.0), job_of("seed=2", 9.0, 2.0), job_of("seed=3", 1.0, 2.0), capsys=capsys)
    assert "≈ #2 may earn as much as #1" in out
    assert "#2 and #3 cannot be set against #1 row by row" in out
    assert re.search(r"seed=3 .*surely less", out)


def test_what_went_wrong_with_a_job_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    long = "data.primary: loans.parquet is missing\n    expected: a whole data file\n    next: copy it again"
    out = ranked(job_of("seed=1", 10.0, 2.0), job_of("seed=2", 0.0, 0.0, objective=None, payoff=None, gain=None, note=long, exit_code=2), capsys=capsys)
    table, _, below = out.partition("└")
    assert "failed" in table
    assert "is missing" not in table
    assert "#2 seed=2:\n  data.primary: loans.parquet is missing" in below
