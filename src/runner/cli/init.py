"""`init`: from a person's own file or table to an experiment that runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.core.workspace import Workspace
    from runner.proposal.intake import Intake
    from runner.proposal.propose import Proposal

ABOUT = """\
Look at a table, propose a whole experiment and write it, commented, to conf/experiment/NAME.yaml.
It runs at once: python -m runner +experiment=NAME. What only a person can answer (what a decision is
worth, who answers for it, what must be beaten) is asked on a terminal; what stays open is marked ASK in
the file and blocks promotion, not exploration. In a folder that is no workspace yet, init makes it one;
without NAME it does that alone.
"""
STOPPED = "stopped. Nothing was written."
MANY_COLUMNS = 100  # from here on a person waits long enough to wonder
EXAMPLES = """\
examples:
  python -m runner init churn --data customers.csv --target churned
  python -m runner init churn --data sqlite:///shop.db --table customers --target churned
  python -m runner init churn --data customers.csv --target churned --time none --after-event closing_reason \\
      --unit EUR --right 60 --wrong 10 --owner "head of retention" --approver "compliance officer" --minimum-gain 0.5
"""


def add_parser(verbs: Any) -> None:
    """Arguments of `init`."""
    parser = verbs.add_parser(
        "init", help="from a table to an experiment", description=ABOUT, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="the experiment: small letters, digits and underscores")
    parser.add_argument("--data", metavar="FILE", help="a .csv or .parquet file, an SQLite file, or sqlite:///FILE")
    parser.add_argument("--table", help="the table of a database; may be left out where there is one")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument("--force", action="store_true", help="replace an experiment or a raw file of that name")
    parser.add_argument("--git", action="store_true", help="make a new workspace a Git repository")
    parser.add_argument("--no-input", action="store_true", help="ask nothing, even on a terminal")
    guesses = parser.add_argument_group("in place of a guess")
    guesses.add_argument("--task", choices=("binary", "multiclass", "regression"))
    guesses.add_argument("--positive", metavar="LABEL", help="the label that is looked for")
    guesses.add_argument("--time", metavar="COLUMN", help="the moment of decision, or none for no order in time")
    guesses.add_argument("--key", metavar="COLUMN", help="what names a row")
    guesses.add_argument("--after-event", metavar="COLUMN", action="append", default=[], help="known only after the outcome; may be repeated")
    answers = parser.add_argument_group("what only a person can answer")
    answers.add_argument("--decision", metavar="TEXT", help="the decision in a sentence")
    answers.add_argument("--unit", help="of all values, such as EUR")
    answers.add_argument("--right", type=float, metavar="VALUE", help="what a right action is worth")
    answers.add_argument("--wrong", type=float, metavar="VALUE", help="what a wrong one costs; in a regression, what an error of one costs")
    answers.add_argument("--minimum-gain", type=float, metavar="VALUE", help="what a model must earn per row to be worth having")
    answers.add_argument("--owner", metavar="WHO", help="who answers for the decision")
    answers.add_argument("--approver", metavar="WHO", action="append", default=[], help="who has to agree before promotion; may be repeated")


def run(args: argparse.Namespace) -> int:
    """Ask what is missing, propose, write, and say what comes next. Nothing is written when something is wrong."""
    from runner.cli.workspace import nearest_workspace
    from runner.core.workspace import Workspace
    from runner.pipeline import setup

    found = nearest_workspace(Path.cwd())
    workspace = found or Workspace(Path.cwd())
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not args.no_input
    if args.name is None and args.data is None and args.target is None:
        return _only_a_workspace(workspace, found is not None, args.git)
    with _nothing_written_yet():
        intake, proposal = _proposal(workspace, args, asks)
        setup.rehearse(workspace, intake, proposal)
    if found is None:
        git = args.git or (asks and not setup.in_git(workspace.root) and _agreed("make this folder a Git repository?"))
        _say("workspace", _made(setup.set_up(workspace.root, git)))
    setup.add(workspace, intake, proposal)
    _tell(workspace, intake, proposal)
    return 0


@contextmanager
def _nothing_written_yet() -> Iterator[None]:
    """An interrupt in here has a message of its own."""
    from polars.exceptions import PanicException

    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(STOPPED) from None
    except PanicException as error:
        # Ctrl-C in the midst of a query reaches Python as a panic of the query's own.
        if "interrupt" not in str(error).casefold():
            raise
        raise KeyboardInterrupt(STOPPED) from None


def _progress(done: int, total: int) -> None:
    """How many columns are read, on a line of a terminal that is written over and cleared at the end."""
    if sys.stderr.isatty() and total >= MANY_COLUMNS:
        told = f"reading column {done:,} of {total:,}" if done < total else "looking for what tells the outcome"
        print(f"\r\x1b[K{told}", end="", file=sys.stderr, flush=True)


def _clear_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _only_a_workspace(workspace: Workspace, is_one: bool, git: bool) -> int:
    from runner.core.faults import fault
    from runner.pipeline.setup import set_up

    if is_one:
        raise fault("NAME", f"{workspace.root} is a workspace already", "a name and a table to begin an experiment with", "python -m runner init -h")
    _say("workspace", _made(set_up(workspace.root, git)))
    _say("next", "python -m runner init NAME --data FILE --target COLUMN")
    return 0


def _proposal(workspace: Workspace, args: argparse.Namespace, asks: bool) -> tuple[Intake, Proposal]:
    from runner.cli import asking
    from runner.core.faults import FaultsError
    from runner.pipeline.setup import check_free
    from runner.proposal.intake import take_in
    from runner.proposal.propose import propose
    from runner.proposal.table import table_of

    missing = asking.complete(args, asks)
    if missing:
        raise FaultsError(missing)
    check_free(workspace, args.name, args.force)
    intake = take_in(workspace, args.data, args.table, args.force)
    try:
        table = table_of(intake.source, intake.rows, _progress)
        columns = intake.rows.columns
        if asks:
            _clear_progress()
        asked = asking.answers(args, table, columns) if asks else asking.given(args)
        return intake, propose(table, asked, columns)
    finally:
        _clear_progress()


def _agreed(question: str) -> bool:
    from runner.cli.asking import ask

    return ask(f"{question} [y/N]").casefold() in ("y", "yes")


def _made(names: list[str]) -> str:
    tops = list(dict.fromkeys(name.partition("/")[0] + ("/" if "/" in name else "") for name in names))
    return f"made here: {', '.join(tops)}" if tops else "nothing was missing"


def _tell(workspace: Workspace, intake: Intake, proposal: Proposal) -> None:
    for line in (*intake.said, *proposal.notes):
        _say("note", line)
    _say("found", proposal.found)
    _say("written", f"conf/experiment/{proposal.name}.yaml")
    if proposal.questions:
        _say("open", "they block promotion, not exploration; answer them in the file:")
        for name, question in proposal.questions.items():
            _say("", f"{name}: {question}")
    _say("next", f"python -m runner +experiment={proposal.name}")


def _say(about: str, line: str) -> None:
    # Names and values of a file may hold control characters; a terminal must not obey them.
    print(f"{about:<10} {''.join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)}")
