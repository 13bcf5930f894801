"""`inventory`: the declared sources against what is there."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode

ABOUT = """\
Declared against found: each source's rows, columns, size and age, and each gap with its consequence. With --sample also types and first rows.
Databases and object stores are asked too, for their columns and no row.
Exit codes: 0 all is there, 2 something is missing."""


def add_parser(verbs: Any) -> None:
    """Flags of `inventory`."""
    parser = verbs.add_parser(
        "inventory", help="declared sources against what is there", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sample", action="store_true", help="show each source's columns, types and first rows")
    parser.add_argument("--json", action="store_true", help="print JSON (never row values)")
    parser.add_argument("overrides", nargs="+", metavar="OVERRIDE", help="the experiment, such as +experiment=credit_risk")


def run(args: argparse.Namespace) -> int:
    """Look at the sources and print."""
    from runner.cli.checked import console, show_inventory, show_samples
    from runner.core.files import json_text
    from runner.experiment.compose import compose
    from runner.pipeline.check.inventory import take

    workspace = here()
    found = take(workspace, compose(workspace, args.overrides), live=True)
    if args.json:
        print(json_text(found.as_json()), end="")
    else:
        out = console()
        show_inventory(out, found)
        if args.sample:
            show_samples(out, found)
    return ExitCode.BAD_INPUT if found.faults else ExitCode.PASSED
