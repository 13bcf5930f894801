"""`report`: render the HTML report of a run again from its files."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli.workspace import here


def add_parser(verbs: Any) -> None:
    """Arguments of `report`."""
    parser = verbs.add_parser("report", help="render the report", description="Render report.html again from the files of a run.")
    parser.add_argument("overrides", nargs="+", metavar="OVERRIDE", help="the experiment, such as +experiment=credit_risk")


def run(args: argparse.Namespace) -> int:
    """Render and print the path."""
    from runner.core.progress import Silent
    from runner.experiment.compose import compose
    from runner.pipeline.acts import render
    from runner.pipeline.run import Run

    workspace = here()
    current = Run.of(workspace, compose(workspace, args.overrides), 1, Silent())
    print(workspace.shown(render(current)))
    return 0
