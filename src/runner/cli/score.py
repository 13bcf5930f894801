"""`score`: a batch file in, one scored row per input row out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from runner.bundle.load import Bundle

MOST_FLAGS = 10
OWN_STORE = Path()


def add_parser(verbs: Any) -> None:
    """Arguments of `score`."""
    parser = verbs.add_parser("score", help="score a batch", description="Score a Parquet or CSV file with a bundle; one output row per input row, in order.")
    parser.add_argument("--bundle", required=True, help="a bundle's folder, or registry:NAME@ALIAS")
    parser.add_argument("--input", required=True, type=Path, help="rows to score, .parquet, or .csv in UTF-8 with commas")
    parser.add_argument("--output", required=True, type=Path, help="where to write, .parquet or .csv; never the input, never inside the bundle")
    store = "count the events of a store, see `history add`; without a file, the bundle's own below .runner/history/"
    parser.add_argument("--store", nargs="?", type=Path, const=OWN_STORE, metavar="FILE", help=store)
    told = parser.add_mutually_exclusive_group()
    told.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    told.add_argument("--json", action="store_true", help="print what was written, and every flag with its rows, as JSON")


def run(args: argparse.Namespace) -> int:
    """Load, score, write whole or not at all, and say what was written."""
    from runner.bundle.load import load
    from runner.cli.bundles import bundle_folder
    from runner.core.faults import FaultsError
    from runner.core.files import json_text
    from runner.deployment.batch import ENDINGS, input_faults, read_rows, write_scores
    from runner.deployment.outputs import output_faults

    folder = bundle_folder(args.bundle)
    wrong = [*input_faults(args.input), *output_faults(args.output, ENDINGS, args.input, {"bundle": folder})]
    if wrong:
        raise FaultsError(wrong)
    bundle = load(folder)
    if args.store is not None:
        bundle = _with_events(bundle, None if args.store == OWN_STORE else args.store)
    scored = bundle.score(read_rows(args.input), str(args.input))
    write_scores(args.output, scored)
    flags = counted(scored)
    flagged = scored.filter(scored["flags"].list.len() > 0).height
    name = str(bundle.manifest["name"])
    if args.json:
        about = {"name": name, "bundle": bundle.digest, "input": str(args.input), "output": str(args.output), "rows": scored.height, "flagged": flagged}
        print(json_text({**about, "flags": [{"flag": flag, "rows": rows} for flag, rows in flags]}), end="")
    elif not args.quiet:
        print("\n".join(_lines(f"by {name} ({bundle.digest[:12]}) into {args.output}", scored.height, flagged, flags)))
    return 0


def _with_events(bundle: Bundle, given: Path | None) -> Bundle:
    from runner.bundle.history.store import Store
    from runner.cli.bundles import store_file

    return bundle.with_events(Store(store_file(given, bundle.digest), bundle, make=False))


def counted(scored: pl.DataFrame) -> list[tuple[str, int]]:
    """Each flag with the rows that bear it, the most common first."""
    from collections import Counter

    found = Counter(scored["flags"].explode().drop_nulls().to_list())
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _lines(what: str, rows: int, flagged: int, flags: list[tuple[str, int]]) -> list[str]:
    from runner.report.words import clean, some

    if not rows:
        return [clean(f"0 rows scored {what}: the input has columns and no rows, and so has the output")]
    head = clean(f"{some(rows, 'row')} scored {what}; {flagged:,} with flags")
    if not flags:
        return [head]
    shown = flags[:MOST_FLAGS]
    width, digits = max(len(clean(flag)) for flag, _ in shown), max(len(f"{count:,}") for _, count in shown)
    table = [f"  {clean(flag):<{width}}  {count:>{digits},}" for flag, count in shown]
    more = len(flags) - len(shown)
    return [f"{head}:", *table, *([f"  and {some(more, 'other flag')}; --json lists all"] if more else [])]
