"""`explain`: what may be declared, from the schema itself."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.cli import VERBS
from runner.cli.workspace import here
from runner.core.faults import FaultsError, fault
from runner.core.workspace import Workspace

if TYPE_CHECKING:
    from rich.table import Table

    from runner.experiment.explained import Composed, Library

EPILOG = """\
  python -m runner explain problem.policy                  a key
  python -m runner explain 'features.steps.*.kind'         * stands for a name of your own
  python -m runner explain target_encoding                 a kind, also: step target_encoding
  python -m runner explain training/tuning                 a config group and its options
  python -m runner explain seed +experiment=credit_risk    with its value there, and the file and line that set it"""
INDENT = "  "
FACTS = {"type": "type", "limits": "limits", "left_out": "default", "searched": "searched"}


def add_parser(verbs: Any) -> None:
    """Arguments of `explain`."""
    parser = verbs.add_parser(
        "explain",
        help="what may be declared",
        description="What a key of the config means: type, limits, default, kinds, an example, and where an experiment sets it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="*", metavar="KEY", help="key path, kind, family or group; with +experiment=NAME the values of that experiment")
    parser.add_argument("--list", metavar="WHAT", help="sections, groups, experiments, verbs, or the kinds of a family: candidates, steps, policies, ...")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="write conf/schema.json and conf/schema/ for editors, with the kinds of this workspace's plugins")


def run(args: argparse.Namespace) -> int:
    """Explain what was asked for, list, or write the schema."""
    from runner.experiment.schema_files import load

    workspace = _workspace()
    if args.write:
        return _write(here())
    words = [word for word in args.words if not _is_override(word)]
    overrides = [word for word in args.words if _is_override(word)]
    if overrides and not words:
        raise fault("explain", "no key is given", "a key path such as problem.policy before the overrides", "python -m runner explain lists the sections")
    library = _library(workspace, load(workspace), overrides)
    if args.list:
        _show(library.listed(args.list), args.json)
    elif words:
        _show(library.asked(words), args.json)
    elif args.json:
        _show(library.sections(), as_json=True)
    else:
        _overview(library)
    return 0


def _workspace() -> Workspace:
    """The workspace around the current folder; outside of any, what the package brings is explained."""
    try:
        return here()
    except FaultsError:
        return Workspace(Path.cwd())


def _is_override(word: str) -> bool:
    return "=" in word or word.startswith(("+", "~"))


def _library(workspace: Workspace, reference: Any, overrides: list[str]) -> Library:
    from runner.experiment.examples import ordered, written_in
    from runner.experiment.explained import Library
    from runner.experiment.groups import Groups, conf_folders

    groups = Groups.below(conf_folders(workspace.conf))
    composed = _composed(workspace, overrides) if overrides else None
    chosen = str(composed.values["name"]) if composed else ""
    return Library(reference, groups, list(written_in(groups, ordered(groups, chosen))), VERBS, composed)


def _composed(workspace: Workspace, overrides: list[str]) -> Composed:
    from runner.core.secrets import masked_in
    from runner.experiment.compose import traced
    from runner.experiment.explained import Composed

    experiment, places = traced(workspace, overrides)
    # The environment has been looked up by now, and what is printed must not tell its passwords.
    values = masked_in(experiment.model_dump(mode="json", serialize_as_any=True))
    return Composed(values, {key: place.source for key, place in places.items()})


def _write(workspace: Workspace) -> int:
    from runner.core.files import clear, write_text
    from runner.experiment.schema_files import SETTINGS, files, stale

    texts = files(workspace)
    changed = stale(workspace)
    for path in changed:
        name = workspace.shown(path)
        write_text(path, texts[name]) if name in texts else clear(path)
    settings = workspace.root / SETTINGS
    if not settings.exists():
        write_text(settings, texts[SETTINGS])
        changed.append(settings)
    print("\n".join(map(workspace.shown, changed)) if changed else "conf/schema.json is current")
    return 0


def _show(told: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if told and "name" in told[0]:
        _print(_table([(item["name"], item["about"]) for item in told], bold=True))
        return
    for i, item in enumerate(told):
        if i:
            print()
        _one(item)


def _overview(library: Library) -> None:
    from runner.experiment.reference import plural

    print("What an experiment declares. `python -m runner explain KEY` tells more of a key, a kind or a group.\n")
    _print(_table([(item["name"], item["about"]) for item in library.sections()], bold=True))
    lists = ", ".join([*map(plural, library.reference.families), "groups", "experiments", "verbs", "sections"])
    print(f"\n--list with one of: {lists}")


def _one(told: dict[str, Any]) -> None:
    """One explanation: what it is, what it means, the facts, the keys below it, an example, the experiment's own settings."""
    from rich.text import Text

    _print(Text(_title(told), "bold"))
    if told.get("meaning"):
        _print(Text(told["meaning"]), indent=INDENT)
    facts = list(_facts(told))
    if facts:
        print()
        _print(_table(facts), indent=INDENT)
    for name in ("kinds", "options", "keys"):
        if rows := _rows(told, name):
            print()
            _print(_table(rows, head=("key", "type", "default", "meaning") if name == "keys" else (name.removesuffix("s"), "")), indent=INDENT)
    if "example" in told:
        print(f"\n{INDENT}example, {told['example']['place']}")
        print("\n".join(f"{INDENT * 2}{line}" for line in told["example"]["text"].splitlines()))
    for example in told.get("worked", []):
        _worked(example)
    if "set" in told:
        print(f"\n{INDENT}in this experiment")
        rows = [(s["key"], _short(s["value"]), s["place"] or "default") for s in told["set"]] or [("it is not set", "", "")]
        _print(_table(rows), indent=INDENT * 2)


def _worked(example: dict[str, Any]) -> None:
    """What goes into a step beside what comes out of it, row by row."""
    print(f"\n{INDENT}worked out" + (f": {example['says']}" if example["says"] else ""))
    print("\n".join(f"{INDENT * 2}{line}" for line in example["declared"].splitlines()))
    if example["fitted_on"]:
        print(f"\n{INDENT * 2}fitted on")
        _print(_columns(example["fitted_on"], {}), indent=INDENT * 3)
    print()
    _print(_columns(example["rows"], example["makes"]), indent=INDENT * 2)


def _columns(given: dict[str, list[Any]], made: dict[str, list[Any]]) -> Table:
    """A table of the columns, an arrow before those that are made."""
    from runner.experiment.schema_words import plain

    arrow = ["->"] if made else []
    rows = [tuple("" if value is None else plain(value) for value in row) for row in zip(*given.values(), strict=True)]
    added = [tuple("" if value is None else plain(value) for value in row) for row in zip(*made.values(), strict=True)] or [()] * len(rows)
    return _table([(*row, *arrow, *new) for row, new in zip(rows, added, strict=True)], head=(*given, *arrow, *made))


def _title(told: dict[str, Any]) -> str:
    if "key" in told:
        part = told.get("part")
        return f"{told['key']}   ({part['family']} {part['kind']})" if part else told["key"]
    if "kind" in told:
        return f"{told['family']} {told['kind']}"
    return f"{told['group']} (config group)" if "group" in told else f"{told['family']} (family)"


def _facts(told: dict[str, Any]) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = [(word, str(told[name])) for name, word in FACTS.items() if name in told]
    if told.get("null") and not told["required"] and told["left_out"] != "nothing":
        facts.append(("null", "may stand for no value"))
    facts += [(name.replace("_", " "), "yes" if value else "no") for name, value in told.get("traits", {}).items()]
    if "declared" in told:
        facts.append(("declared", ", ".join(told["declared"])))
    return facts


def _rows(told: dict[str, Any], name: str) -> list[tuple[str, ...]]:
    found = told.get(name)
    if not found:
        return []
    if name == "kinds":
        return [*found.items()]
    if name == "options":
        return [(option["name"], option["about"]) for option in found]
    return [(row["key"], row["type"], row["left_out"], row["meaning"]) for row in found]


def _short(value: Any) -> str:
    from runner.experiment.schema_words import plain

    text = plain(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = (), bold: bool = False) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3, 0, 0))
    for i in range(len(rows[0])):
        table.add_column(no_wrap=i == 0, overflow="fold")
    if head:
        table.add_row(*(Text(word, "dim") for word in head))
    for name, *cells in rows:
        table.add_row(Text(name, "bold" if bold else ""), *map(Text, cells))
    return table


def _print(what: Any, indent: str = "") -> None:
    from rich.padding import Padding

    from runner.cli.console import console

    out = console(160, highlight=True)
    with out.capture() as captured:
        out.print(Padding(what, (0, 0, 0, len(indent)), expand=False), highlight=False)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))
