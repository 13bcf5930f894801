"""`data`: what concerns tables beside a run."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli import data_diff


def add_parser(verbs: Any) -> None:
    """The acts on tables."""
    parser = verbs.add_parser("data", help="tables beside a run", description="What concerns tables beside a run.")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    data_diff.add_parser(acts)


def run(args: argparse.Namespace) -> int:
    """Do the act."""
    return data_diff.run(args)
