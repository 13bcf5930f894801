"""`monitor`: a batch against what a bundle learned from."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

WHOLE_FROM = 1000.0


def add_parser(verbs: Any) -> None:
    """Arguments of `monitor`."""
    about = "Compare a Parquet or CSV batch with the reference of a bundle: drift, missing and new values, and what the batch earns."
    parser = verbs.add_parser("monitor", help="compare a batch with what a bundle learned from", description=about)
    parser.add_argument("--bundle", required=True, help="a bundle's folder, or registry:NAME@ALIAS")
    parser.add_argument("--input", required=True, type=Path, help="rows to look at, .parquet or .csv; with the target, payoff is measured")
    parser.add_argument("--monitor", type=Path, help="the bundle's monitor; the folder `monitor` beside the bundle when left out")
    parser.add_argument("--previous", type=Path, help="report (JSON) of the window before: what is suspect twice becomes an alarm")
    parser.add_argument("--output", type=Path, help="where to write the report as JSON")
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

    _check_paths(args)
    folder = bundle_folder(args.bundle)
    bundle = load(folder)
    previous = None if args.previous is None else read_json(args.previous)
    found = report(args.monitor or folder.parent / "monitor", bundle, read_rows(args.input), str(args.input), previous)
    text = json_text(found)
    if args.output is not None:
        write_text(args.output, text)
    if args.json:
        print(text, end="")
    else:
        _show(found, str(bundle.manifest["name"]))
    return ExitCode.REFUSED if args.fail_on_alarm and found["alarms"] else ExitCode.PASSED


def _check_paths(args: argparse.Namespace) -> None:
    from runner.core.faults import fault

    if args.previous is not None and not args.previous.is_file():
        raise fault("--previous", f"there is no file {args.previous}", "the JSON report of the window before", "leave it out for the first window")
    if args.output is not None and args.output.is_dir():
        raise fault("--output", f"{args.output} is a folder", "the name of a JSON file to write")


def _show(found: dict[str, Any], name: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    window, reference = found["window"], found["reference"]
    when = f", {window['from']} to {window['to']}" if window["from"] else ""
    about = f"{window['rows']:,} rows{when} against {reference['rows']:,} reference rows of {name} ({found['bundle'][:12]})"
    console.print(_plain(about), soft_wrap=True)
    if found["alarms"]:
        plural = "" if len(found["alarms"]) == 1 else "S"
        table = Table(title=Text(f"{len(found['alarms'])} ALARM{plural}", "bold red"), title_justify="left")
        for heading in ("cause", "kind", "evidence", "payoff", "next"):
            table.add_column(heading, overflow="fold")
        for alarm in found["alarms"]:
            cells = (alarm["cause"], alarm["kind"], alarm["evidence"], money(alarm["payoff_per_period"]), alarm["suggestion"])
            table.add_row(*(_plain(cell) for cell in cells))
        console.print(table)
    else:
        console.print(Text("no alarm", "green"))
    for line in _lines(found):
        console.print(_plain(line), soft_wrap=True)


def _lines(found: dict[str, Any]) -> list[str]:
    budget, loss, estimate = found["budget"], found["smallest_loss_noticed"], found["estimate"]
    lines = [f"suspect, an alarm if the next window shows it too: {text}" for text in found["suspects"]]
    allowed = f"budget {budget['per_year']:g} false alarms a year, {budget['spent']:.3g} spent by this window"
    lines.append(f"watched: {found['watched']} signals; {allowed}")
    if found["reference"]["why"]:
        lines.append(f"note: {found['reference']['why']}")
    what = f" ({loss['column']} moved by {loss['shift_sd']:.2f} sd)" if "column" in loss else ""
    lines.append(f"largest loss that one column can cause unnoticed: {money(loss)}{what}")
    lines.append(f"estimated payoff, on {estimate['on']} of {estimate['rows']:,} rows: {money(estimate['payoff'])}")
    return lines


def money(interval: dict[str, Any]) -> str:
    """An interval for people.

    >>> money({"value": 1.5, "low": 1.0, "high": 2.0, "confidence": 0.95, "unit": "EUR per row"})
    '1.5 EUR per row (1 to 2, 95%)'
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
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:.4g}"


def _plain(text: str) -> Any:
    """Text that the terminal neither reads as markup nor obeys: values may hold control characters."""
    from rich.text import Text

    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in text))
