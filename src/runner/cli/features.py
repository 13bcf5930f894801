"""`features`: features proposed for an experiment."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, fault
from runner.features.auto import BUDGET

if TYPE_CHECKING:
    from runner.pipeline.auto import Proposed

WIDTH = 160
RAW = argparse.RawDescriptionHelpFormatter
ABOUT = "auto       search features that make the model better, and write them as config"
AUTO = """\
Screen candidate features of the training rows (sums, differences, products and ratios of numbers, deviations from a group's mean, frequencies and target
encodings of categories and their crossings, missing values, parts of dates), refit the best of them on repeated folds, and keep what helps again and again.
Prints the steps as YAML; --write puts them into conf/features/NAME_auto.yaml. The same experiment and budget give the same steps."""


def add_parser(verbs: Any) -> None:
    """Subcommands of `features`."""
    parser = verbs.add_parser("features", help="propose features", description=ABOUT, formatter_class=RAW)
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    auto = acts.add_parser("auto", help="search features", description=AUTO, formatter_class=RAW)
    auto.add_argument(
        "--budget", type=int, default=BUDGET, metavar="N", help=f"most fits of a quick model ({BUDGET}); ten times as many candidates are screened"
    )
    auto.add_argument("--write", action="store_true", help="write conf/features/NAME_auto.yaml")
    auto.add_argument("--force", action="store_true", help="replace a file of that name")
    auto.add_argument("--json", action="store_true", help="print JSON")
    auto.add_argument("-q", "--quiet", action="store_true", help="no progress")
    auto.add_argument("overrides", nargs="+", metavar="OVERRIDE", help="the experiment, such as +experiment=credit_risk")


def run(args: argparse.Namespace) -> int:
    """Search, print what was tried, and write or print the steps."""
    from runner.cli.screen import screen
    from runner.core.files import json_text
    from runner.core.machine import cores
    from runner.experiment.compose import compose
    from runner.pipeline.auto import ROOMS, auto, check_free, write
    from runner.pipeline.run import Run

    if args.budget < 1:
        raise fault("--budget", f"{args.budget} is no number of fits", "a whole number from 1")
    workspace = here()
    experiment = compose(workspace, args.overrides)
    if args.write:
        check_free(workspace, experiment, args.force)
    with screen(f"{experiment.name}: features", ROOMS, args.quiet) as display:
        found = auto(Run.of(workspace, experiment, experiment.execution.workers or cores(), display), args.budget)
    written = write(workspace, found) if args.write and found.proposal.steps else ""
    if args.json:
        print(json_text(found.as_json() | {"written": written or None}), end="")
        return ExitCode.PASSED
    _show(found, written)
    return ExitCode.PASSED


def _show(found: Proposed, written: str) -> None:
    from rich.text import Text

    from runner.cli.console import console
    from runner.pipeline.auto import told
    from runner.report.words import clean, some

    out, evidence = console(WIDTH), found.proposal.evidence
    searched = f"{some(evidence.screened, 'candidate feature')} screened on {some(evidence.rows, 'training row')}; {evidence.fits} of {evidence.budget:,} fits"
    out.print(Text(searched), soft_wrap=True)
    if evidence.tried:
        out.print(_tried(found))
    if evidence.gain is None:
        out.print(Text("nothing helps again and again: the recipe stays as it is"), soft_wrap=True)
        return
    out.print(Text(f"all together, on folds that no choice was made on: {told(evidence.gain, evidence.measure)}"), soft_wrap=True)
    if not written:
        out.print()
        print(clean(found.text()), end="")
        out.print()
    where = f"written to {written}" if written else "--write puts this into a file"
    take = f"take it with features={found.option} on the line, or in the experiment's defaults: - override /features: {found.option}"
    out.print(Text(f"{where}; {take}"), soft_wrap=True)


def _tried(found: Proposed) -> Any:
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from runner.report.words import clean

    evidence = found.proposal.evidence
    table = Table(title="refitted, in order", title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False, show_edge=False)
    for name in ("", "feature", "kind", f"{evidence.measure} less by", "95% interval", "better in"):
        table.add_column(name, overflow="fold")
    for one in evidence.tried:
        gain = one.gain
        mark = Text("✓ kept", "green") if one.kept else Text("· left", "dim")
        span = f"{gain.low:+.1%} to {gain.high:+.1%}"
        cells = (clean(one.feature.name), one.feature.family, f"{gain.share:+.1%}", span, f"{gain.better} of {gain.fits} folds")
        table.add_row(mark, *map(Text, cells))
    return table
