"""`compose`: conf/ to params.yaml."""

from __future__ import annotations

import argparse
from typing import Any

from runner.cli.workspace import here
from runner.core.faults import FaultsError


def add_parser(verbs: Any) -> None:
    """Arguments of `compose`."""
    parser = verbs.add_parser("compose", help="write params.yaml", description="Compose every adopted experiment into params.yaml; a NAME is adopted first.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to adopt: added to conf/reproduce.yaml")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 2 when params.yaml is not what conf/ composes to")


def run(args: argparse.Namespace) -> int:
    """Adopt the names, then write or check params.yaml."""
    from runner.experiment import params
    from runner.experiment.adoption import adoption_faults
    from runner.experiment.compose import compose

    workspace = here()
    if args.check:
        stale = params.stale(workspace)
        if stale:
            raise FaultsError(stale)
        print("params.yaml is current")
        return 0
    for name in args.names:
        # A name is adopted only when it composes: a broken one would break every other experiment's rebuild.
        wrong = adoption_faults(compose(workspace, [f"+experiment={name}"]))
        if wrong:
            raise FaultsError(wrong)
        params.adopt(workspace, name)
    experiments = params.compose_all(workspace)
    params.write(workspace, experiments)
    print(f"params.yaml: {', '.join(e.name for e in experiments)}")
    return 0
