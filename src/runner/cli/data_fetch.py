"""`data fetch`: rows of databases and object stores into their snapshots."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode

ABOUT = """\
Fetch the sources of the kinds sql and remote into their snapshots, which runs read. A snapshot that is there is kept; --renew replaces it.
What fails leaves the old snapshot as it is. Exit codes: 0 all are there, 2 one cannot be fetched."""


def add_parser(acts: Any) -> None:
    """Flags of `data fetch`."""
    parser = acts.add_parser("fetch", help="rows of databases and object stores", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", action="append", default=[], metavar="NAME", help="only this source; may be given several times")
    parser.add_argument("--renew", action="store_true", help="fetch again what is there already")
    parser.add_argument("--json", action="store_true", help="print JSON (no row values)")
    parser.add_argument("overrides", nargs="+", metavar="OVERRIDE", help="the experiment, such as +experiment=credit_risk")
    parser.set_defaults(do=run)


def run(args: argparse.Namespace) -> int:
    """Fetch and print."""
    from runner.core.files import json_text
    from runner.experiment.compose import compose
    from runner.pipeline.fetching import fetch_named
    from runner.report.numbers import size
    from runner.report.words import clean

    workspace = here()
    done = fetch_named(workspace, compose(workspace, args.overrides), args.source, renew=args.renew, say=lambda text: print(text, file=sys.stderr))
    if args.json:
        print(json_text([one.as_json() for one in done]), end="")
        return ExitCode.PASSED
    for one in done:
        newest = "" if one.record.newest is None else f", newest {one.record.newest}"
        told = f"{one.name}: {one.outcome}, {one.record.rows:,} rows, {size(one.record.bytes)}{newest}, fetched at {one.record.fetched_at}, in {one.shown}"
        print(clean(told))
    if not done:
        print("no source of this experiment is fetched: they are files")
    return ExitCode.PASSED
