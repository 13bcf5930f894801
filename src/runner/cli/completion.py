"""`completion`: a script for the shell, and what the script asks for at each key press."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli import VERBS
from runner.cli.workspace import here
from runner.core.faults import FaultsError
from runner.core.workspace import Workspace

if TYPE_CHECKING:
    from runner.experiment.complete import Candidate, Completer

SHELLS = ("bash", "zsh", "fish")
# The shell completes file names itself.
FILES = ":files"
EPILOG = """\
  bash   eval "$(python -m runner completion bash)"             in ~/.bashrc
  zsh    eval "$(python -m runner completion zsh)"              in ~/.zshrc, behind compinit
  fish   python -m runner completion fish | source              in ~/.config/fish/config.fish"""


def add_parser(verbs: Any) -> None:
    """Arguments of `completion`."""
    parser = verbs.add_parser(
        "completion",
        help="completion for a shell",
        description="Print a script that completes verbs, flags, experiments, config groups, keys and values in a shell.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("shell", nargs="?", choices=SHELLS, default="bash", metavar="SHELL", help=", ".join(SHELLS))
    parser.add_argument("--line", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Print the script, or the candidates for a line up to the cursor: word, tab, meaning."""
    if args.line is None:
        print((files("runner.cli") / "completions" / f"runner.{args.shell}").read_text(encoding="utf-8"), end="")
        return 0
    for word, about in candidates(args.line):
        print(f"{word}\t{about}" if about else word)
    return 0


def candidates(line: str) -> list[Candidate]:
    """What could stand at the end of a line, whose command is runner or python -m runner."""
    from runner.experiment.complete import Completer, starting

    *before, prefix = _after_command(split(line))
    completer = Completer(_workspace(), before)
    if not before:
        verbs = [] if prefix.startswith(("-", "+", "~")) else list(VERBS.items())
        return starting([*verbs, *_of_verb(completer, "run", [], prefix)], prefix)
    verb, rest = (before[0], before[1:]) if before[0] in VERBS else ("run", before)
    return starting(_of_verb(completer, verb, rest, prefix), prefix)


def split(line: str) -> list[str]:
    """The words of a line, the last of them unfinished or empty.

    >>> split('runner "+experiment=a b'), split("runner ")
    (['runner', '+experiment=a b'], ['runner', ''])
    """
    for closing in ("", '"', "'"):
        try:
            # The mark tells whether a word is begun at the end.
            words = shlex.split(f"{line}\0{closing}")
        except ValueError:
            continue
        return [*words[:-1], words[-1].replace("\0", "")]
    return [*line.split(), ""]


def _after_command(words: list[str]) -> list[str]:
    if Path(words[0]).name.startswith("python"):
        return words[3:] or [""]
    return words[1:] or [""]


def _workspace() -> Workspace:
    try:
        return here()
    except FaultsError:
        return Workspace(Path.cwd())


def _of_verb(completer: Completer, verb: str, words: Sequence[str], prefix: str) -> list[Candidate]:
    """Flags, and what a verb's own parser expects in the place of the last word."""
    parser = argparse.ArgumentParser(add_help=False)
    import_module(f"runner.cli.{verb}").add_parser(parser.add_subparsers())
    actions: Any = parser
    waiting = [verb, *words]
    places: list[argparse.Action] = []
    while True:
        choice = next((a for a in _actions(actions) if isinstance(a, argparse._SubParsersAction)), None)
        name = next((word for word in waiting if not word.startswith("-")), None)
        if choice is None or name not in choice.choices:
            break
        waiting = waiting[waiting.index(name) + 1 :]
        actions = choice.choices[name]
    flags = {flag: action for action in _actions(actions) for flag in action.option_strings if action.help != argparse.SUPPRESS}
    if waiting and _takes_value(flags.get(waiting[-1])):
        return _expected(completer, flags[waiting[-1]], prefix)
    if prefix.startswith("-"):
        return [(flag, action.help or "") for flag, action in flags.items()]
    places = [action for action in _actions(actions) if not action.option_strings]
    given = sum(not word.startswith("-") and not (i and _takes_value(flags.get(waiting[i - 1]))) for i, word in enumerate(waiting))
    place = places[min(given, len(places) - 1)] if places and (given < len(places) or places[-1].nargs in ("*", "+")) else None
    return _expected(completer, place, prefix) if place is not None else []


def _actions(parser: Any) -> list[argparse.Action]:
    actions: list[argparse.Action] = parser._actions
    return actions


def _takes_value(action: argparse.Action | None) -> bool:
    return action is not None and action.nargs != 0


def _expected(completer: Completer, action: argparse.Action, prefix: str) -> list[Candidate]:
    """What an argument takes, told by its choices, its type, or its name in the help."""
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    if action.type is Path or (action.option_strings and action.type is None and action.metavar != "WHAT"):
        return [(f"{prefix}{FILES}", "")]
    named = {
        "OVERRIDE": lambda: completer.overrides(prefix),
        "KEY": lambda: completer.explainable(prefix),
        "NAME": completer.experiments,
        "WHAT": completer.lists,
    }
    return named[str(action.metavar)]() if action.metavar in named else []
