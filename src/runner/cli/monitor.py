"""`monitor`: a batch against what a bundle learned from."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

WHOLE_FROM = 1000.0
HUGE_FROM = 1e15
# Wide enough for sentences in a table of five columns.
PIPE_WIDTH = 200


def add_parser(verbs: Any) -> None:
    """Arguments of `monitor`."""
    about = "Compare a Parquet or CSV batch with the reference of a bundle: drift, missing and new values, and what the batch earns."
    parser = verbs.add_parser("monitor", help="compare a batch with what a bundle learned from", description=about)
    parser.add_argument("--bundle", required=True, help="a bundle's folder, or registry:NAME@ALIAS")
    parser.add_argument("--input", required=True, type=Path, help="rows to look at, .parquet or .csv; with the target, payoff is measured")
    parser.add_argument("--monitor", type=Path, help="the bundle's monitor; the folder `monitor` beside the bundle when left out")
    parser.add_argument("--previous", type=Path, help="report (JSON) of the window before: what is suspect twice becomes an alarm")
    parser.add_argument("--output", type=Path, help="where to write the report as JSON; runs/monitoring/ of the workspace, or beside the input, when left out")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of a table")
    parser.add_argument("--fail-on-alarm", action="store_true", help="exit with 3 when there is an alarm")


def run(args: argparse.Namespace) -> int:
    """Score and compare the batch, tell a person, and write the report."""
    from runner.bundle.load import load
    from runner.cli.bundles import bundle_folder
    from runner.core.faults import ExitCode
    from runner.core.files import json_text, read_json, write_text
    from runner.deployment.batch import read_rows
    from runner.monitoring.drift import report

    folder = bundle_folder(args.bundle)
    monitor = args.monitor or folder.parent / "monitor"
    target = _target(args, folder, monitor)
    bundle = load(folder)
    previous = None if args.previous is None else read_json(args.previous, "give the file that `monitor` wrote, or leave it out for the first window")
    found = report(monitor, bundle, read_rows(args.input), str(args.input), previous)
    text = json_text(found)
    write_text(target, text)
    if args.json:
        print(text, end="")
    else:
        _show(found, str(bundle.manifest["name"]))
    # With --json the screen belongs to a program.
    print(f"report written to {_plain(str(target))}", file=sys.stderr if args.json else sys.stdout)
    return ExitCode.REFUSED if args.fail_on_alarm and found["alarms"] else ExitCode.PASSED


def _target(args: argparse.Namespace, folder: Path, monitor: Path) -> Path:
    """Where the report goes. Raises FaultsError with all that is wrong with the paths, before any row is read."""
    from runner.bundle.format import MANIFEST
    from runner.cli.workspace import nearest_workspace
    from runner.core.digests import of_file
    from runner.core.faults import Fault, FaultsError
    from runner.deployment.batch import input_faults
    from runner.deployment.outputs import output_faults
    from runner.monitoring.place import default_report

    wrong = input_faults(args.input)
    if args.previous is not None and not args.previous.is_file():
        hint = "leave it out for the first window"
        wrong.append(Fault("--previous", f"there is no file {args.previous}", "the JSON report of the window before", hint))
    closed = {"bundle": folder, "monitor": monitor}
    if args.output is not None:
        wrong += output_faults(args.output, (), args.input, closed)
    if wrong:
        raise FaultsError(wrong)
    if args.output is not None:
        return Path(args.output)
    workspace, manifest = nearest_workspace(Path.cwd()), folder / MANIFEST
    target = default_report(workspace.root if workspace else None, args.input, of_file(manifest) if manifest.is_file() else "unknown")
    if wrong := output_faults(target, (), args.input, closed, "--output, which was left out"):
        raise FaultsError(wrong)
    return target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target


def _show(found: dict[str, Any], name: str) -> None:
    from rich.table import Table
    from rich.text import Text

    from runner.cli.console import console
    from runner.report.words import some

    out = console(PIPE_WIDTH, highlight=True)
    window, reference = found["window"], found["reference"]
    when = f", {window['from']} to {window['to']}" if window["from"] else ""
    about = f"{some(window['rows'], 'row')}{when} against {some(reference['rows'], 'reference row')} of {name} ({found['bundle'][:12]})"
    out.print(_plain(about), soft_wrap=True)
    if found["alarms"]:
        plural = "" if len(found["alarms"]) == 1 else "S"
        table = Table(title=Text(f"{len(found['alarms'])} ALARM{plural}", "bold red"), title_justify="left")
        for heading in ("cause", "kind", "evidence", "payoff", "next"):
            table.add_column(heading, overflow="fold")
        for alarm in found["alarms"]:
            cells = (alarm["cause"], alarm["kind"], alarm["evidence"], money(alarm["payoff_per_period"]), alarm["suggestion"])
            table.add_row(*(_plain(cell) for cell in cells))
        out.print(table)
    elif found["not_judged"]:
        out.print(Text("no breach of the contract", "yellow"))
    else:
        out.print(Text("no alarm", "green"))
    for line in _lines(found):
        out.print(_plain(line), soft_wrap=True)


def _lines(found: dict[str, Any]) -> list[str]:
    from runner.report.words import some

    estimate = found["estimate"]
    lines = [f"drift was not judged: {found['not_judged']}"] if found["not_judged"] else _judged(found)
    if found["reference"]["why"]:
        lines.append(f"note: {found['reference']['why']}")
    lines.append(f"estimated payoff, on {estimate['on']} of {some(estimate['rows'], 'row')}: {money(estimate['payoff'])}")
    return lines


def _judged(found: dict[str, Any]) -> list[str]:
    from runner.report.words import some

    budget, loss = found["budget"], found["smallest_loss_noticed"]
    lines = [f"suspect, an alarm if the next window shows it too: {text}" for text in found["suspects"]]
    allowed = f"budget {budget['per_year']:g} false alarm{'' if budget['per_year'] == 1 else 's'} a year, {budget['spent']:.3g} spent by this window"
    lines.append(f"watched: {some(found['watched'], 'signal')}; {allowed}")
    what = f" ({loss['column']} moved by {loss['shift_sd']:.2f} sd)" if "column" in loss else ""
    lines.append(f"largest loss that one column can cause unnoticed: {money(loss)}{what}")
    return lines


def money(interval: dict[str, Any]) -> str:
    """An interval for people.

    >>> money({"value": 1.5, "low": 1.0, "high": 2.0, "confidence": 0.95, "unit": "EUR per row"})
    '1.5 EUR per row (1 to 2, 95%)'
    >>> money({"value": 1e308, "low": None, "high": None, "confidence": 0.95, "unit": "EUR", "why": "1 row"})
    '1e+308 EUR (no interval: 1 row)'
    >>> money({"value": None, "low": None, "high": None, "confidence": 0.95, "unit": "EUR", "why": "no rows"})
    'unknown: no rows'
    """
    if interval["value"] is None:
        return f"unknown: {interval['why']}"
    if interval["low"] is None:
        return f"{_number(interval['value'])} {interval['unit']} (no interval: {interval['why']})"
    bounds = f"{_number(interval['low'])} to {_number(interval['high'])}"
    return f"{_number(interval['value'])} {interval['unit']} ({bounds}, {interval['confidence']:.0%})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if WHOLE_FROM <= abs(value) < HUGE_FROM else f"{value:.4g}"


def _plain(text: str) -> Any:
    """Text that the terminal neither reads as markup nor obeys: values may hold control characters."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))
