"""Speed as ratios taken in one run: the pipeline against a plain script, a rerun against a run, DVC against in process.

python benchmarks/speed.py [--quick] [--pairs 3]   prints a table and writes benchmarks/results/speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}


def timed(words: list[str], cwd: Path, times: int = 1) -> float:
    """Median wall seconds of a command that must succeed (0) or be refused (3)."""
    seconds = []
    for _ in range(times):
        started = time.monotonic()
        done = subprocess.run(words, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        seconds.append(time.monotonic() - started)
        if done.returncode not in (0, 3):
            raise SystemExit(f"{' '.join(words)} ended with {done.returncode}\n{done.stderr}")
    return median(seconds)


def peak_gib(words: list[str], cwd: Path) -> tuple[float, float]:
    """Wall seconds and peak memory (GiB) of a command, by the operating system's own accounting."""
    started = time.monotonic()
    process = subprocess.Popen(words, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - started, usage.ru_maxrss / 2**20


def fresh(name: str) -> Path:
    """A clone of this repository's present commit, with nothing cached."""
    target = ROOT / ".runner" / "bench" / name
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(target)], check=True)
    return target


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="leave out flight_delay and DVC")
    parser.add_argument("--pairs", type=int, default=3, help="how often the pipeline and the plain script are timed side by side")
    asked = parser.parse_args()
    quick = asked.quick
    runner = [sys.executable, "-m", "runner"]
    credit = [*runner, "-q", "+experiment=credit_risk", "tracking=none"]
    root = fresh("speed")
    figures: dict[str, float] = {"help_s": timed([*runner, "--help"], root, 5)}
    figures["credit_risk_s"] = timed(credit, root)
    figures["credit_risk_again_s"] = timed(credit, root, 3)
    # The same folds, trials and models as the run above, by hand: the settings are read from what it wrote.
    trials = root / "reports" / "credit_risk" / "training" / "trials.json"
    script = [sys.executable, str(ROOT / "benchmarks" / "plain_script.py"), str(root), str(trials)]
    shutil.rmtree(root / ".runner")
    pairs = []
    for _ in range(1 if quick else asked.pairs):
        shutil.rmtree(root / ".runner", ignore_errors=True)
        ours = timed(credit, root)
        plain = timed(script, root)
        pairs.append((ours, plain))
    figures["plain_script_s"] = median(p for _, p in pairs)
    figures["overhead_ratio"] = median(o / p for o, p in pairs)
    if not quick:
        seconds, memory = peak_gib([*runner, "-q", "+experiment=flight_delay", "tracking=none"], root)
        figures |= {"flight_delay_s": seconds, "flight_delay_peak_gib": memory}
        clone = fresh("dvc")
        figures["dvc_credit_risk_s"] = timed(["dvc", "repro", "monitoring@credit_risk"], clone)
        figures["dvc_again_s"] = timed(["dvc", "repro", "monitoring@credit_risk"], clone, 3)
        figures["dvc_over_in_process_s"] = figures["dvc_credit_risk_s"] - figures["credit_risk_s"]
    for name, value in figures.items():
        print(f"{name:<26}{value:10.3f}")
    results = ROOT / "benchmarks" / "results" / "speed.json"
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
