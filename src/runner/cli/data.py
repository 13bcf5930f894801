"""`data`: what concerns raw tables beside a run."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli import data_diff, data_fetch


def add_parser(verbs: Any) -> None:
    """The acts on tables."""
    parser = verbs.add_parser("data", help="raw tables beside a run", description="What concerns raw tables beside a run.")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    data_fetch.add_parser(acts)
    data_diff.add_parser(acts)


def run(args: argparse.Namespace) -> int:
    """Do the chosen act."""
    return int(args.do(args))
