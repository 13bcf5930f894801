"""The command line as a whole: what it answers, how fast, and how it is stopped."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import command

from runner.cli import VERBS
from runner.cli import _explained as explained

HEAVY = ("polars", "hydra", "mlflow", "sklearn", "lightgbm", "catboost", "pandas", "scipy", "dvc", "numpy")


def test_help_is_there_in_half_a_second_of_work(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = command(tmp_path, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)
    assert "130 interrupted" in done.stdout
    # Work and not time on the clock, which other processes of the machine would stretch.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["score", "-h"], ["track", "-h"], ["scoer"]])
def test_what_needs_no_data_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom runner.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit:\n    pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_explains_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    from runner.cli import main

    with pytest.raises(SystemExit) as ended:
        main([verb, "-h"])
    assert ended.value.code == 0
    assert f"python -m runner {verb}" in capsys.readouterr().out


MISTAKES = [
    ([], 2, "usage:"),
    (["scoer"], 2, "did you mean 'score'?"),
    (["score"], 2, "--bundle"),
    (["stage", "dta", "tiny"], 2, "dta"),
    (["+experiment=nobody"], 2, "nobody"),
    (["stage", "data", "nobody"], 2, "nobody"),
    (["+experiment=tiny", "training.tuning.trails=3"], 2, "did you mean 'trials'?"),
]


@pytest.mark.parametrize(("words", "code", "told"), MISTAKES, ids=[" ".join(w) or "nothing" for w, _, _ in MISTAKES])
def test_a_mistake_exits_with_2_and_without_a_traceback(tiny: Path, words: list[str], code: int, told: str) -> None:
    done = command(tiny, *words)
    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_without_a_project_is_told(tmp_path: Path) -> None:
    done = command(tmp_path, "+experiment=tiny")
    assert done.returncode == 2
    assert "no workspace here" in done.stderr


def test_a_refused_experiment_exits_with_3(tiny: Path) -> None:
    done = command(tiny, "+experiment=tiny", "problem.feasibility.min_rows=100000", "-q")
    assert done.returncode == 3
    assert "REFUSED" in done.stdout
    assert done.stderr == ""


def test_a_bug_is_not_hidden(tmp_path: Path) -> None:
    code = "import runner.cli.score as s\ndef run(args): raise ZeroDivisionError('ours')\ns.run = run\nfrom runner.cli import main\n"
    words = ["score", "--bundle", "b", "--input", "i", "--output", "o"]
    done = subprocess.run([sys.executable, "-c", f"{code}raise SystemExit(main({words!r}))"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ZeroDivisionError: ours" in done.stderr


@pytest.mark.parametrize("home", ["file", "file/below"])
def test_a_home_that_is_no_folder_is_told(tiny: Path, home: str) -> None:
    (tiny / "file").write_text("in the way")
    done = command(tiny, "+experiment=tiny", RUNNER_HOME=str(tiny / home))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "file" in done.stderr


def test_a_reader_that_goes_away_is_no_failure(tiny_run: Path) -> None:
    for words in ("--help", "report +experiment=tiny"):
        line = f"{sys.executable} -m runner {words} | true; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", line], cwd=tiny_run, capture_output=True, text=True, check=False)
        assert done.returncode == 0, words
        assert "BrokenPipe" not in done.stderr


def lines_until(process: subprocess.Popen[str], text: str, limit_s: float = 120.0) -> list[str]:
    """Lines of standard error up to the one that holds the text."""
    assert process.stderr is not None
    ends, seen = time.monotonic() + limit_s, []
    while time.monotonic() < ends:
        line = process.stderr.readline()
        seen.append(line)
        if text in line or not line:
            break
    return seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_says_how_to_go_on_and_goes_on(tiny: Path, number: int) -> None:
    path = tiny / "conf" / "experiment" / "tiny.yaml"
    # Long enough to be met in training, whatever the machine.
    path.write_text(path.read_text().replace("tuning: {trials: 2}", "tuning: {trials: 400}"))
    words = [sys.executable, "-m", "runner", "+experiment=tiny"]
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}
    process = subprocess.Popen(words, cwd=tiny, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=env)
    lines_until(process, "features    done")
    fits = tiny / ".runner" / "fits"
    ends = time.monotonic() + 120
    while time.monotonic() < ends and len(list(fits.rglob("*.npz"))) < 5:
        time.sleep(0.05)
    started = time.monotonic()
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert time.monotonic() - started < 20.0  # it does not wait for four hundred trials
    assert process.returncode == 130
    assert "stopped. Finished folds, trials and stages are kept: the same command continues." in told
    assert "Traceback" not in told
    kept = {p: p.stat().st_mtime_ns for p in fits.rglob("*.npz")}
    path.write_text(path.read_text().replace("tuning: {trials: 400}", "tuning: {trials: 2}"))
    assert command(tiny, "+experiment=tiny").returncode in (0, 3)
    assert kept.items() <= {p: p.stat().st_mtime_ns for p in fits.rglob("*.npz")}.items()


def test_in_a_pipe_progress_is_plain_lines_and_the_verdict_a_plain_table(tiny_run: Path) -> None:
    done = command(tiny_run, "+experiment=tiny")
    assert done.returncode == 0
    rooms = ("problem", "data", "features", "training", "evaluation", "deployment", "monitoring")
    assert [line.split() for line in done.stderr.splitlines()] == [[room, "reused"] for room in rooms]
    assert "\x1b" not in done.stdout + done.stderr
    assert "GO" in done.stdout
    assert "success criterion" in done.stdout
    assert "report  reports/tiny/report.html" in done.stdout
    assert "bundle  models/tiny/bundle" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 200


def test_quiet_leaves_the_verdict_alone(tiny_run: Path) -> None:
    done = command(tiny_run, "-q", "+experiment=tiny")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "GO" in done.stdout


def test_a_value_from_data_cannot_steer_the_terminal(tiny: Path) -> None:
    done = command(tiny, "+experiment=tiny", "problem.target='\x1b[31mred'")
    assert done.returncode == 2
    assert "\x1b" not in done.stderr
    assert "red" in done.stderr


def test_the_ladder_and_the_gates_of_the_verdict_are_those_of_the_files(tiny_run: Path) -> None:
    shown = command(tiny_run, "-q", "+experiment=tiny").stdout
    verdict = json.loads((tiny_run / "reports/tiny/evaluation/verdict.json").read_text())
    for gate in verdict["gates"]:
        assert re.search(rf"{gate['status']}\s+{gate['name'].split(':')[0].replace('_', '.')}", shown), gate["name"]
    ladder = json.loads((tiny_run / "models/tiny/ladder.json").read_text())
    assert all(rung["name"] in shown for rung in ladder["rungs"])
    assert f"✓   {ladder['chosen']}" in shown


@pytest.mark.parametrize(
    "error",
    [
        PermissionError("Permission denied (os error 13): out/.writing-o.csv-0a1b2c3d"),
        PermissionError(errno.EACCES, "Permission denied", "out/.writing-o.csv-0a1b2c3d"),
    ],
    ids=["polars", "python"],
)
def test_a_file_that_may_not_be_written_is_told_by_the_name_that_people_know(error: OSError) -> None:
    assert explained(error) == "permission denied: out/o.csv\n    next: write where you may, or have it permitted"


def test_a_fault_of_the_operating_system_that_no_person_made_stays_a_bug() -> None:
    assert explained(OSError("something else")) == ""
    assert explained(FileNotFoundError(errno.ENOENT, "No such file", "x")) == ""
