"""`history`: tell a bundle's histories what has happened since the end of its training."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

RAW = argparse.RawDescriptionHelpFormatter
ABOUT = """\
add    count events once each, by their key; an interrupted call is simply repeated
show   how many events and entities the store has"""


def add_parser(verbs: Any) -> None:
    """Subcommands of `history`."""
    parser = verbs.add_parser("history", help="events since the end of a bundle's training", description=ABOUT, formatter_class=RAW)
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    adding = acts.add_parser("add", help="count events", description="Count the events of a file once each; `score --store` uses them.")
    adding.add_argument("--input", required=True, type=Path, help="events with their outcome, .parquet, or .csv in UTF-8 with commas")
    adding.add_argument("--key", nargs="+", default=[], metavar="COLUMN", help="columns that name an event; problem.key when left out")
    showing = acts.add_parser("show", help="what the store has", description="How many events and entities the store has, and the time of the last.")
    for act in (adding, showing):
        act.add_argument("--bundle", required=True, help="a bundle's folder, or registry:NAME@ALIAS")
        act.add_argument("--store", type=Path, help="the store's file; one for each bundle below .runner/history/ when left out")
        act.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Add events, or count them."""
    from runner.bundle.history.store import Store
    from runner.bundle.load import load
    from runner.cli.bundles import bundle_folder, store_file
    from runner.core.faults import FaultsError
    from runner.core.files import json_text
    from runner.deployment.batch import input_faults, read_rows
    from runner.report.words import some

    if args.act == "add" and (wrong := input_faults(args.input)):
        raise FaultsError(wrong)
    bundle = load(bundle_folder(args.bundle))
    store = Store(store_file(args.store, bundle.digest), bundle, make=args.act == "add")
    about: dict[str, Any] = {"store": str(store.path), "bundle": bundle.digest}
    if args.act == "add":
        tomorrow = int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1e6)
        added = store.add(read_rows(args.input), args.key or list(bundle.contract.get("key", [])), str(args.input), tomorrow)
        about |= asdict(added)
        told = f"{added.again:,} there already, {added.before:,} not after the end of training"
        lines = [f"{some(added.new, 'event')} counted in {store.path}; {told}"]
        if added.without:
            lines.append(f"  {some(added.without, 'row')} without a time, an arrival or an entity: no history counts {'it' if added.without == 1 else 'them'}")
        if added.ahead:
            lines.append(f"  {some(added.ahead, 'event')} more than a day ahead of now, counted all the same: look at the times")
    else:
        about |= store.count()
        others = about["events"] - about["counted"]
        beside = f"; {some(others, 'more', 'more')} known by key, that no history counts" if others else ""
        lines = [f"{some(about['counted'], 'event')} counted in {store.path}{beside}"]
        lines += [
            f"  {step}: {some(n['events'], 'event')} of {n['entities']:,} entities, the last at {_moment(n['last_us'])}" for step, n in about["steps"].items()
        ]
    store.close()
    print(json_text(about) if args.json else "\n".join(lines) + "\n", end="")
    return 0


def _moment(us: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).strftime("%Y-%m-%d %H:%M:%S")
