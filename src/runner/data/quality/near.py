"""Nearly equal rows: entered twice with small differences.

Source: records are linked by how surprising their agreements are (Fellegi & Sunter 1969), and only those are compared that
share a bucket of some of their rounded values (locality-sensitive hashing, Indyk & Motwani 1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.core.draws import GAMMA, MIX, WORD, mixed
from runner.core.seeds import seed_for
from runner.data.enforce import ROW_ID
from runner.data.quality.dependence import Chance, chance
from runner.data.quality.finding import Finding, first, percent
from runner.data.quality.hashes import factor, total
from runner.data.quality.look import Look

BANDS, BANDS_SAMPLED, MOST_BUCKET, LEAST_COLUMNS = 6, 3, 30, 4
# Numbers are near within this part of the range of their middle half; buckets are so many times wider.
NEAR, WIDE = 0.02, 3.0
AGREEING, SURE, RAREST = 0.75, 100.0, 1e-6
WARNED_SHARE = 0.005
RANDOM_PAIRS = 20_000
# Two rows that agree in so many columns agree.
COMPARED = 100
BUCKET = "__runner_bucket"


def check(look: Look) -> list[Finding]:
    """Pairs of rows that are too alike to be chance, and not equal in everything that is known at the decision."""
    columns = [name for name in look.known if look.counts.distinct[name] > 1][:COMPARED]
    if look.sample.height < 2 or len(columns) < LEAST_COLUMNS:
        return []
    scale = _scale(look, columns)
    found, share, n_looked = _near_rows(look, scale)
    if not len(found):
        return []
    n = max(1, round(share * look.n_rows))
    said = f", as far as {BANDS_SAMPLED} draws of whole buckets, {n_looked:,} rows in all, tell" if look.is_sampled else ""
    told = f"about {n:,} rows ({percent(share)}) nearly equal another one in {AGREEING:.0%} of the columns or more{said}"
    hint = "see whether one case was entered twice, or measured twice: such rows belong on one side of the split"
    return [Finding("warned" if share >= WARNED_SHARE else "info", "rows nearly repeat others", told, n, "near_duplicates", row_ids=first(found), next=hint)]


@dataclass(frozen=True)
class _Scale:
    """columns in order; width: range of the middle half of numbers and times, 0 for the rest; odds: of equal values;
    step: the smallest difference of two values; near: column to the chance that two rows are near; seed: of the bands."""

    columns: list[str]
    width: dict[str, float]
    step: dict[str, float]
    odds: Chance
    near: dict[str, float]
    seed: int


def _scale(look: Look, columns: list[str]) -> _Scale:
    seed = seed_for(look.seed, "data", "quality", "near")
    draw = np.random.default_rng(seed)
    one, other = draw.integers(0, look.sample.height, (2, RANDOM_PAIRS))
    width, step, near = {}, {}, {}
    for name in columns:
        values = _plain(look.sample[name])
        if values.dtype == np.float64:
            known = values[np.isfinite(values)]
            low, high = np.quantile(known, [0.25, 0.75]) if len(known) else (0.0, 0.0)
            width[name] = float(high - low) or float(known.std() if len(known) else 0.0)
            step[name] = float(np.diff(np.unique(known)).min(initial=np.inf))
        close = _close(values[one], values[other], width.get(name, 0.0) * NEAR)
        near[name] = max(float((close & (one != other)).mean()), 1.0 / RANDOM_PAIRS)
    return _Scale(columns, width, step, chance(look, columns), near, seed)


def _plain(values: pl.Series) -> np.ndarray:
    """Float64 of numbers and times, codes (Int64) of text without case and signs, which mean the same within one frame."""
    if values.dtype in (pl.String, pl.Boolean):
        text = values.cast(pl.String).alias("text")
        # Only different values are looked at letter by letter.
        different = text.drop_nulls().unique().to_frame().with_columns(worn=_worn(pl.col("text"))).with_columns(code=pl.col("worn").rank("dense"))
        coded = text.to_frame().join(different.select("text", "code"), on="text", how="left", maintain_order="left")
        return coded["code"].fill_null(0).cast(pl.Int64).to_numpy()
    return values.to_physical().cast(pl.Float64).to_numpy().astype(np.float64)


def _worn(text: pl.Expr) -> pl.Expr:
    """Text without what differs between two people who write the same."""
    return text.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> np.ndarray:
    if a.dtype != np.float64:
        return np.asarray(a == b)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(a - b) <= tolerance) | (np.isnan(a) & np.isnan(b)))


def _near_rows(look: Look, scale: _Scale) -> tuple[np.ndarray, float, int]:
    """Row ids of nearly equal rows, their share, and how many rows were looked at: all, or those of whole buckets, so that pairs stay together."""
    if look.is_sampled:
        return _drawn_rows(look, scale)
    rows = _coded(look.sample, scale)
    found = [_verified(look, rows, _bucket(rows, scale, *band), scale) for band in _bands(scale, BANDS, look.n_rows)]
    near = np.unique(np.concatenate(found))
    return near, len(near) / look.n_rows, look.n_rows


def _drawn_rows(look: Look, scale: _Scale) -> tuple[np.ndarray, float, int]:
    """The same for a large table: of each band some buckets are drawn, all in one pass; each band draws other rows of the same table."""
    bands = {f"{BUCKET}{k}": _drawn_bucket(look, scale, *band) for k, band in enumerate(_bands(scale, BANDS_SAMPLED, look.n_rows))}
    limit = int(look.sample.height / look.n_rows / BANDS_SAMPLED * WORD)
    drawn = {name: mixed(pl.col(name), scale.seed) < limit for name in bands}
    asked = look.rows.select(ROW_ID, *scale.columns, **bands).filter(pl.any_horizontal(list(drawn.values())))
    every = asked.collect(engine="streaming").sort(ROW_ID)
    parts = {name: every.filter(hit) for name, hit in drawn.items()}
    found = [_verified(look, _coded(part, scale), part[name].to_numpy(), scale) for name, part in parts.items()]
    looked = [part.height for part in parts.values()]
    shares = [len(ids) / max(n, 1) for ids, n in zip(found, looked, strict=True)]
    return np.unique(np.concatenate(found)), float(np.mean(shares)), sum(looked)


@dataclass(frozen=True)
class _Coded:
    """ids: (n,) row ids; values: column to (n,) Float64, or Int64 codes of text; rows: column to (n,) how many rows have each row's value."""

    ids: np.ndarray
    values: dict[str, np.ndarray]
    rows: dict[str, np.ndarray]


def _coded(rows: pl.DataFrame, scale: _Scale) -> _Coded:
    values = {name: _plain(rows[name]) for name in scale.columns}
    return _Coded(rows[ROW_ID].to_numpy(), values, {name: _repeats(found) for name, found in values.items()})


def _repeats(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.concatenate([[True], (ordered[1:] != ordered[:-1]) & ~((ordered[1:] != ordered[1:]) & (ordered[:-1] != ordered[:-1]))])
    sizes = np.diff(np.append(np.flatnonzero(new), len(ordered)))
    found = np.empty(len(values), dtype=np.int32)
    found[order] = np.repeat(sizes, sizes)
    return found


def _bands(scale: _Scale, n: int, n_rows: int) -> Iterator[tuple[list[str], list[float]]]:
    """Bands: groups of dependent columns in random order, as many as it takes to leave a row alone in its bucket by chance,
    with a shift of the rounding for every column."""
    draw = np.random.default_rng(scale.seed)
    alike: dict[int, float] = {}
    for name in scale.columns:
        p = min(1.0, scale.near[name] * (WIDE if name in scale.width else 1.0))
        alike[scale.odds.group[name]] = min(alike.get(scale.odds.group[name], 1.0), p)
    groups = sorted(alike)
    for _ in range(n):
        order = draw.permutation(groups).tolist()
        company = np.cumsum(np.log([alike[group] for group in order])) + np.log(n_rows)
        enough = set(order[: int(np.argmax(company <= 0.0)) + 1] if (company <= 0.0).any() else order)
        chosen = [name for name in scale.columns if scale.odds.group[name] in enough]
        yield chosen, draw.random(len(chosen)).tolist()


def _bucket(rows: _Coded, scale: _Scale, chosen: list[str], shift: list[float]) -> np.ndarray:
    """(n,) UInt64: rows of one bucket are alike in all of the chosen columns, rounded."""
    bucket = np.zeros(len(rows.ids), dtype=np.uint64)
    for name, s in zip(chosen, shift, strict=True):
        values, step = rows.values[name], scale.width.get(name, 0.0) * NEAR * WIDE
        rounded = np.floor(values / step + s) if values.dtype == np.float64 and step > 0 else values
        # Every gap is the same, and so are both zeros.
        whole = np.where(np.isnan(rounded), np.nan, rounded + 0.0) if values.dtype == np.float64 else rounded
        for odd in (GAMMA, *MIX):
            bucket = (bucket ^ whole.view(np.uint64)) * np.uint64(odd)
            bucket ^= bucket >> np.uint64(31)
    return bucket


def _drawn_bucket(look: Look, scale: _Scale, chosen: list[str], shift: list[float]) -> pl.Expr:
    """The same as an expression over all rows."""
    return total([_rounded(look, scale, name, s).hash(seed=1) * pl.lit(factor(name), pl.UInt64) for name, s in zip(chosen, shift, strict=True)])


def _rounded(look: Look, scale: _Scale, name: str, shift: float) -> pl.Expr:
    if look.sample[name].dtype in (pl.String, pl.Boolean):
        return pl.col(name).cast(pl.String).str.to_lowercase()
    value, step = pl.col(name).to_physical().cast(pl.Float64), scale.width.get(name, 0.0) * NEAR * WIDE
    return value if step <= 0 else (value / step + shift).floor()


def _verified(look: Look, rows: _Coded, bucket: np.ndarray, scale: _Scale) -> np.ndarray:
    """Row ids of pairs within a bucket that are near in enough columns, in columns surprising enough, and not equal."""
    a, b = _pairs(bucket)
    if not len(a):
        return np.empty(0, dtype=np.uint64)
    agreeing, equal = np.zeros(len(a)), np.ones(len(a), dtype=bool)
    surprise: dict[int, np.ndarray] = {}
    for name in scale.columns:
        values = rows.values[name]
        close, same = _close(values[a], values[b], scale.width.get(name, 0.0) * NEAR), _close(values[a], values[b], 0.0)
        agreeing += close
        equal &= same
        told = np.where(close, -np.log(_by_chance(rows, a, b, name, scale)), 0.0)
        group = scale.odds.group[name]
        surprise[group] = np.maximum(surprise.get(group, np.zeros(len(a))), told)
    needed = np.log(max(look.n_rows, 2) * (look.n_rows - 1.0) / 2.0 * SURE)
    near = ~equal & (agreeing >= AGREEING * len(scale.columns)) & (np.sum(list(surprise.values()), axis=0) >= needed)
    return np.unique(np.concatenate([rows.ids[a[near]], rows.ids[b[near]]]))


def _by_chance(rows: _Coded, a: np.ndarray, b: np.ndarray, name: str, scale: _Scale) -> np.ndarray:
    """(p,) the chance that two rows agree as closely as each pair does: how common the value is, or how thin the values lie around it."""
    values, common = rows.values[name], rows.rows[name][a].astype(float)
    if values.dtype != np.float64:
        return np.asarray(np.maximum(common - 1.0, 1.0) / len(values))
    tolerance = scale.width[name] * NEAR
    away = np.maximum(np.abs(values[a] - values[b]), scale.step[name])
    thin = scale.near[name] * np.clip(away / tolerance if tolerance > 0 else 1.0, 0.0, 1.0)
    missing = np.isnan(values[a])
    return np.asarray(np.where(missing, np.isnan(values).mean(), np.maximum(np.maximum((common - 2.0) / len(values), thin), RAREST)))


def _pairs(bucket: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of neighbours within each bucket, in row order; large buckets tell nothing."""
    order = np.argsort(bucket, kind="stable")
    ordered = bucket[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    size = np.repeat(np.diff(np.append(starts, len(ordered))), np.diff(np.append(starts, len(ordered))))
    next_to = (ordered[1:] == ordered[:-1]) & (size[1:] <= MOST_BUCKET)
    at = np.flatnonzero(next_to)
    return order[at], order[at + 1]
