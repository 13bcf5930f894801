"""`data diff`: what changed between two versions of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runner.cli.workspace import here
from runner.core.faults import ExitCode, fault

if TYPE_CHECKING:
    from runner.pipeline.versions.difference import Difference
    from runner.pipeline.versions.tables import Version

PIPE_WIDTH = 140
ABOUT = """\
What changed between two versions of a table: columns, rows, and how values are distributed. A and B are files, or with --rev one path
that Git or DVC tracks at a revision and now, or at two revisions. Values of key columns are never shown.
Exit codes: 0 compared, whatever was found; 2 something cannot be read."""


def add_parser(verbs: Any) -> None:
    """Arguments of `data diff`."""
    parser = verbs.add_parser("diff", help="what changed between two versions", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="PATH", help="the version before and the one after; with --rev one path")
    parser.add_argument(
        "--rev", action="append", default=[], metavar="REVISION", help="a branch, tag or commit; given once it is compared with the working tree"
    )
    parser.add_argument("--key", action="append", default=[], metavar="COLUMN", help="a column that names a row; may be given more than once")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(do=run)


def run(args: argparse.Namespace) -> int:
    """Compare and print."""
    from runner.core.files import json_text
    from runner.pipeline.versions.difference import difference

    with TemporaryDirectory(prefix="runner-diff-") as folder:
        found = difference(*_versions(args, Path(folder)), args.key)
    if args.json:
        print(json_text(found.as_json()), end="")
    else:
        show(found)
    return ExitCode.PASSED


def _versions(args: argparse.Namespace, scratch: Path) -> tuple[Version, Version]:
    from runner.pipeline.versions.tables import of_path, of_revisions

    if not args.rev:
        if len(args.paths) != 2:
            raise fault("data diff", f"{len(args.paths)} path{'s' if len(args.paths) != 1 else ''} and no --rev", "two files, or --rev REVISION and one path")
        folders = [scratch / "before", scratch / "after"]
        for folder in folders:
            folder.mkdir()
        before, after = (of_path(Path(path), path, scratch=folder) for path, folder in zip(args.paths, folders, strict=True))
        return before, after
    if len(args.paths) != 1 or len(args.rev) > 2:
        raise fault("data diff --rev", f"{len(args.rev)} revisions and {len(args.paths)} paths", "one or two revisions, and one path")
    return of_revisions(here(), args.rev, args.paths[0], scratch)


def show(found: Difference) -> None:
    """What changed, as a table for a terminal; nothing of the data can act there."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    from runner.cli.console import console
    from runner.report.words import clean, shorten

    out = console(PIPE_WIDTH)
    for name, version, rows in (("before", found.before, found.rows[0]), ("after", found.after, found.rows[1])):
        out.print(Text(f"{name:<7} {clean(version.shown)}: {rows:,} rows, SHA-256 {version.sha256[:12]}"), soft_wrap=True)
    if found.is_none:
        out.print(Text("the same columns and the same rows" + (", in another order of columns" if found.moved_columns else ""), "green"))
        return
    for line in _schema(found):
        out.print(Text(clean(line)), soft_wrap=True)
    for line in _rows(found):
        out.print(Text(clean(line)), soft_wrap=True)
    if not found.columns:
        return
    table = Table(box=SIMPLE, show_edge=False, pad_edge=False, title="distributions, what differs most first", title_justify="left")
    for head in ("", "column", "missing", "before", "after", "distance", "p"):
        table.add_column(head, justify="right" if head in ("distance", "p") else "left", overflow="fold")
    for m in found.columns:
        gaps = f"{m.missing[0]:.1%}" if m.missing[0] == m.missing[1] else f"{m.missing[0]:.1%} to {m.missing[1]:.1%}"
        p = min(p for p in (m.p, m.p_missing) if p is not None)
        cells = (shorten(m.column, 40), gaps, shorten(m.before, 60), shorten(m.after, 60), "" if m.distance is None else f"{m.distance:.3f}", f"{p:.2g}")
        table.add_row(Text("differs" if m.differs else "", "yellow"), *map(Text, cells))
    out.print()
    out.print(table)
    if found.sampled != found.rows:
        out.print(Text(f"distributions from {found.sampled[0]:,} and {found.sampled[1]:,} rows, drawn at random"))


def _schema(found: Difference) -> list[str]:
    lines = [f"columns {word}: {', '.join(names)}" for word, names in (("added", found.added), ("removed", found.removed)) if names]
    lines += [f"type changed: {name}, {old} to {new}" for name, (old, new) in found.retyped.items()]
    return lines + (["the common columns stand in another order"] if found.moved_columns else [])


def _rows(found: Difference) -> list[str]:
    by = f"by {', '.join(found.key)}" if found.key else "whole rows"
    changed = "" if found.changed is None else f", {found.changed:,} of them changed"
    lines = [f"rows, {by}: {found.new:,} added, {found.gone:,} removed, {found.kept:,} in both{changed}"]
    if found.by_column:
        most = ", ".join(f"{name} in {n:,}" for name, n in list(found.by_column.items())[:12])
        lines.append(f"changed columns{'' if found.looked_at == found.changed else f' ({found.looked_at:,} rows looked at)'}: {most}")
    return lines
