"""What is looked at, and what is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from runner.core.seeds import seed_for
from runner.data.enforce import ROW_ID
from runner.data.splits.groups import codes_of
from runner.data.structure.measures import Alike, measured, moves, together
from runner.problem.task import Task

SAMPLE, GATHERED = 20_000, 10_000
FEWEST_ROWS, FEWEST_MOMENTS = 100, 20
FEWEST_GROUPS, FEWEST_UNNAMED = 10, 30
LEAST_SIZE, MOST_UNNAMED_SIZE = 1.1, 200.0
TRIED, MOST_GROUPS, MOST_COLUMNS = 2_000, 8, 100
SURE_P, SURE_ERRORS = 0.001, 8.0
OUTCOME_MOVES, COLUMN_MOVES = 0.005, 0.05
OUTCOME_SHARED, COLUMN_SHARED, COLUMN_SAME = 0.05, 0.3, 0.8
# From here on the outcome alone says that a column of codes names somebody, whatever the column is called.
PLAIN_SHARED, PLAIN_ERRORS, PLAIN_GROUPS, PLAIN_SIZE, CODES = 0.4, 10.0, 50, 20.0, 0.95
IDENTITY = frozenset(
    {"id", "ids", "uuid", "guid", "key", "uid", "identifier", "customer", "cust", "client", "patient", "account", "acct"}
    | {"user", "member", "subscriber", "person", "household"}
)
THINGS = frozenset(
    {"zip", "zipcode", "postcode", "postal", "plz", "city", "town", "place", "location", "region", "area", "district", "country", "state", "street"}
    | {"store", "shop", "branch", "site", "hotel", "product", "item", "article", "sku", "model", "make", "brand", "category", "type", "class", "code"}
    | {"airport", "route", "flight", "carrier", "airline", "station", "agent", "company", "supplier", "vendor", "department", "industry", "job"}
)
"""Words for what comes again in rows to come: such a column may explain the outcome and be no group."""
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
AT = "__runner_at"


@dataclass(frozen=True)
class Structure:
    """One finding. kind and column: what the rows are ordered or grouped by; what, evidence: for people; rows: how many it touches;
    figures: the measures by column; proposal: the split's kind and keys that keep to it."""

    kind: Literal["time", "order", "group"]
    column: str
    severity: Literal["info", "warned", "serious"]
    what: str
    evidence: str
    rows: int
    figures: Mapping[str, Alike]


def look(rows: pl.LazyFrame, contract: Mapping[str, Any], task: Task, split: Any, seed: int) -> list[Structure]:
    """Structure in the rows that a split ignores; the same for the same rows and seed, however they are read.

    rows: row_id, ascending, and the contract's columns, labels as text; at most SAMPLE of them and the rows of some groups are
    held; contract: as in contract.json; split: the spec of a registered split.
    """
    n = int(rows.select(pl.len()).collect(engine="streaming").item())
    if n < FEWEST_ROWS:
        return []
    types = _looked_at(rows, contract, task)
    rows = rows.select(ROW_ID, *types, *(name for name in [getattr(split, "group", None)] if name and name not in types))
    sample = _sampled(rows, n, seed_for(seed, "data", "structure", "rows"))
    columns = _measured(sample, types, contract, task)
    if task.target not in columns:
        return []
    found: list[Structure] = []
    if not split.walks_forward:
        found += _in_time(sample, columns, types, task, n)
    groups = [
        _group(rows, sample, name, types, contract, task, split, seed_for(seed, "data", "structure", name), n)
        for name in _candidates(rows, sample, types, task, split)
    ]
    return [*found, *_own([group for group in groups if group is not None])]


def _looked_at(rows: pl.LazyFrame, contract: Mapping[str, Any], task: Task) -> dict[str, str]:
    """Column to type, at most MOST_COLUMNS of them: the outcome, moments and what may name somebody first, then in the contract's order."""
    there = set(rows.collect_schema().names())
    types = {name: str(column["type"]) for name, column in contract["columns"].items() if name in there}
    order = sorted(types, key=lambda name: (name != task.target, types[name] not in ("date", "datetime"), not _named(name, task)))
    return {name: types[name] for name in types if name in set(order[:MOST_COLUMNS])}


def _sampled(rows: pl.LazyFrame, n: int, seed: int) -> pl.DataFrame:
    """Rows drawn without replacement, in their order."""
    if n <= SAMPLE:
        return rows.collect(engine="streaming").sort(ROW_ID)
    chosen = pl.Series(np.random.default_rng(seed).choice(n, SAMPLE, replace=False).astype(np.uint32))
    return rows.with_row_index(AT).filter(pl.col(AT).is_in(chosen.implode())).drop(AT).collect(engine="streaming").sort(ROW_ID)


def _measured(rows: pl.DataFrame, types: Mapping[str, str], contract: Mapping[str, Any], task: Task) -> dict[str, np.ndarray]:
    """What is compared: the outcome, and the columns known at the decision. Keys and what comes after the event say nothing of their own."""
    kept = [name for name in types if name == task.target or (contract["columns"][name].get("available") != "after_event" and name not in task.key)]
    made = {name: measured(rows[name]) for name in kept}
    return {name: z for name, z in made.items() if z is not None}


# ---- time and order --------------------------------------------------------------------------------------------------


def _in_time(rows: pl.DataFrame, columns: Mapping[str, np.ndarray], types: Mapping[str, str], task: Task, n: int) -> Iterator[Structure]:
    """Columns of moments along which the outcome or other columns move; the order of the rows where no column explains it."""
    explained = False
    for name, kind in types.items():
        if kind not in ("date", "datetime") or rows[name].n_unique() < FEWEST_MOMENTS or rows[name].null_count() > rows.height // 2:
            continue
        known = rows[name].is_not_null().to_numpy()
        order = np.argsort(rows[name].filter(pl.Series(known)).to_physical().to_numpy(), kind="stable")
        figures = {other: moves(z[known][order]) for other, z in columns.items() if other != name and types[other] not in ("date", "datetime")}
        moved = _moved(figures, task.target)
        if moved:
            outcome = _sure(figures[task.target], OUTCOME_MOVES)
            explained = explained or outcome
            yield Structure("time", name, "serious" if outcome else "warned", f"the rows move along {name}", moved, n, figures)
    figures = {task.target: moves(columns[task.target])}
    if explained or not _sure(figures[task.target], OUTCOME_MOVES):
        return
    if _is_sorted(rows[task.target]):
        told = f"{task.target} stands in order; that tells nothing of time"
        yield Structure("order", "", "info", "the file is sorted by the outcome", told, n, figures)
    else:
        yield Structure("order", "", "serious", "the outcome moves with the order of the rows", _moved(figures, task.target), n, figures)


def _sure(alike: Alike, least: float) -> bool:
    return alike.p < SURE_P and alike.share >= least


def _moved(figures: Mapping[str, Alike], target: str) -> str:
    """A sentence of what moves; empty where nothing surely does. Corrected for the number of columns."""
    sure = {name: a for name, a in figures.items() if a.p * len(figures) < SURE_P and a.share >= (OUTCOME_MOVES if name == target else COLUMN_MOVES)}
    if not sure:
        return ""
    others = sorted((name for name in sure if name != target), key=lambda name: -sure[name].share)
    told = [f"{target}: {sure[target].share:.1%} of its variance lies between blocks of rows"] if target in sure else [f"{target} itself does not surely move"]
    return "; ".join([*told, *(f"{name}: {sure[name].share:.1%}" for name in others[:3])])


def _is_sorted(target: pl.Series) -> bool:
    """Whether the outcome stands in order: each label in one piece, or numbers that only rise or fall."""
    if target.dtype == pl.String:
        return int((target != target.shift()).sum()) < 2 * target.n_unique()
    return target.is_sorted() or target.is_sorted(descending=True)


# ---- groups ----------------------------------------------------------------------------------------------------------


def says_identity(name: str) -> bool:
    """Whether a column's name says that it names somebody or something.

    >>> says_identity("customerID"), says_identity("patient_no"), says_identity("paid"), says_identity("age")
    (True, True, False, False)
    """
    return any(word.lower() in IDENTITY for word in WORD.findall(name))


def says_thing(name: str) -> bool:
    """Whether a column's name says that it names a place or a thing, which the next rows will know too.

    >>> says_thing("product_no"), says_thing("ZipCode"), says_thing("who")
    (True, True, False)
    """
    return any(word.lower() in THINGS for word in WORD.findall(name))


def _plainly(name: str, gathered: pl.DataFrame, outcome: Alike | None, sizes: np.ndarray) -> bool:
    """Whether codes of many values, each with few rows, share so much of the outcome that they can hardly be a category."""
    if outcome is None or outcome.share < PLAIN_SHARED or outcome.errors < PLAIN_ERRORS or says_thing(name):
        return False
    values = gathered[name].unique()
    is_code = values.dtype != pl.String or float(values.str.contains(r"^\S*\d\S*$").mean() or 0.0) >= CODES  # type: ignore[arg-type]  # a share
    return is_code and len(sizes) >= PLAIN_GROUPS and float(sizes.mean()) <= PLAIN_SIZE


def _own(found: list[Structure]) -> list[Structure]:
    """Without columns whose rows are alike only because a surer group has the same value in all its rows."""
    told = {name for s in found if s.severity == "serious" for name, alike in s.figures.items() if alike.share >= COLUMN_SAME}
    return [s for s in found if s.severity == "serious" or s.column not in told]


def _candidates(rows: pl.LazyFrame, sample: pl.DataFrame, types: Mapping[str, str], task: Task, split: Any) -> list[str]:
    """Columns whose values come again, often enough and not too often; those whose name says so first."""
    tried = {}
    for name, kind in types.items():
        if kind in ("int", "string") and name not in (task.target, getattr(split, "group", None)):
            values = sample[name].drop_nulls().head(TRIED).unique()
            if values.len() >= (FEWEST_GROUPS if _named(name, task) else FEWEST_UNNAMED):
                tried[name] = values
    if not tried:
        return []
    # A random row lies in a large group more often than in a small one: what it meets is what a test row would meet.
    counted = rows.select(pl.col(name).is_in(values.implode()).sum() for name, values in tried.items()).collect(engine="streaming").row(0, named=True)
    size = {name: counted[name] / values.len() for name, values in tried.items()}
    fit = [name for name in tried if size[name] >= LEAST_SIZE and (_named(name, task) or size[name] <= MOST_UNNAMED_SIZE)]
    return sorted(fit, key=lambda name: (not _named(name, task), size[name]))[:MOST_GROUPS]


def _named(name: str, task: Task) -> bool:
    return name in task.key or says_identity(name)


def _group(
    rows: pl.LazyFrame, sample: pl.DataFrame, name: str, types: Mapping[str, str], contract: Mapping[str, Any], task: Task, split: Any, seed: int, n: int
) -> Structure | None:
    """A finding where rows of one value are alike beyond those of neighbouring values."""
    gathered = _gathered(rows, sample, name)
    whole = getattr(split, "group", None)
    if gathered.height < FEWEST_ROWS or (whole is not None and _is_nested(gathered, name, whole)):
        return None
    columns = {other: z for other, z in _measured(gathered, types, contract, task).items() if other != name}
    figures = together(codes_of(gathered[name]), columns, seed)
    shared = {other: a for other, a in figures.items() if a.errors >= SURE_ERRORS and a.share >= (OUTCOME_SHARED if other == task.target else COLUMN_SHARED)}
    same = [other for other in shared if other != task.target and shared[other].share >= COLUMN_SAME]
    compared = [other for other in figures if other != task.target]
    sizes = gathered.group_by(name).len()["len"].to_numpy()
    is_group = _named(name, task) or (len(same) >= 3 and len(same) >= len(compared) / 2) or _plainly(name, gathered, shared.get(task.target), sizes)
    if not shared or (not is_group and task.target not in shared):
        return None
    severity: Literal["info", "warned", "serious"] = "info" if split.walks_forward else "serious" if is_group else "warned"
    told = [f"{other} (intraclass correlation {a.share:.2f}, {a.errors:.0f} standard errors from chance)" for other, a in _first(shared, task.target)]
    met = float((sizes * (1 - 0.2 ** (sizes - 1.0))).sum() / sizes.sum())
    evidence = f"rows with the same {name} share {', '.join(told)}; of a random fifth of the rows {met:.0%} would meet their {name} among the others"
    return Structure("group", name, severity, f"rows of one {name} are alike", evidence, n, figures)


def _first(shared: Mapping[str, Alike], target: str) -> list[tuple[str, Alike]]:
    """The outcome, then the columns that are most alike."""
    return sorted(shared.items(), key=lambda item: (item[0] != target, -item[1].share))[:4]


def _gathered(rows: pl.LazyFrame, sample: pl.DataFrame, name: str) -> pl.DataFrame:
    """All rows of some groups, GATHERED or a few more of them; the groups are those of the first rows of the sample."""
    values = sample[name].drop_nulls().head(TRIED).unique(maintain_order=True)
    counts = rows.filter(pl.col(name).is_in(values.implode())).group_by(name).len().collect(engine="streaming")
    known = values.to_frame().join(counts, on=name, how="left", maintain_order="left")
    kept = known.filter(pl.col("len").cum_sum() - pl.col("len") < GATHERED)[name]
    return rows.filter(pl.col(name).is_in(kept.implode())).collect(engine="streaming").sort(ROW_ID)


def _is_nested(rows: pl.DataFrame, name: str, whole: str) -> bool:
    """Whether each group lies within one group of the split already."""
    return int(rows.group_by(name).agg(pl.col(whole).n_unique())[whole].max()) == 1  # type: ignore[arg-type]  # a count
