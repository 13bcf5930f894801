"""The command line: one file per verb; verbs parse and print, the rooms do the work."""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType

from runner.core.faults import ExitCode, FaultsError, fault, nearest

VERBS = {
    "run": "run an experiment, or with -m a sweep (the verb may be left out)",
    "check": "check config, sources, feasibility and cost before a run",
    "inventory": "declared sources against what is there",
    "data": "fetch rows of databases and object stores into snapshots; compare two versions of a table",
    "compose": "write params.yaml from conf/, or --check that it is current",
    "stage": "run one room of an adopted experiment; what dvc.yaml calls",
    "score": "score a batch with a bundle",
    "history": "tell a bundle's histories what has happened since its training",
    "monitor": "compare a batch with what a bundle learned from",
    "report": "render the HTML report of a run again",
    "review": "what a change between two Git revisions means, for its reviewer",
    "track": "send run records that the tracking server has not seen",
    "explain": "what may be declared: keys, kinds, config groups, with examples",
    "completion": "print the script that completes all of this in bash, zsh or fish",
    "fit": "from a table to a model in the minutes that you give",
    "init": "from your own file or table to an experiment that runs",
    "features": "search features that make the model better, and write them as config",
    "labels": "labels that are probably wrong, agreement of annotators, what to label next",
    "registry": "add, list, show, promote, roll back or archive bundles",
}
WIDTH = max(map(len, VERBS))
INTERRUPTED = 130
STOPPED = "stopped. Finished folds, trials and stages are kept: the same command continues."
MOST_FAULTS = 50
KEPT = "and run the same command again, finished work is kept"
STORAGE_FAULTS = {
    errno.ENOSPC: ("the disk is full", f"free it {KEPT}"),
    errno.EDQUOT: ("the disk quota is used up", f"free some {KEPT}"),
    errno.EROFS: ("the disk is read-only", "write somewhere else, or have it mounted for writing"),
    errno.EACCES: ("permission denied", "write where you may, or have it permitted"),
    errno.EPERM: ("permission denied", "write where you may, or have it permitted"),
}
# What is written beside a file before it is renamed: people know the file.
SCRATCH = re.compile(r"\.writing-(.+)-[0-9a-f]{8}")
POLARS_PREFIX = re.compile(r"^[^:]*\(os error \d+\): ")

PATH_FAULTS = {
    errno.ENOTDIR: "a file stands where a folder is needed",
    errno.EEXIST: "a file stands where a folder is needed",
    errno.EISDIR: "a folder stands where a file is needed",
    errno.ENAMETOOLONG: "the name is too long",
}

HELP = """\
usage: python -m runner [VERB] [flags] [hydra overrides]

From a declared decision to a monitored model.

  python -m runner +experiment=credit_risk                 run it
  python -m runner +experiment=credit_risk seed=7          explore a change
  python -m runner -m +experiment=credit_risk training/model=linear,trees   sweep

verbs:
{verbs}

flags of run: -m sweep, -q quiet, -h help. `python -m runner VERB -h` explains a verb.
exit codes: 0 passed, 1 bug, 2 bad config or input, 3 refused by the declared contract, 130 interrupted."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code. A person's mistake is told without a traceback; a bug is not hidden."""
    words = list(sys.argv[1:] if argv is None else argv)
    signal.signal(signal.SIGTERM, _terminate)
    code = int(ExitCode.PASSED)
    try:
        code = _answer(words)
        # What is still to be written is part of the answer: a reader that has gone away is met here, not at the exit.
        sys.stdout.flush()
    except FaultsError as error:
        _tell(error)
        code = error.exit_code
    except KeyboardInterrupt as stop:
        # A verb that keeps nothing says so itself.
        return _stopped(str(stop) or STOPPED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        told = _explained(error)
        if not told:
            raise
        print(told, file=sys.stderr)
        code = ExitCode.BAD_INPUT
    return code


def _explained(error: OSError) -> str:
    """What the disk or a path says of itself; empty for what is a bug here."""
    # Polars says in words alone that a file may not be written.
    number = errno.EACCES if error.errno is None and isinstance(error, PermissionError) else error.errno
    at = SCRATCH.sub(r"\1", POLARS_PREFIX.sub("", str(error.filename or error)))
    if number in STORAGE_FAULTS:
        wrong, hint = STORAGE_FAULTS[number]
        return f"{wrong}: {at}\n    next: {hint}"
    return f"{PATH_FAULTS[number]}: {at}\n    next: name another path" if number in PATH_FAULTS else ""


def _answer(words: list[str]) -> int:
    if words[:1] in (["-h"], ["--help"], ["help"]) or (not words):
        print(HELP.format(verbs="\n".join(f"  {name:<{WIDTH}} {what}" for name, what in VERBS.items())))
        return ExitCode.PASSED if words else ExitCode.BAD_INPUT
    if words == ["--version"]:
        from runner import __version__

        print(f"runner {__version__}")
        return ExitCode.PASSED
    return _dispatch(words)


def _dispatch(words: list[str]) -> int:
    verb = words[0] if words[0] in VERBS else "run"
    if verb == "run" and words[0] not in VERBS and not words[0].startswith(("-", "+", "~")) and "=" not in words[0]:
        raise fault("command line", f"{words[0]!r} is neither a verb nor an override", f"one of {', '.join(VERBS)}, or key=value", nearest(words[0], VERBS))
    module = import_module(f"runner.cli.{verb}")
    parser = argparse.ArgumentParser(prog="python -m runner", description=VERBS[verb])
    module.add_parser(parser.add_subparsers(dest="verb", metavar="VERB"))
    rest = words[1:] if words[0] in VERBS else words
    if verb == "run":
        # Its flags take no value: in front of the overrides, they may stand anywhere.
        rest = sorted(rest, key=lambda word: not word.startswith("-"))
    return int(module.run(parser.parse_args([verb, *rest])))


def _tell(error: FaultsError) -> None:
    plural = "" if len(error.faults) == 1 else "s"
    head = f"refused, {len(error.faults)} reason{plural}:" if error.exit_code == ExitCode.REFUSED else f"{len(error.faults)} problem{plural} to mend:"
    # Values from data or config may hold control characters; a terminal must not obey them.
    body = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in "\n".join(map(str, error.faults[:MOST_FAULTS])))
    more = f"\nand {len(error.faults) - MOST_FAULTS:,} more" if len(error.faults) > MOST_FAULTS else ""
    print(f"{head}\n{body}{more}", file=sys.stderr)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stopped(told: str) -> int:
    print(f"\n{told}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # Fits that still run in threads cannot be interrupted; leaving at once loses only their unfinished work.
    os._exit(INTERRUPTED)
