"""`fit`: from a table to a model in the minutes that are given."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.pipeline.fit.run import Outcome

ABOUT = """\
Fit a table: everything is proposed as init would, all rows are learned from (folds inside tell how good the model is), and the time that is
given is used and no more, the start of the program included. Into --output go bundle/ (what `score` takes), experiment.yaml (the whole
experiment, which gives the same model again in a workspace) and leaderboard.json. Nobody is asked: when the decision matters, go on with
experiment.yaml, say what a decision is worth and set a test apart.
Killed or interrupted, the same call continues where it was; with more time, it goes on with a finished fit.
Exit codes: 0 a model is there, 2 bad input, 3 too little to learn from.
"""
EXAMPLES = """\
examples:
  python -m runner fit --data train.parquet --target churned --minutes 1 --output model
  python -m runner fit --data prices.csv --target price --time-column sold_on --minutes 5 --output model
  python -m runner fit --data visits.csv --target outcome --group-column patient --test-share 0.2 --minutes 5 --output model
  python -m runner score --bundle model/bundle --input new.csv --output scores.csv
"""
WIDTH = 10
SHOWN = 12


def add_parser(verbs: Any) -> None:
    """Arguments of `fit`."""
    parser = verbs.add_parser("fit", help="from a table to a model", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="FILE", help="a .csv or .parquet file, an SQLite file, or sqlite:///FILE")
    parser.add_argument("--table", help="the table of a database; may be left out where there is one")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict; rows without a value are left out")
    parser.add_argument(
        "--output", required=True, metavar="DIR", type=Path, help="a new folder, or that of the same call before: interrupted, or with less time"
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="for everything (default 5)")
    parser.add_argument("--work", type=float, help="of all studies in place of the minutes, about seconds of one core: the same model on every machine")
    parser.add_argument("--task", choices=("binary", "multiclass", "regression"), help="in place of what the target looks like")
    parser.add_argument("--time-column", metavar="COLUMN", help="later rows are predicted from earlier ones")
    parser.add_argument("--group-column", metavar="COLUMN", help="rows with the same value stay together in one fold; no feature")
    parser.add_argument("--ignore", metavar="COLUMN", action="append", default=[], help="leave a column out; may be repeated")
    parser.add_argument("--test-share", type=float, default=0.0, metavar="SHARE", help="hold back this share of the rows and score them at the end")
    parser.add_argument("--max-size-mb", type=float, default=50.0, metavar="MB", help="of the model (default 50)")
    parser.add_argument("--max-latency-ms", type=float, default=5.0, metavar="MS", help="to score one row (default 5)")
    parser.add_argument("--seed", type=int, default=20130, help="every random draw is derived from it")
    parser.add_argument("--workers", type=int, help="fits side by side; one per core when left out, never another result")
    parser.add_argument("--report", action="store_true", help="write report.html as well, which takes time beyond the minutes")
    parser.add_argument("--force", action="store_true", help="replace a finished or another unfinished fit in --output")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("-q", "--quiet", action="store_true", help="print nothing but faults")
    told.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(args: argparse.Namespace) -> int:
    """Fit, and say what ships."""
    from runner.core.machine import process_start

    started = process_start()
    from runner.cli.fit_screen import screen
    from runner.core.faults import fault
    from runner.pipeline.fit.frame import Options
    from runner.pipeline.fit.run import Job, fit

    if args.workers is not None and args.workers < 1:
        raise fault("--workers", f"is {args.workers}", "1 or more")
    limits = {"max_size_mb": args.max_size_mb, "max_latency_ms": args.max_latency_ms}
    columns = {"time_column": args.time_column, "group_column": args.group_column, "ignore": args.ignore}
    options = Options(task=args.task, test_share=args.test_share, seed=args.seed, work=args.work, **limits, **columns)
    wanted = options.wanted(args.target, args.minutes)
    job = Job(args.data, wanted, args.output, started, args.table, args.workers, args.force, args.report)
    with screen(job.ends, args.quiet or args.json) as display:
        found = fit(job, display)
    if args.json:
        _print_json(found, args)
    elif not args.quiet:
        for about, line in _lines(found, args):
            print(f"{about:<{WIDTH}} {_printable(line)}")
    return 0


def _printable(line: str) -> str:
    # Names and values of a file may hold control characters; a terminal must not obey them.
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


def _lines(found: Outcome, args: argparse.Namespace) -> list[tuple[str, str]]:
    """What a person wants to know at the end."""
    best, others = found.board[0], found.board[1:]
    constant = next((entry for entry in others if entry["kind"] == "constant"), None)
    told = [("note", note) for note in found.notes[:SHOWN]]
    against = f"; always the same answer: {constant['score']:.4g}" if constant is not None else ""
    told.append(("ships", f"{best['candidate']}, out of fold {best['metric']} {_scored(best)}{against}"))
    told += [("", f"{name} {value:.4g}") for name, value in best["others"].items() if value is not None]
    told += [("then", ", ".join(f"{e['candidate']} {e['score']:.4g}" for e in others[:6]))] if others else []
    told.append(("size", f"{best['megabytes']:.2f} MB{_latency(best)}"))
    if found.test is not None:
        scores = ", ".join(f"{name} {score['value']:.4g}" for name, score in found.test["scores"].items() if score["value"] is not None)
        told.append(("held back", f"{found.test['rows']:,} rows: {scores}"))
    root = args.output
    told.append(("written", f"{root}/bundle, {root}/experiment.yaml, {root}/leaderboard.json{f', {root}/report.html' if args.report else ''}"))
    told.append(("next", f"python -m runner score --bundle {root}/bundle --input FILE --output scores.csv"))
    return told


def _scored(entry: dict[str, Any]) -> str:
    between = f" ({entry['low']:.4g} to {entry['high']:.4g})" if entry["low"] is not None else ""
    return f"{entry['score']:.4g}{between}"


def _latency(entry: dict[str, Any]) -> str:
    return f", {entry['latency_ms']:.2g} ms a row" if entry.get("latency_ms") is not None else ""


def _print_json(found: Outcome, args: argparse.Namespace) -> None:
    from runner.core.files import json_text

    root = str(args.output)
    files = {"bundle": f"{root}/bundle", "experiment": f"{root}/experiment.yaml", "leaderboard": f"{root}/leaderboard.json"}
    outcome = found.found.outcome
    told = {
        "task": outcome.task,
        "target": args.target,
        "ships": found.board[0]["candidate"],
        "candidates": found.board,
        "notes": list(found.notes),
        "continued": found.continues,
        "held_back": found.test,
        "seconds": dict(found.seconds),
        "files": files,
    }
    sys.stdout.write(json_text(told))
