"""`check`: everything that can be told before a run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, Fault, FaultsError

if TYPE_CHECKING:
    from runner.core.workspace import Workspace
    from runner.experiment.model import Experiment
    from runner.pipeline.check.check import Checked

ABOUT = """\
Check one experiment, or every experiment of conf/experiment/, before anything is run: config and expressions; each declared
source against what is there; whether there is enough to try; the work, and minutes from a quick probe; what a run would reuse.
Writes nothing. Exit codes: 0 fine, 2 config or sources are wrong, 3 too little data for what is declared."""


def add_parser(verbs: Any) -> None:
    """Flags of `check`; everything else on the line is a Hydra override."""
    parser = verbs.add_parser("check", help="check before a run", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-data", action="store_true", help="config and expressions only: no file but conf/ and params.yaml is opened (for pre-commit)")
    parser.add_argument("--no-probe", action="store_true", help="do not time a trial on some of the rows")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("-q", "--quiet", action="store_true", help="print faults only")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as +experiment=credit_risk; every experiment when left out")


def run(args: argparse.Namespace) -> int:
    """Compose, look, and tell; all config faults of all experiments at once."""
    from runner.core.machine import cores
    from runner.pipeline.check.check import check

    workspace = here()
    experiments = _composed(workspace, args.overrides)
    stale = _stale(workspace)
    one = len(experiments) == 1
    checked = [check(workspace, e, e.execution.workers or cores(), data=not args.no_data, probe=one and not args.no_probe) for e in experiments]
    if args.json:
        _print_json(checked, stale)
    else:
        from runner.cli.checked import show

        show(checked, stale, quiet=args.quiet)
    codes = {c.exit_code for c in checked} | ({ExitCode.BAD_INPUT} if stale and args.no_data else set())
    return int(next((code for code in (ExitCode.BAD_INPUT, ExitCode.REFUSED) if code in codes), ExitCode.PASSED))


def _composed(workspace: Workspace, overrides: list[str]) -> list[Experiment]:
    """The chosen experiment, or all of them. Raises FaultsError with the faults of all."""
    from runner.experiment.compose import compose, names
    from runner.experiment.composer import Composer
    from runner.experiment.parse import chosen_experiment

    if chosen_experiment(overrides) is not None:
        return [compose(workspace, overrides)]
    found = names(workspace)
    if not found:
        raise FaultsError([Fault("conf/experiment", "there is no experiment", "a file such as conf/experiment/churn.yaml", "python -m runner init NAME")])
    experiments: list[Experiment] = []
    faults: list[Fault] = []
    composer = Composer(workspace)
    for name in found:
        try:
            experiments.append(compose(workspace, [f"+experiment={name}", *overrides], composer))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(dict.fromkeys(faults))
    return experiments


def _stale(workspace: Workspace) -> list[Fault]:
    """Whether params.yaml is what conf/ composes to; a config that is not adopted yet has no say in it."""
    from runner.experiment.params import reproduce_names, stale

    return stale(workspace) if reproduce_names(workspace) else []


def _print_json(checked: list[Checked], stale: list[Fault]) -> None:
    from runner.core.files import json_text

    print(json_text({"experiments": [c.as_json() for c in checked], "params_yaml": [str(f) for f in stale]}), end="")
