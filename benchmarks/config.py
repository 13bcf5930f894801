"""What composing and checking config costs: one long experiment, hundreds of them, one entry of a long params.yaml, a mistake as a whole process.

python benchmarks/config.py [--experiments 500]   prints a table
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runner.core.workspace import Workspace
from runner.experiment import params
from runner.experiment.compose import compose

ROOT = Path(__file__).parent.parent
COLUMNS, FEATURES, SLICES, RULES = 120, 90, 40, 25


def long_experiment(name: str) -> str:
    """An experiment of just over 300 lines: many columns, features, slices and rules."""
    columns = "\n".join(f"    amount_{n}: {{type: float, nullable: true, min: 0, unit: EUR}}" for n in range(COLUMNS))
    features = "\n".join(f"        share_{n}: amount_{n} / NULLIF(amount_{n + 1} + amount_{n + 2}, 0)" for n in range(FEATURES))
    slices = "\n".join(f"    large_{n}: amount_{n} >= {100 + n} AND city = 'Ulm'" for n in range(SLICES))
    rules = "\n".join(f"    sane_{n}: {{sql: amount_{n} <= amount_{n + 1} * 1000, on_fail: warn}}" for n in range(RULES))
    return f"""\
# @package _global_
name: {name}
problem:
  decision: Call the customer or not
  row: one customer
  task: binary
  target: outcome
  positive: "yes"
  payoff:
    unit: EUR
    actions:
      call: {{"yes": 0.1 * amount_0 - 1, "no": "-1"}}
      wait: {{"yes": "0", "no": "0"}}
  policy: {{kind: threshold, act: call, otherwise: wait}}
  baselines:
    big: {{sql: amount_0 > 100}}
  criterion: {{baseline: big, minimum_gain_per_row: 0.1}}
data:
  sources:
    customers: {{kind: parquet, path: data/raw/customers.parquet}}
  primary: customers
  columns:
    outcome: {{type: string, allowed: ["yes", "no"]}}
    city: {{type: string, nullable: true}}
{columns}
  rules:
{rules}
features:
  steps:
    shares:
      kind: sql
      expressions:
{features}
    cities: {{kind: target_encoding, columns: [city]}}
evaluation:
  slices:
{slices}
"""


def project(folder: Path, names: list[str]) -> Workspace:
    """A workspace with the shipped groups and a long experiment under each name, all adopted."""
    shutil.copytree(ROOT / "conf", folder / "conf")
    for name in names:
        (folder / "conf" / "experiment" / f"{name}.yaml").write_text(long_experiment(name))
    (folder / "conf" / "reproduce.yaml").write_text("experiments:\n" + "".join(f"  - {name}\n" for name in names))
    return Workspace(folder)


def timed(what: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, wall seconds, processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = what()
    return result, time.perf_counter() - wall, time.process_time() - processor


def as_process(workspace: Workspace, *words: str) -> tuple[float, float]:
    """Wall and processor seconds of a whole process that ends with 2."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "runner", *words], cwd=workspace.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 2:
        raise SystemExit(f"runner {' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=500)
    names = [f"e{n:03d}" for n in range(parser.parse_args().experiments)]
    with TemporaryDirectory() as folder:
        workspace = project(Path(folder) / "project", names)
        lines: list[tuple[str, float, float]] = []
        n_lines = len(long_experiment("e").splitlines())
        one, middle = [f"+experiment={names[0]}"], names[len(names) // 2]
        lines.append((f"one experiment of {n_lines} lines, in process", *timed(lambda: compose(workspace, one))[1:]))
        lines.append(("a mistake in it, as a whole process", *as_process(workspace, *one, "seed=x")))
        experiments, *spent = timed(lambda: params.compose_all(workspace))
        lines.append((f"{len(names)} such experiments checked", *spent))
        lines.append(("params.yaml of all written", *timed(lambda: params.write(workspace, experiments))[1:]))
        lines.append(("one entry of it read and compared", *timed(lambda: params.is_adopted(workspace, experiments[len(names) // 2]))[1:]))
        lines.append(("one entry of it read and validated", *timed(lambda: params.from_params(workspace, middle))[1:]))
    print(f"{'':<48}{'wall s':>9}{'cpu s':>9}")
    for what, wall, processor in lines:
        print(f"{what:<48}{wall:>9.3f}{processor:>9.3f}")


if __name__ == "__main__":
    main()
