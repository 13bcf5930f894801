"""How many planted leaks the gate finds, and what it says of clean tables.

python -m benchmarks.leakage [--rows 3000] [--tables NAME ...]   writes benchmarks/results/leakage.md, with what was found in other tables before

Every table is looked at as it is, then with one leak planted, once for each kind. Group overlap is the data room's to find
(`data/structure`): it is planted in the rows, and a split that ignores it is looked at.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl

from benchmarks import tables as public
from runner.core.seeds import seed_for
from runner.data.structure import look as structure
from runner.features.leakage.case import Case
from runner.features.leakage.look import look
from runner.features.leakage.power import auc
from runner.features.recipe import outcome_columns
from runner.features.spec import LeakageSpec
from runner.problem.task import Task

KEPT = public.ROOT / ".runner" / "bench" / "leakage"
RESULT = Path(__file__).parent / "results" / "leakage.md"
LEAK, ID, DECIDED = "planted", "planted_id", "decided_at"
NOISY_AUC, LIMIT = 0.97, LeakageSpec().max_single_power
START = datetime(2020, 1, 1)


@dataclass(frozen=True)
class Planted:
    """A case with a leak in the column LEAK; outcome: (n,) the number or the class the leak is about."""

    rows: pl.DataFrame
    time: str | None = None
    identities: tuple[str, ...] = ()
    read: frozenset[str] = frozenset()


def case_of(table: public.Table, rows: int, planted: Callable[[public.Table, pl.DataFrame, np.ndarray], Planted] | None = None) -> Case:
    """At most so many rows of a table, with a leak or without."""
    frame = table.cut(rows)
    labels = sorted(frame[table.target].unique().to_list()) if table.task != "regression" else None
    outcome, _ = outcome_columns(frame[table.target], table.task, labels, table.positive if table.task == "binary" else None)
    bare = frame.drop(table.target)
    # The class that a leak is about: the positive one, or the most common of several.
    about = outcome[:, int(outcome.sum(axis=0).argmax())] if table.task == "multiclass" else outcome[:, 0]
    made = planted(table, bare, about) if planted else Planted(bare)
    hidden = {table.time, table.group, ID, made.time}
    usable = [c for c, kind in made.rows.schema.items() if c not in hidden and (kind.is_numeric() or kind in (pl.String, pl.Boolean))]
    features = [{"name": c, "kind": "categorical" if made.rows.schema[c] == pl.String else "numeric"} for c in usable if made.rows[c].n_unique() > 1]
    identities = tuple(c for c in (table.group, *made.identities) if c)
    return Case(made.rows, features, outcome, table.task, table.target, 0, made.time or table.time or None, identities, made.read)


# ---- what is planted ------------------------------------------------------------------------------------------------------


def exact_copy(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    return Planted(rows.with_columns(pl.Series(LEAK, 3.0 * y + 7.0 if table.task == "regression" else y)))


def noisy_copy(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """The outcome and noise, so that the AUC is 0.97: of the class, of a number whether it is above its median."""
    draw = _draw(table, "noisy")
    ranked = pl.Series(y).rank("average").to_numpy() / len(y) if table.task == "regression" else y
    above, noise = ranked > 0.5 if table.task == "regression" else y > 0.5, draw.normal(size=len(y))
    low, high = 0.0, 10.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if auc(above.astype(float), ranked + middle * noise) > NOISY_AUC else (low, middle)
    return Planted(rows.with_columns(pl.Series(LEAK, ranked + low * noise)))


def post_outcome_timestamp(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """When the case was closed: some days after the decision, later where the outcome is large or came true."""
    draw = _draw(table, "timestamp")
    dated, time = _in_time(table, rows)
    ranked = pl.Series(y).rank("average").to_numpy() / len(y)
    seconds = draw.gamma(4.0, 86_400.0 * (1.0 + 2.0 * ranked))
    closed = dated.with_columns((pl.col(time).cast(pl.Datetime("us")) + pl.duration(seconds=pl.Series("s", seconds.astype(np.int64)))).alias(LEAK))
    return Planted(closed, time, read=frozenset({LEAK}))


def target_mean_per_id(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """Ids of some three rows each, and the mean outcome of each id with the row itself in it."""
    ids = _draw(table, "ids").integers(0, max(2, len(y) // 3), len(y))
    mean = np.bincount(ids, weights=y)[ids] / np.bincount(ids)[ids]
    return Planted(rows.with_columns(pl.Series(ID, ids), pl.Series(LEAK, mean)), identities=(ID,))


def known_only_after(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """What was paid out in the end: nearly nothing but where it came true; of a number the band that it fell into."""
    draw = _draw(table, "after")
    if table.task == "regression":
        return Planted(rows.with_columns(pl.Series(LEAK, np.floor(pl.Series(y).rank("average").to_numpy() / len(y) * 9.99))))
    paid = np.where(draw.random(len(y)) < np.where(y > 0.5, 0.97, 0.02), draw.lognormal(6.0, 1.0, len(y)).round(2), 0.0)
    return Planted(rows.with_columns(pl.Series(LEAK, paid)))


def null_pattern(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """A value that says nothing, written down for one outcome (98%) and hardly for the other (2%)."""
    draw = _draw(table, "null")
    above = y > np.median(y) if table.task == "regression" else y > 0.5
    there = draw.random(len(y)) < np.where(above, 0.98, 0.02)
    values = [float(v) if t else None for v, t in zip(draw.normal(size=len(y)), there, strict=True)]
    return Planted(rows.with_columns(pl.Series(LEAK, values, dtype=pl.Float64)))


def future_window(table: public.Table, rows: pl.DataFrame, y: np.ndarray) -> Planted:
    """The mean outcome of the seven rows from this one on, in the order of time."""
    dated, time = _in_time(table, rows)
    total = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(len(y))
    last = np.minimum(at + 7, len(y))
    return Planted(dated.with_columns(pl.Series(LEAK, (total[last] - total[at]) / (last - at))), time)


KINDS: dict[str, Callable[[public.Table, pl.DataFrame, np.ndarray], Planted]] = {
    "exact copy": exact_copy,
    "noisy copy": noisy_copy,
    "later timestamp": post_outcome_timestamp,
    "mean per id": target_mean_per_id,
    "known after": known_only_after,
    "null pattern": null_pattern,
    "future window": future_window,
}
OVERLAP = "group overlap"


def _draw(table: public.Table, kind: str) -> np.random.Generator:
    return np.random.default_rng(seed_for(0, table.name, kind))


def _in_time(table: public.Table, rows: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    if table.time and rows.schema[table.time].is_temporal():
        return rows, table.time
    return rows.with_columns(pl.Series(DECIDED, [START + timedelta(hours=at) for at in range(rows.height)])), DECIDED


def overlap_found(table: public.Table, rows: int) -> bool:
    """Whether the data room says that a stratified split tears apart rows of one customer: three near copies of each row."""
    frame = table.cut(rows // 3).drop(*([table.group] if table.group else []))
    draw = _draw(table, "overlap")
    customer = np.repeat(np.arange(frame.height), 3)
    copied = frame[customer].with_columns(pl.Series(ID, [f"c{v}" for v in customer]))[draw.permutation(len(customer))].with_row_index("row_id")
    types = {c: _type(kind) for c, kind in copied.schema.items() if c != "row_id"}
    contract = {"columns": {c: {"type": kind, "available": "before_event"} for c, kind in types.items() if kind}}
    labels = tuple(sorted(copied[table.target].unique().to_list())) if table.task != "regression" else None
    task = Task(table.task, table.target, "a row", table.positive if table.task == "binary" else None, labels)
    split = SimpleNamespace(walks_forward=False, group=None, kind="stratified")
    found = structure.look(copied.lazy(), contract, task, split, 0)
    return any(f.kind == "group" for f in found)


def _type(kind: pl.DataType) -> str:
    if kind.is_temporal():
        return "datetime"
    return "float" if kind.is_float() else "int" if kind.is_integer() else "bool" if kind == pl.Boolean else "string"


# ---- the figures ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One table: its columns, what was said of it clean (column, kind, severity), and for each kind whether the leak was found, and stopped."""

    name: str
    task: str
    columns: int
    clean: tuple[tuple[str, str, str], ...]
    found: dict[str, bool]
    stopped: dict[str, bool]


def judged(table: public.Table, rows: int) -> Row:
    clean = case_of(table, rows)
    said = tuple((s.column, s.kind, s.severity) for s in look(clean, LIMIT))
    found, stopped = {}, {}
    for kind, planted in KINDS.items():
        told = [s for s in look(case_of(table, rows, planted), LIMIT) if s.column == LEAK]
        found[kind], stopped[kind] = bool(told), any(s.severity == "stops" for s in told)
    found[OVERLAP] = overlap_found(table, rows)
    return Row(table.name, table.task, len(clean.rows.columns), said, found, stopped)


def kept() -> list[Row]:
    """What was found before, in the order of the tables."""
    files = [KEPT / f"{table.name}.json" for table in public.tables()]
    read = [json.loads(file.read_text()) for file in files if file.exists()]
    return [Row(**{**row, "clean": tuple(map(tuple, row["clean"]))}) for row in read]


def shown(rows: Sequence[Row]) -> str:
    """The result as Markdown."""
    kinds = [*KINDS, OVERLAP]
    total = sum(len(r.found) for r in rows)
    hits = sum(sum(r.found.values()) for r in rows)
    columns = sum(r.columns for r in rows)
    flagged = sum(len({column for column, _, _ in r.clean}) for r in rows)
    halted = sum(any(severity == "stops" for _, _, severity in r.clean) for r in rows)
    lines = [
        "# Planted leaks, and clean tables",
        "",
        "`make bench-leakage` writes this page. `!` found and stopped, `+` found and warned of, `-` missed; group overlap is the data room's finding.",
        "",
        f"- Found: {hits} of {total} planted leaks ({hits / total:.1%}) over {len(rows)} tables.",
        f"- Clean: {flagged} of {columns} columns flagged ({flagged / columns:.2%}), {halted} of {len(rows)} tables stopped.",
        "",
        "| kind | found | stopped |",
        "|---|---|---|",
    ]
    for kind in kinds:
        stopped = f"{sum(r.stopped[kind] for r in rows)}/{len(rows)}" if kind in KINDS else ""
        lines.append(f"| {kind} | {sum(r.found[kind] for r in rows)}/{len(rows)} | {stopped} |")
    lines += ["", f"| table | task | columns | {' | '.join(kinds)} | clean columns flagged |", f"|---|---|---|{'---|' * len(kinds)}---|"]
    for r in rows:
        marks = ["!" if r.stopped.get(kind) else "+" if r.found[kind] else "-" for kind in kinds]
        said = "; ".join(f"{column} ({kind}, {severity})" for column, kind, severity in r.clean)
        lines.append(f"| {r.name} | {r.task} | {r.columns} | {' | '.join(marks)} | {said} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=3_000)
    asked.add_argument("--tables", nargs="*", default=[])
    given = asked.parse_args()
    public.fetch()
    KEPT.mkdir(parents=True, exist_ok=True)
    for table in public.tables(given.tables):
        row = judged(table, given.rows)
        (KEPT / f"{table.name}.json").write_text(json.dumps(asdict(row)))
        missed = [kind for kind, found in row.found.items() if not found]
        print(f"{table.name:20} missed {', '.join(missed) or 'nothing'}; flagged {', '.join(c for c, _, _ in row.clean) or 'nothing'}", flush=True)
    text = shown(kept())
    print(text)
    RESULT.write_text(text)


if __name__ == "__main__":
    main()
