"""`score`: a batch file in, one scored row per input row out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(verbs: Any) -> None:
    """Arguments of `score`."""
    parser = verbs.add_parser("score", help="score a batch", description="Score a Parquet or CSV file with a bundle; one output row per input row, in order.")
    parser.add_argument("--bundle", required=True, help="a bundle's folder, or registry:NAME@ALIAS")
    parser.add_argument("--input", required=True, type=Path, help="rows to score, .parquet or .csv")
    parser.add_argument("--output", required=True, type=Path, help="where to write, .parquet or .csv")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def run(args: argparse.Namespace) -> int:
    """Load, score, write whole or not at all, and say what was written."""
    from runner.bundle.load import load
    from runner.cli.bundles import bundle_folder
    from runner.deployment.batch import read_rows, write_scores

    bundle = load(bundle_folder(args.bundle))
    scored = bundle.score(read_rows(args.input), str(args.input))
    write_scores(args.output, scored)
    if not args.quiet:
        flagged = scored.filter(scored["flags"].list.len() > 0).height
        print(f"{scored.height:,} rows scored by {bundle.manifest['name']} ({bundle.digest[:12]}) into {args.output}; {flagged:,} with flags")
    return 0
