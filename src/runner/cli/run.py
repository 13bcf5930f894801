"""`run`: one experiment through all seven rooms, or a sweep."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, RefusedError
from runner.core.machine import cores
from runner.core.workspace import Workspace


def add_parser(verbs: Any) -> None:
    """Flags of `run`; everything else on the line is a Hydra override."""
    parser = verbs.add_parser("run", help="run an experiment", description="Run an experiment through all seven rooms; overrides follow Hydra's grammar.")
    parser.add_argument("-m", "--multirun", action="store_true", help="sweep over comma-separated values, one job per combination")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the verdict only")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as +experiment=credit_risk training/tuning=quick seed=7")


def run(args: argparse.Namespace) -> int:
    """Compose, run, render the report, track, and print the verdict."""
    workspace = here()
    if args.multirun:
        return _sweep(workspace, args.overrides, args.quiet)
    from runner.cli.screen import screen
    from runner.cli.verdict import show
    from runner.experiment.compose import compose
    from runner.pipeline.acts import finish
    from runner.pipeline.execute import run_all
    from runner.pipeline.run import Run
    from runner.pipeline.stages import ROOMS

    experiment = compose(workspace, args.overrides)
    workers = experiment.execution.workers or cores()
    with screen(experiment.name, ROOMS, args.quiet) as display:
        current = Run.of(workspace, experiment, workers, display)
        if not current.adopted:
            display.say(
                f"exploring, judged out of fold, in {workspace.shown(current.folders.reports.parent)}; to adopt: python -m runner compose {experiment.name}"
            )
        refused = _run_all(run_all, current)
        finish(current, display)
    show(current)
    if refused is not None:
        return int(refused.exit_code)
    return ExitCode.PASSED


def _sweep(workspace: Workspace, overrides: list[str], quiet: bool) -> int:
    """0 when every job could be judged or was refused and at least one has a payoff; 3 when none has; a mistake's own code otherwise."""
    from runner.cli.leaderboard import show
    from runner.pipeline.sweep import sweep

    results = sweep(workspace, overrides)
    show(results, quiet)
    mistakes = [r.exit_code for r in results if r.exit_code not in (ExitCode.PASSED, ExitCode.REFUSED)]
    if mistakes:
        return max(mistakes)
    return ExitCode.PASSED if any(r.objective is not None for r in results) else ExitCode.REFUSED


def _run_all(run_all: Any, current: Any) -> RefusedError | None:
    """A refusal by the deployment gate is a result: the report and the verdict are still shown."""
    try:
        run_all(current)
    except RefusedError as refused:
        if not (current.folders.reports / "evaluation" / "verdict.json").exists():
            raise
        return refused
    return None
