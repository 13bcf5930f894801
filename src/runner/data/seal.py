"""Setting rows apart: the sealed test, the folds, and whether each of them can serve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from runner.core.faults import listed
from runner.core.gates import AT_MOST, SHARE, Gate
from runner.core.registry import part
from runner.core.row_digest import of_rows
from runner.data.enforce import ROW_ID
from runner.data.outcome import ROOM
from runner.data.splits.advice import far_off, hint, why_far_off
from runner.data.splits.split import EMBARGOED, PURGED, TEST
from runner.problem.task import Task

MOST_LEFT_OUT = 0.5
LEFT_OUT = {"embargoed": EMBARGOED, "purged": PURGED}


@dataclass(frozen=True)
class Apart:
    """place: a row, Int8, see splits/split.py; folds: folds.parquet (row_id, fold and, where the kind has some, skips: List(Int8)); split: split.json."""

    place: pl.Series
    folds: pl.DataFrame
    split: dict[str, Any]
    gates: list[Gate]


@dataclass(frozen=True)
class Sealed:
    """train and test: contract columns and row_id; folds, split and gates: as those of Apart."""

    train: pl.DataFrame
    test: pl.DataFrame
    folds: pl.DataFrame
    split: dict[str, Any]
    gates: list[Gate]


@dataclass(frozen=True)
class _Part:
    """Rows that learn or are judged. labels: those among them."""

    name: str
    rows: int
    labels: frozenset[Any]


def columns_needed(spec: Any, task: Task) -> list[str]:
    """The only columns that `set_apart` reads."""
    return list(dict.fromkeys([ROW_ID, task.target, *spec.columns_needed()]))


def set_apart(rows: pl.DataFrame, spec: Any, task: Task, seed: int) -> Apart:
    """A place for each row by the declared kind. A test or a fold that cannot serve is a failed gate, with the numbers.

    rows: the columns needed, labels as text, in order of row_id; spec: the spec of a registered split.
    """
    narrow = rows.select(columns_needed(spec, task))
    place = part("split", spec.kind)(spec, narrow, task.target, task.task, seed)
    skips = spec.skips(narrow, place)
    fold, target = place.to_numpy(), narrow[task.target]
    walks_forward = bool(getattr(spec, "walks_forward", False))
    learned = fold > TEST
    folds = narrow.select(ROW_ID, fold=place, **({} if skips is None else {"skips": skips})).filter(pl.Series(learned))
    parts, told = [], []
    for k in range(spec.folds):
        would = learned & ((fold < k) if walks_forward else (fold != k))
        hidden = skips.list.contains(k).to_numpy() if skips is not None else np.zeros(len(fold), dtype=bool)
        taught, valid = _part(f"the training rows of fold {k}", target, would & ~hidden), _part(f"the validation rows of fold {k}", target, fold == k)
        parts.append((taught, valid))
        told.append({"fold": k, "train_rows": taught.rows, "valid_rows": valid.rows} | ({} if skips is None else {"skipped_rows": int((would & hidden).sum())}))
    test = _part("the test", target, fold == TEST)
    split: dict[str, Any] = {
        "kind": spec.kind,
        "walks_forward": walks_forward,
        "seal": of_rows(narrow.filter(place == TEST).select(ROW_ID, task.target).sort(ROW_ID)),
        "folds_digest": of_rows(folds.sort(ROW_ID)),
        "rows": {"train": int(learned.sum()), "test": test.rows},
        "folds": told,
        **_left_out(fold),
        **_time_ranges(spec, narrow, place),
        **_groups(spec, narrow, place),
    }
    sealed = [test] if getattr(spec, "test_share", None) != 0 else []
    serves = _judge(sealed, parts, task, walks_forward, lambda: hint(spec, narrow, place))
    return Apart(place, folds, split, [serves, *_judge_shares(spec, narrow, place, serves), *_judge_left_out(split)])


def seal(rows: pl.DataFrame, spec: Any, task: Task, seed: int) -> Sealed:
    """Set whole rows apart, as `set_apart` says. rows: with row_id and labels as text."""
    apart = set_apart(rows, spec, task, seed)
    return Sealed(rows.filter(apart.place > TEST), rows.filter(apart.place == TEST), apart.folds, apart.split, apart.gates)


def withheld(rows: pl.DataFrame, spec: Any) -> Sealed:
    """What is written when there is too little to split: no rows anywhere, and no seal."""
    none = rows.clear()
    split = withheld_split(spec.kind, walks_forward=bool(getattr(spec, "walks_forward", False)))
    return Sealed(none, none, none.select(ROW_ID, fold=pl.lit(0, pl.Int8)), split, [])


def withheld_split(kind: str, *, walks_forward: bool) -> dict[str, Any]:
    """split.json where no rows are given out."""
    return {"kind": kind, "walks_forward": walks_forward, "seal": None, "rows": {"train": 0, "test": 0}, "folds": []}


def _part(name: str, target: pl.Series, here: np.ndarray) -> _Part:
    return _Part(name, int(here.sum()), frozenset(target.filter(pl.Series(here)).unique().to_list()) if target.dtype == pl.String else frozenset())


def _left_out(fold: np.ndarray) -> dict[str, Any]:
    """Rows that are in neither training nor test, by reason; nothing where there are none."""
    counts = {why: int((fold == place).sum()) for why, place in LEFT_OUT.items()}
    return {"left_out": {why: n for why, n in counts.items() if n}} if any(counts.values()) else {}


def _time_ranges(spec: Any, rows: pl.DataFrame, place: pl.Series) -> dict[str, Any]:
    cut = getattr(spec, "column", None)
    if cut is None:
        return {}
    here = {"train": place > TEST, "test": place == TEST} | {f"fold_{k}": place == k for k in range(spec.folds)}
    return {"time_ranges": {name: _range(rows[cut].filter(kept)) for name, kept in here.items()}}


def _groups(spec: Any, rows: pl.DataFrame, place: pl.Series) -> dict[str, Any]:
    """The column whose values stay together, and how many of them are on each side."""
    group = getattr(spec, "group", None)
    if group is None:
        return {}
    return {"group": group, "groups": {"train": rows[group].filter(place > TEST).n_unique(), "test": rows[group].filter(place == TEST).n_unique()}}


def _judge(sealed: list[_Part], parts: list[tuple[_Part, _Part]], task: Task, walks_forward: bool, next_step: Callable[[], str]) -> Gate:
    """Whether test (none where none is declared) and folds can serve."""
    trained, validated = [taught for taught, _ in parts], [valid for _, valid in parts]
    faults = [f"{part.name}: none" for part in (*sealed, *trained, *validated) if part.rows == 0]
    if task.task == "binary":
        # A block of time may well have no case of a rare label; random folds without one mean fewer cases than folds.
        judged = (*sealed, *trained, *([] if walks_forward else validated))
        faults += [
            f"{part.name}: {part.rows:,}, none of them {missing!r}" for part in judged if part.rows for missing in sorted(set(task.labels or ()) - part.labels)
        ]
    told = f"{sum(part.rows for part in sealed):,} test rows" if sealed else "no test"
    where = "in the test and in every fold" if sealed else "in every fold"
    limit, found = f"{'both labels' if task.task == 'binary' else 'rows'} {where}", f"{len(parts)} folds, {told}"
    if not faults:
        return Gate("split", ROOM, "passed", limit, found)
    return Gate("split", ROOM, "failed", limit, found, f"{'; '.join(faults[:8])}; {next_step()}")


def _judge_shares(spec: Any, rows: pl.DataFrame, place: pl.Series, serves: Gate) -> list[Gate]:
    """A warning where the test or a fold ends far from the share that was asked."""
    off = far_off(spec, rows, place)
    if not off or serves.status == "failed":
        return []
    told = "; ".join(f"{name}: asked {asked:.1%} of the rows, got {got:.1%}" for name, asked, got in off)
    limit, found = "within a quarter of the share that was asked", listed([f"{name} {got:.1%}" for name, _, got in off])
    return [Gate("shares of the split", ROOM, "warned", limit, found, "; ".join(part for part in (told, why_far_off(spec, rows)) if part))]


def _judge_left_out(split: dict[str, Any]) -> list[Gate]:
    """A warning where the embargo, or groups that live long, leave little to learn from."""
    left_out: dict[str, int] = split.get("left_out", {})
    if not left_out:
        return []
    n = sum(left_out.values())
    share = n / (n + split["rows"]["train"])
    told = ", ".join(f"{rows:,} {why}" for why, rows in left_out.items())
    evidence = f"of the rows before the test {told}; {split['rows']['train']:,} are left to learn from"
    hint = "; where groups live through the whole time, `grouped` or `by_time` keeps more" if share > MOST_LEFT_OUT and "purged" in left_out else ""
    return [
        Gate(
            "rows left out by the split", ROOM, "warned" if share > MOST_LEFT_OUT else "passed", MOST_LEFT_OUT, round(share, 6), evidence + hint, SHARE, AT_MOST
        )
    ]


def _range(times: pl.Series) -> list[str | None]:
    return [moment_text(times.min()), moment_text(times.max())]


def moment_text(moment: Any) -> str | None:
    """A date or UTC moment as ISO 8601 text."""
    if isinstance(moment, datetime):
        return f"{moment.isoformat()}Z"
    return moment.isoformat() if isinstance(moment, date) else None
