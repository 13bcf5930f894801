"""One experiment through all rooms: the same bytes whichever way, and nothing computed twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.conftest import command

from runner.core.digests import of_tree

SKIPPED = ("measurements.json", "report.html", ".gitignore")


def outputs(root: Path) -> dict[str, str]:
    """Digest of every compared file of the tiny experiment."""
    found = {}
    for top in ("data/tiny", "models/tiny", "reports/tiny"):
        found |= {f"{top}/{name}": digest for name, digest in of_tree(root / top).items() if not name.endswith(SKIPPED)}
    return found


def ran(root: Path) -> list[str]:
    """Rooms that did work in the last run, read off its plain progress lines."""
    done = command(root, "+experiment=tiny")
    assert done.returncode in (0, 3), done.stderr
    return [line.split()[0] for line in done.stderr.splitlines() if " done in " in line or " refused in " in line]


def test_a_run_ends_in_a_verdict_and_an_unchanged_rerun_does_nothing(finished: Path) -> None:
    assert json.loads((finished / "reports/tiny/evaluation/verdict.json").read_text())["verdict"] == "go"
    before = outputs(finished)
    assert ran(finished) == []
    assert outputs(finished) == before


def test_two_folders_and_other_workers_give_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(tiny, other)
    assert command(tiny, "+experiment=tiny", "execution.workers=1").returncode == 0
    assert command(other, "+experiment=tiny", "execution.workers=2", POLARS_MAX_THREADS="1").returncode == 0
    assert outputs(tiny) == outputs(other)


def test_a_missing_output_comes_back_from_the_store(finished: Path) -> None:
    before = outputs(finished)
    shutil.rmtree(finished / "models")
    assert ran(finished) == []
    assert outputs(finished) == before


def test_a_damaged_store_is_noticed_and_computed_again(finished: Path) -> None:
    before = outputs(finished)
    for stored in (finished / ".runner" / "cache" / "objects").rglob("*"):
        if stored.is_file():
            content = bytearray(stored.read_bytes())
            content[len(content) // 2 : len(content) // 2 + 1] = b"\x00" if content[len(content) // 2 : len(content) // 2 + 1] != b"\x00" else b"\x01"
            stored.write_bytes(bytes(content))
    for top in ("data/tiny", "models/tiny", "reports/tiny"):
        shutil.rmtree(finished / top)
    assert command(finished, "+experiment=tiny").returncode == 0
    assert outputs(finished) == before


def test_an_override_explores_beside_and_never_opens_the_test(tiny: Path) -> None:
    done = command(tiny, "+experiment=tiny", "seed=99")
    assert done.returncode in (0, 3)
    assert "exploring" in done.stderr.splitlines()[0]
    assert not (tiny / "reports" / "tiny").exists()
    assert not (tiny / "ledger").exists()
    (verdict,) = (tiny / "runs" / "tiny").glob("*/reports/evaluation/verdict.json")
    assert json.loads(verdict.read_text())["on"] == "out_of_fold"


@pytest.mark.parametrize("moment", [2.5, 5.0])
def test_a_killed_run_continues_to_the_same_bytes(tiny: Path, tiny_run: Path, moment: float) -> None:
    process = subprocess.Popen([sys.executable, "-m", "runner", "+experiment=tiny"], cwd=tiny, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert command(tiny, "+experiment=tiny").returncode == 0
    assert outputs(tiny) == outputs(tiny_run)
    assert not [p for top in ("data/tiny", "models/tiny", "reports/tiny") for p in (tiny / top).rglob(".writing-*")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_amid_long_fits_stops_at_once_and_says_how_to_go_on(tiny: Path, number: signal.Signals) -> None:
    endless = ("max_iterations=200000", "patience=200000", "learning_rate=0.0001")
    process = subprocess.Popen(
        [sys.executable, "-m", "runner", "+experiment=tiny", *(f"+training.adjust.catboost.{setting}" for setting in endless[1:]), _set(endless[0])],
        cwd=tiny,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert process.stderr is not None
    until = next(line for line in process.stderr if line.startswith("features    done"))
    time.sleep(2.0)
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert "done" in until
    assert process.returncode == 130
    assert "the same command continues" in told
    assert "Traceback" not in told


def _set(setting: str) -> str:
    return f"training.adjust.catboost.{setting}"


def test_a_second_run_of_the_same_folders_waits(tiny: Path) -> None:
    words = [sys.executable, "-m", "runner", "+experiment=tiny"]
    both = [subprocess.Popen(words, cwd=tiny, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    told = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("training    done" in text for text in told) == 1


def test_too_little_data_is_a_verdict_that_later_rooms_pass_on(tiny: Path) -> None:
    path = tiny / "conf" / "experiment" / "tiny.yaml"
    path.write_text(path.read_text().replace("min_rows: 100", "min_rows: 100000"))
    assert command(tiny, "compose").returncode == 0
    done = command(tiny, "+experiment=tiny")
    assert done.returncode == 3
    verdict = json.loads((tiny / "reports/tiny/evaluation/verdict.json").read_text())
    assert verdict["verdict"] == "refused"
    assert any(g["name"] == "min_rows" and g["status"] == "failed" for g in verdict["gates"])
    assert not (tiny / "ledger").exists()
    assert "Traceback" not in done.stderr


def test_a_price_change_refits_nothing(finished: Path) -> None:
    fits = sorted(p.name for p in (finished / ".runner" / "fits").rglob("*.npz"))
    path = finished / "conf" / "experiment" / "tiny.yaml"
    path.write_text(path.read_text().replace("0.2 * amount", "0.25 * amount"))
    assert command(finished, "compose").returncode == 0
    # The features room prices what it finds; what it hands to training stays the same.
    assert "data" not in ran(finished)
    assert sorted(p.name for p in (finished / ".runner" / "fits").rglob("*.npz")) == fits


def test_one_declaration_too_many_is_refused_and_an_old_one_still_runs(stored: Path) -> None:
    path = stored / "conf" / "experiment" / "tiny.yaml"
    original = path.read_text().replace("slices: {young", "test_uses: 1\n  slices: {young")
    for n in range(2):
        path.write_text(original.replace("age < 30", f"age < {30 + n}"))
        assert command(stored, "compose").returncode == 0
        done = command(stored, "+experiment=tiny")
        assert done.returncode == (0 if n < 1 else 3), done.stderr
    verdict = json.loads((stored / "reports/tiny/evaluation/verdict.json").read_text())
    assert verdict["verdict"] == "refused"
    assert "opened by 1 declaration" in str(verdict["gates"][-1]["found"])
    assert len((stored / "ledger" / "tiny.jsonl").read_text().splitlines()) == 1
    path.write_text(original)
    assert command(stored, "compose").returncode == 0
    assert command(stored, "+experiment=tiny").returncode == 0
