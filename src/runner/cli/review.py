"""`review`: what changes between two revisions, and its consequences."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, Fault, RefusedError, fault

if TYPE_CHECKING:
    from runner.pipeline.review.review import Review

DESCRIPTION = """\
Compare two revisions: which experiments change, which stages run again and what that costs, and, where results of both are at hand,
what becomes of payoff, gates, ladder, slices, calibration, data, test uses and sign-offs. Reads only; the sealed test stays closed."""


def add_parser(verbs: Any) -> None:
    """Arguments of `review`."""
    parser = verbs.add_parser("review", help="what a change means", description=DESCRIPTION)
    parser.add_argument("base", metavar="BASE", help="the revision to compare with: a branch, a tag or a commit")
    parser.add_argument("head", metavar="HEAD", nargs="?", help="the revision to review; the working tree when left out")
    parser.add_argument("--merge-base", action="store_true", help="compare with the commit where BASE and HEAD parted")
    parser.add_argument(
        "--base-results", type=Path, metavar="DIR", help="a folder with reports/, models/ and data/ of BASE, where neither DVC nor .runner has them"
    )
    parser.add_argument("--head-results", type=Path, metavar="DIR", help="the same of HEAD")
    parser.add_argument("--measured", action="store_true", help="tell minutes too, from clocked figures of a former run on its machine")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the Markdown there instead of printing it")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the whole review as one HTML file too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument(
        "--fail-on",
        action="append",
        choices=("stale", "gates", "loss"),
        default=[],
        metavar="WHAT",
        help="exit 3 when params.yaml is stale, a gate fails anew, or the payoff is surely less: stale, gates or loss; may be given more than once",
    )


def run(args: argparse.Namespace) -> int:
    """Review, write and print."""
    from runner.core.files import json_text, write_text
    from runner.pipeline.review.comment import comment
    from runner.pipeline.review.document import document
    from runner.pipeline.review.html import html
    from runner.pipeline.review.review import review

    for flag, path in (("--html", args.html), ("--output", args.output)):
        if path is not None and path.is_dir():
            raise fault(flag, f"{path} is a folder", "a file to write")
    found = review(here(), args.base, args.head, (args.base_results, args.head_results), args.measured, args.merge_base)
    shown = document(found)
    if args.html is not None:
        write_text(args.html, html(shown))
    if args.output is not None:
        write_text(args.output, comment(shown))
    if args.json:
        print(json_text(found.as_json()), end="")
    elif args.output is None:
        print(comment(shown), end="")
    faults = [fault for what in args.fail_on for fault in _refusals(found, what)]
    if faults:
        raise RefusedError(faults)
    return ExitCode.PASSED


def _refusals(found: Review, what: str) -> list[Fault]:
    from runner.pipeline.review.summary import earns, fails_anew, gates

    if what == "stale":
        return [Fault("params.yaml", found.stale[0], "what conf/ composes to", "python -m runner compose, then commit it")] if found.stale else []
    if what == "gates":
        return [Fault(e.name, gates(e.compared), "no gate that fails anew") for e in found.experiments if fails_anew(e.compared)]
    return [Fault(e.name, earns(e.paired, e.per_month), "a payoff that is not surely less") for e in found.experiments if e.paired.verdict == "less"]
