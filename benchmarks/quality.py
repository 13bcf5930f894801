"""How good the models are, and at what cost, beside other systems: public tables, a fixed split, equal budgets, two threads.

python -m benchmarks.quality install [--peers autogluon,h2o]      make the environments of the peers from benchmarks/peers/*.txt
python -m benchmarks.quality tables                               the tables, with rows and columns
python -m benchmarks.quality run --budget 60 [--systems all] [--tables all|design|check|short|NAME,...] [--minutes 20] [--again]
python -m benchmarks.quality report                               writes benchmarks/results/quality.md, quality.json, and docs/benchmarks.md

A result that is there is not made again, so `run` may be stopped and started at will. Times only mean something on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from benchmarks.arena.cases import CASES, SHORT, chosen
from benchmarks.arena.report import gather, write
from benchmarks.arena.run import KEPT, THREADS, data_of, one, place
from benchmarks.arena.systems import PEER_ENVS, install, picked
from benchmarks.tables import fetch

BUDGETS = (60.0, 300.0)


def _install(args: argparse.Namespace) -> int:
    fetch()
    failed = False
    for env in args.peers.split(","):
        said = install(env)
        failed |= bool(said)
        print(f"{env}: {said or 'ready'}", flush=True)
    return int(failed)


def _tables(_: argparse.Namespace) -> int:
    fetch()
    for case in CASES:
        _, about = data_of(case)
        size = f"{about['train_rows']:>7,} + {about['test_rows']:>6,} rows x {about['columns']:>2}"
        classes = f"{len(about['labels'])} classes" if about["labels"] else ""
        kept = "short" if case.name in SHORT else ""
        print(f"{case.name:18} {case.half:6} {about['task']:10} {size}  {classes:10} {kept:5} time {about['time'] or '-':12} {about['licence']}")
    return 0


def _run(args: argparse.Namespace) -> int:
    from filelock import FileLock, Timeout

    fetch()
    KEPT.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(KEPT / ".lock", timeout=0):
            return _all(args)
    except Timeout:
        print("another run is going on: two at a time would measure each other", file=sys.stderr)
        return 1


def _all(args: argparse.Namespace) -> int:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
    start = time.monotonic()
    systems = [s for s in picked(args.systems) if not s.missing]
    for system in picked(args.systems):
        if system.missing:
            print(f"{system.name} is left out: {system.missing}", flush=True)
    wanted = [(case, s) for case in chosen(args.tables) for s in systems]
    waiting = [(case, s) for case, s in wanted if args.again or not place(s.name, case.name, args.budget).is_file()]
    print(f"{len(wanted) - len(waiting)} of {len(wanted)} results are there", flush=True)
    for at, (case, system) in enumerate(waiting):
        if (time.monotonic() - start + args.budget) / 60 > args.minutes:
            print(f"{len(waiting) - at} results wait for another run", flush=True)
            return 0
        result = one(system, case, args.budget)
        busy = f"  (others used {result['others_cores']:.2f} cores)" if result["busy"] else ""
        said = f"{result['score']:.5g}" if result["status"] == "ok" else f"{result['status']}: {result['error']}"
        print(f"{case.name:18} {system.name:17} {result['fit_seconds']:6.1f} s  {said}{busy}", flush=True)
    return 0


def _report(args: argparse.Namespace) -> int:
    budgets = [float(b) for b in args.budgets.split(",")]
    write(gather(budgets, picked(args.systems), chosen(args.tables)))
    print("wrote benchmarks/results/quality.md, quality.json and docs/benchmarks.md")
    return 0


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    acts = asked.add_subparsers(required=True)
    made = acts.add_parser("install")
    made.add_argument("--peers", default=",".join(PEER_ENVS))
    made.set_defaults(act=_install)
    acts.add_parser("tables").set_defaults(act=_tables)
    run = acts.add_parser("run")
    run.add_argument("--budget", type=float, default=BUDGETS[0], help="seconds for each fit, process start included")
    run.add_argument("--minutes", type=float, default=float("inf"), help="begin no fit that may not be over after so many minutes")
    run.add_argument("--again", action="store_true", help="make results anew that are there")
    run.set_defaults(act=_run)
    report = acts.add_parser("report")
    report.add_argument("--budgets", default=",".join(f"{b:g}" for b in BUDGETS))
    report.set_defaults(act=_report)
    for parser in (run, report):
        parser.add_argument("--systems", default="all")
        parser.add_argument("--tables", default="all")
    args = asked.parse_args()
    return int(args.act(args))


if __name__ == "__main__":
    sys.exit(main())
