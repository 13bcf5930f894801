"""`stage`: one room of an adopted experiment; what dvc.yaml calls."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, FaultsError, RefusedError
from runner.core.machine import cores


def add_parser(verbs: Any) -> None:
    """Arguments of `stage`."""
    from runner.pipeline.stages import ROOMS

    parser = verbs.add_parser("stage", help="run one room", description="Run one room of an adopted experiment, as params.yaml declares it.")
    parser.add_argument("room", choices=ROOMS, metavar="ROOM", help=", ".join(ROOMS))
    parser.add_argument("name", metavar="NAME", help="the experiment")
    parser.add_argument("-q", "--quiet", action="store_true")


def run(args: argparse.Namespace) -> int:
    """Run the stage on params.yaml; its outputs are re-used when nothing it depends on has changed."""
    from runner.cli.screen import screen
    from runner.experiment.params import from_params
    from runner.pipeline.acts import after_stage
    from runner.pipeline.dvc import unpinned
    from runner.pipeline.execute import help_along, run_stage
    from runner.pipeline.run import Run, exclusive
    from runner.pipeline.stages import stage_of
    from runner.pipeline.withhold import forget, why_stopped
    from runner.report.words import clean

    workspace = here()
    wrong = unpinned(workspace.root)
    if wrong:
        raise FaultsError(wrong)
    experiment = from_params(workspace, args.name)
    with screen(f"{args.name}: {args.room}", (args.room,), args.quiet) as display:
        current = Run.of(workspace, experiment, experiment.execution.workers or cores(), display)
        with exclusive(current, help_along):
            try:
                run_stage(current, stage_of(args.room))
            except FaultsError as error:
                if not isinstance(error, RefusedError):
                    # Later rooms must not be judged by what an earlier call left.
                    forget(stage_of(args.room), current.folders)
                raise
            finally:
                after_stage(current, args.room)
    for line in [] if args.quiet else why_stopped(args.room, current.folders):
        print(clean(line))
    return ExitCode.PASSED
