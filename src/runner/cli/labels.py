"""`labels`: labels that are probably wrong, how far annotators agree, and what to label next."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, fault

if TYPE_CHECKING:
    from rich.table import Table

    from runner.pipeline.labels.review import Review

PIPE_WIDTH = 160
SHOWN = 10
RAW = argparse.RawDescriptionHelpFormatter
ABOUT = """\
review     list training labels that are probably wrong, the most money first, in a CSV file for a reviewer
agreement  how far annotators agree, and how good each is
next       the rows whose next label is expected to earn most"""
LOOK = "Judge the training labels by out-of-fold predictions; the test stays sealed."
AHEAD = "The rows whose next label is expected to earn most; annotated rows of the test are left out."
NEXT_STEP = "fill in `verdict` (keep, change or drop), save it below data/raw/, and declare it as data.label.corrections"
MARKS = {"serious": ("✗ serious", "bold red"), "warned": ("! warned", "yellow"), "info": ("i info", "dim")}


def add_parser(verbs: Any) -> None:
    """Subcommands of `labels`."""
    parser = verbs.add_parser("labels", help="review labels, and plan the work of annotators", description=ABOUT, formatter_class=RAW)
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    looked = acts.add_parser("review", help="labels that are probably wrong", description=LOOK)
    looked.add_argument("--output", type=Path, metavar="FILE", help="the CSV file to write; label_review.csv beside the run's data report when left out")
    looked.add_argument("--top", type=int, default=200, metavar="N", help="most rows in the file (200)")
    agreed = acts.add_parser("agreement", help="how far annotators agree", description="Krippendorff's alpha, and how good each annotator is.")
    ahead = acts.add_parser("next", help="what to label next", description=AHEAD)
    ahead.add_argument("--top", type=int, default=20, metavar="N", help="most rows to show (20)")
    for act in (looked, agreed, ahead):
        act.add_argument("--json", action="store_true", help="print JSON")
        act.add_argument("overrides", nargs="+", metavar="OVERRIDE", help="the experiment, such as +experiment=credit_risk")


def run(args: argparse.Namespace) -> int:
    """Do what was asked for and print it."""
    from runner.core.files import json_text
    from runner.experiment.compose import compose

    if getattr(args, "top", 1) < 1:
        raise fault("--top", f"{args.top} is no number of rows", "a whole number from 1")
    workspace = here()
    experiment = compose(workspace, args.overrides)
    if args.act == "review":
        from runner.pipeline.labels.review import review

        if args.output is not None and args.output.is_dir():
            raise fault("--output", f"{args.output} is a folder", "a CSV file to write")
        reviewed = review(workspace, experiment, args.output, args.top)
        print(json_text(reviewed.as_json()), end="") if args.json else _show_review(reviewed)
        return ExitCode.PASSED
    from runner.pipeline.labels.annotators import agreement, next_rows

    if args.act == "agreement":
        told = agreement(workspace, experiment)
        print(json_text(told), end="") if args.json else _show_agreement(told)
        return ExitCode.PASSED
    found = next_rows(workspace, experiment, args.top)
    print(json_text(found.as_json()), end="") if args.json else _show_next(found)
    return ExitCode.PASSED


def _show_review(found: Review) -> None:
    from rich.text import Text

    from runner.cli.console import console
    from runner.report.words import clean, some

    out = console(PIPE_WIDTH)
    by = f"{some(found.judged, 'training label')} judged by out-of-fold predictions of {found.candidate}; the test stays sealed"
    out.print(Text(clean(by)), soft_wrap=True)
    if found.not_judged:
        out.print(Text(f"{some(found.not_judged, 'row')} of the first block have no such prediction and are not judged", "yellow"), soft_wrap=True)
    if found.reviewed:
        out.print(Text(f"{some(found.reviewed, 'row')} with a declared verdict are not listed again"), soft_wrap=True)
    out.print(_findings(found))
    for why in dict.fromkeys(rate["why"] for rate in found.rates if rate["why"]):
        out.print(Text(f"note: {clean(why)}", "dim"), soft_wrap=True)
    if found.table.height:
        out.print()
        title = f"the {min(SHOWN, found.table.height)} most worth a look, of {found.table.height:,}; payoffs in {found.unit}"
        out.print(_rows(title, found.table.head(SHOWN), found.key))
    wrote = f"written to {found.path}: {NEXT_STEP}" if found.table.height else f"written to {found.path}, without rows"
    out.print(Text(clean(wrote)), soft_wrap=True)


def _findings(found: Review) -> Table:
    from rich.text import Text

    from runner.report.numbers import figure
    from runner.report.words import clean

    table = _table("findings", "", "finding", "evidence", "money")
    for one in found.findings:
        word, tone = MARKS[one["severity"]]
        money = "" if one["money"] is None else f"{figure(one['money']['value'])} {one['money']['unit']}"
        table.add_row(Text(word, tone), Text(clean(one["what"])), Text(clean(one["evidence"])), Text(clean(money)))
    return table


def _rows(title: str, rows: Any, key: tuple[str, ...]) -> Table:
    from rich.text import Text

    from runner.report.numbers import figure
    from runner.report.words import clean

    names = [name for name in rows.columns if name not in ("verdict", "new_label", "reviewer", "comment")]
    table = _table(title, *(name.replace("_", " ") if name not in key else name for name in names))
    for row in rows.select(names).iter_rows():
        table.add_row(*(Text(clean("" if value is None else figure(value) if isinstance(value, float) else str(value))) for value in row))
    return table


def _show_agreement(told: dict[str, Any]) -> None:
    from rich.text import Text

    from runner.cli.console import console
    from runner.report.words import clean, some

    out, alpha = console(PIPE_WIDTH), told["alpha"]
    about = f"{told['experiment']}: {some(told['annotations'], 'label')} of {some(told['items'], 'row')}, {told['items_with_two']:,} of them by two or more"
    out.print(Text(clean(about)), soft_wrap=True)
    span = "" if alpha.get("low") is None else f" ({alpha['low']:.2f} to {alpha['high']:.2f}, {alpha['confidence']:.0%})"
    value = f"unknown: {alpha['why']}" if alpha["value"] is None else f"{alpha['value']:.2f}{span}; 0.8 is good, below 0.667 nothing should be concluded"
    out.print(Text(f"agreement, Krippendorff's alpha: {value}"), soft_wrap=True)
    table = _table("annotators, the most informative first", "annotator", "labels", "right", "bits a label", "most common mistake")
    for one in told["annotators"]:
        often = one["most_often"]
        mistake = "" if often is None else f"{often['says']} for {often['for']}, {often['share']:.0%}"
        cells = (one["annotator"], f"{one['labels']:,}", f"{one['accuracy']:.1%}", f"{one['information']:.2f}", mistake)
        table.add_row(*(Text(clean(cell)) for cell in cells))
    out.print(table)


def _show_next(found: Any) -> None:
    from rich.text import Text

    from runner.cli.console import console
    from runner.report.words import clean, some

    out = console(PIPE_WIDTH)
    whose = f"probabilities of {found.model}" if found.model else "no run yet, so that no row is sealed: shares of the labels"
    by = f"{whose}, with what annotators said"
    out.print(Text(clean(f"chosen from {some(found.considered, 'row')}; {by}")), soft_wrap=True)
    if found.sealed:
        out.print(Text(f"{some(found.sealed, 'annotated row')} outside the training rows are left out: the test stays sealed"), soft_wrap=True)
    out.print(_rows(f"label these next; payoffs in {found.unit}", found.rows, found.key))


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
