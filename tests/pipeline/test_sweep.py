"""A sweep is checked as a whole, shares what jobs have in common, and ends in one leaderboard."""

from pathlib import Path

from tests.conftest import command


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


def test_a_hydra_sweeper_gets_the_objective(tiny: Path) -> None:
    done = command(tiny, "-m", "-q", "+experiment=tiny", "training/model=linear", "seed=1,2")
    assert done.returncode == 0, done.stderr
    assert "seed=" in done.stdout
