"""`registry`: which bundle serves, which is next, and the way back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here

if TYPE_CHECKING:
    from runner.core.workspace import Workspace
    from runner.deployment.registry import Registry, Version


def add_parser(verbs: Any) -> None:
    """The acts on the registry."""
    parser = verbs.add_parser("registry", help="bundles in the registry", description="Bundles in MLflow's registry: the champion serves, a challenger waits.")
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    add = acts.add_parser("add", help="register a bundle; the same digest twice is one version")
    add.add_argument("name")
    add.add_argument("--bundle", type=Path, required=True)
    add.add_argument("--alias", default="challenger")
    acts.add_parser("list", help="every name and version")
    for act, help_text in (("show", "the versions of a name"), ("rollback", "make the former champion the champion again")):
        acts.add_parser(act, help=help_text).add_argument("name")
    for act, help_text, default in (("promote", "make a version the champion", "challenger"), ("archive", "take a version out of use", None)):
        chosen = acts.add_parser(act, help=help_text)
        chosen.add_argument("name")
        chosen.add_argument("--version", default=default, required=default is None, help="number or alias")
    for act_parser in acts.choices.values():
        act_parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Do the act and print the versions it concerns."""
    from runner.deployment.mlflow_client import reached
    from runner.deployment.registry import Registry
    from runner.experiment.compose import tracking_of

    workspace = here()
    registry = Registry.at(workspace.home, tracking_of(workspace).uri)
    with reached(registry.uri):
        versions = _act(args, workspace, registry)
    if args.json:
        print(json.dumps([v.as_json() for v in versions], indent=2))
    else:
        _table(versions)
    return 0


def _act(args: argparse.Namespace, workspace: Workspace, registry: Registry) -> list[Version]:
    from runner.pipeline.acts import answerable_of

    acts = {
        "add": lambda: [registry.add(args.bundle, args.name, args.alias, answerable_of(workspace, args.bundle))],
        "list": lambda: [v for name in registry.names() for v in registry.versions(name)],
        "show": lambda: [registry.version(args.name, str(v.version)) for v in registry.versions(args.name)] or [registry.version(args.name, "")],
        "promote": lambda: [registry.promote(args.name, args.version)],
        "rollback": lambda: [registry.rollback(args.name)],
        "archive": lambda: [registry.archive(args.name, args.version)],
    }
    return acts[args.act]()


def _table(versions: list[Version]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("name", "version", "aliases", "bundle", "registered", "state"):
        table.add_column(column)
    for v in versions:
        table.add_row(v.name, str(v.version), ", ".join(v.aliases), v.bundle[:12], v.created, "archived" if v.archived else "in use")
    Console().print(table)
