"""`track`: send run records that the tracking server has not seen."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode


def add_parser(verbs: Any) -> None:
    """Arguments of `track`."""
    parser = verbs.add_parser(
        "track", help="send run records", description="Send every run record that the tracking server has not seen, and register admitted bundles."
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as tracking.uri=http://mlflow.example:5000")


def run(args: argparse.Namespace) -> int:
    """Send, and say what was sent; 2 when something is still waiting."""
    from runner.experiment.compose import tracking_of
    from runner.pipeline.acts import admitted
    from runner.pipeline.tracking import track

    workspace = here()
    tracking = tracking_of(workspace, args.overrides)
    sent = track(workspace, tracking, _tell, admitted(workspace))
    print(f"{len(sent.records)} records sent, {sent.kept} waiting, {sent.registered} bundles registered")
    return ExitCode.BAD_INPUT if sent.kept or sent.unregistered else ExitCode.PASSED


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
