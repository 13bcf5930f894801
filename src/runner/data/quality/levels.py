"""What changes over time: periods whose values, gaps or outcomes do not look like the rest, and steps that last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.enforce import ROW_ID
from runner.data.quality.errors import FALSE_SHARE, adjusted, told
from runner.data.quality.finding import Finding, Picture, Severity, first, percent
from runner.data.quality.look import Look
from runner.data.quality.periods import Periods, periods, start_of

# Of a rank between 0 and 1, or of a share: smaller changes are real in a large table, and of no use to anybody.
LEAST, SERIOUS, SERIOUS_ROWS = 0.1, 0.35, 0.01
# With more periods that stand out, it is a step or a drift, not odd periods.
MOST_ODD = 0.2
SIDE, SAMPLE_ROWS = 3, 15
COMMON_VALUES, MOST_DISTINCT = 3, 50
SHOWN_PERIODS, LOOKED_AT = 6, 100_000
# A step is sharp where most of it happens from one period to the next.
SHARP = 0.6


@dataclass(frozen=True)
class _Series:
    """A figure by period. measure: what it is, for people; values: (t,) what is judged, NaN where there are too few rows;
    noise: (t,) standard error from drawing rows alone; shown: (t,) the same in units that people know."""

    column: str
    kind: str
    measure: str
    values: np.ndarray
    noise: np.ndarray
    shown: np.ndarray
    is_share: bool = True

    def told(self, value: float) -> str:
        """A value of `shown`, for people."""
        return percent(value) if self.is_share else f"{value:.4g}"


@dataclass(frozen=True)
class _Step:
    """From period `at` on the mean is another. p: of the likeliest step, for having looked at every place."""

    at: int
    before: float
    after: float
    p: float
    is_sharp: bool


def check(look: Look) -> list[Finding]:
    """Robust z of each period against all, and the likeliest step, of every column's level and gaps, with errors controlled over all of them."""
    found = periods(look)
    if found is None:
        return []
    every = list(_series(look.thinned(LOOKED_AT), found))
    odd = [_odd(series) for series in every]
    steps = [_step(series) for series in every]
    counts = [len(z) for z in odd]
    p_odd = np.split(adjusted(np.concatenate(odd)), np.cumsum(counts)[:-1]) if every else []
    p_step = adjusted([step.p for step in steps])
    told_of = []
    for series, step, p, p_all in zip(every, steps, p_step, p_odd, strict=True):
        if finding := _finding(look, found, series, step, float(p), p_all):
            told_of.append(finding)
    return told_of


def _finding(look: Look, found: Periods, series: _Series, step: _Step, p_step: float, p_odd: np.ndarray) -> Finding | None:
    known = np.isfinite(series.values)
    middle = float(np.median(series.values[known])) if known.any() else 0.0
    far = known & (np.abs(np.where(known, series.values, middle) - middle) >= LEAST)
    stands_out = np.flatnonzero((p_odd < FALSE_SHARE) & far)
    if len(stands_out) and len(stands_out) <= MOST_ODD * known.sum():
        return _odd_periods(look, found, series, stands_out)
    if p_step < FALSE_SHARE and abs(step.after - step.before) >= LEAST:
        return _lasting_step(look, found, series, step, p_step)
    return None


def _series(look: Look, found: Periods) -> Iterator[_Series]:
    """Gaps and outcome shares from exact counts; levels from the sample."""
    starts = pl.DataFrame({"start": found.starts})
    yield from _gaps(look, found, starts)
    yield from _levels(look, found, starts)


def _gaps(look: Look, found: Periods, starts: pl.DataFrame) -> Iterator[_Series]:
    gaps = [name for name in look.described if 0 < look.counts.missing[name] < look.n_rows and name != look.clock]
    shares: list[tuple[str, str, str, pl.Expr]] = [(name, "missing_over_time", f"share of missing {name}", pl.col(name).is_null()) for name in gaps]
    target = look.task.target
    if look.task.labels is not None and len(look.task.labels) <= MOST_DISTINCT:
        labels = [look.task.positive] if look.task.positive is not None else list(look.task.labels)
        shares += [(target, "outcome_over_time", f"share of {target} {shown(label)}", pl.col(target) == pl.lit(label)) for label in labels]
    if not shares or look.clock is None:
        return
    asked = [hit.fill_null(value=False).sum().alias(f"{at}") for at, (*_, hit) in enumerate(shares)]
    counted = look.rows.group_by(start_of(look.clock, found.length).alias("start")).agg(asked).collect(engine="streaming")
    spread = starts.join(counted, on="start", how="left", maintain_order="left")
    n = found.rows.to_numpy().astype(float)
    for at, (column, kind, measure, _) in enumerate(shares):
        hits = spread[f"{at}"].fill_null(0).to_numpy().astype(float)
        yield _share(column, kind, measure, hits, n)


def _share(column: str, kind: str, measure: str, hits: np.ndarray, n: np.ndarray) -> _Series:
    enough = n >= SAMPLE_ROWS
    rows = np.where(enough, n, 1.0)
    whole = float(hits.sum() / max(n.sum(), 1.0))
    values = np.where(enough, hits / rows, np.nan)
    return _Series(column, kind, measure, values, np.sqrt(max(whole * (1 - whole), 1e-6) / rows), values)


def _levels(look: Look, found: Periods, starts: pl.DataFrame) -> Iterator[_Series]:
    if look.clock is None:
        return
    place = look.sample.select(start=start_of(look.clock, found.length)).join(starts.with_row_index("at"), on="start", how="left", maintain_order="left")["at"]
    usable = place.is_not_null().to_numpy()
    at = place.fill_null(0).to_numpy().astype(np.int64)
    columns = [name for name in (*look.described, look.task.target) if name in look.columns and name != look.clock]
    for name in columns:
        values = look.sample[name]
        if name == look.task.target and look.task.labels is not None:
            continue
        if values.dtype.is_numeric():
            yield _ranks(name, values.cast(pl.Float64).to_numpy(), at, usable, len(found.starts))
        elif values.dtype in (pl.String, pl.Boolean) and 2 <= look.counts.distinct[name] <= MOST_DISTINCT:
            yield from _values(name, values.cast(pl.String), at, usable, len(found.starts))


def _ranks(name: str, values: np.ndarray, at: np.ndarray, usable: np.ndarray, size: int) -> _Series:
    """Mean rank by period: 0.5 is the whole, 0.8 means that a row of that period is above a row of any with a chance of 0.8."""
    judged = usable & np.isfinite(values)
    kept, period = values[judged], at[judged]
    ordered = np.sort(kept)
    # Ties share their middle rank.
    low, high = np.searchsorted(ordered, kept, side="left"), np.searchsorted(ordered, kept, side="right")
    ranks = (low + high) / 2.0 / max(len(kept), 1)
    n = np.bincount(period, minlength=size).astype(float)
    enough = n >= SAMPLE_ROWS
    rows = np.where(enough, n, 1.0)
    spread = float(ranks.std()) if len(ranks) else 0.0
    means = np.where(enough, np.bincount(period, weights=ranks, minlength=size) / rows, np.nan)
    by_period = np.split(kept[np.argsort(period, kind="stable")], np.cumsum(n.astype(int))[:-1])
    middles = np.array([np.median(part) if is_enough else np.nan for part, is_enough in zip(by_period, enough, strict=True)])
    return _Series(name, "level_over_time", f"median {name}", means, max(spread, 1e-6) / np.sqrt(rows), middles, is_share=False)


def _values(name: str, text: pl.Series, at: np.ndarray, usable: np.ndarray, size: int) -> Iterator[_Series]:
    common = text.drop_nulls().value_counts(sort=False).sort(["count", text.name], descending=[True, False]).head(COMMON_VALUES)[text.name].to_list()
    known = usable & text.is_not_null().to_numpy()
    n = np.bincount(at[known], minlength=size).astype(float)
    for value in common[: 1 if len(common) <= 2 else None]:
        hit = known & (text == value).fill_null(value=False).to_numpy()
        hits = np.bincount(at[hit], minlength=size).astype(float)
        yield _share(name, "level_over_time", f"share of {name} {shown(value)}", hits, n)


def _odd(series: _Series) -> np.ndarray:
    """(t,) p-values: how far each period lies from the middle of all, in robust deviations, never finer than the noise of drawing rows."""
    from scipy.special import stdtr

    known = np.isfinite(series.values)
    p = np.ones(len(known))
    if known.sum() <= 2 * SIDE:
        return p
    away = np.abs(series.values[known] - np.median(series.values[known]))
    z = away / np.maximum(1.4826 * np.median(away), series.noise[known])
    p[known] = 2.0 * stdtr(float(known.sum() - 1), -z)
    return p


def _step(series: _Series) -> _Step:
    """The place where means before and after differ most against what periods vary by, SIDE periods at least on both sides."""
    from scipy.special import stdtr

    at = np.flatnonzero(np.isfinite(series.values))
    v = series.values[at]
    n, best = len(v), _Step(0, 0.0, 0.0, 1.0, is_sharp=False)
    if n < 2 * SIDE:
        return best
    floor = float(np.mean(series.noise[at] ** 2))
    largest = -1.0
    for k in range(SIDE, n - SIDE + 1):
        before, after = v[:k], v[k:]
        within = max((((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()) / (n - 2), floor)
        t = abs(after.mean() - before.mean()) / np.sqrt(within * (1 / k + 1 / (n - k)))
        if t > largest:
            largest = float(t)
            gap = after.mean() - before.mean()
            p = min(1.0, 2.0 * float(stdtr(float(n - 2), -t)) * (n - 2 * SIDE + 1))
            best = _Step(int(at[k]), float(before.mean()), float(after.mean()), p, bool((v[k] - v[k - 1]) / gap > SHARP if gap else False))
    return best


def _odd_periods(look: Look, found: Periods, series: _Series, odd: np.ndarray) -> Finding:
    texts = [found.texts[at][:7] if found.word == "month" else found.texts[at] for at in odd]
    usual = float(np.nanmedian(series.shown))
    seen = [f"{series.told(float(series.shown[at]))} in {text}" for at, text in zip(odd[:SHOWN_PERIODS], texts, strict=False)]
    more = f" and {len(odd) - SHOWN_PERIODS} more" if len(odd) > SHOWN_PERIODS else ""
    evidence = f"{series.measure}: {', '.join(seen)}{more}; {series.told(usual)} in a usual {found.word}"
    effect = float(np.max(np.abs(series.values[odd] - np.nanmedian(series.values))))
    noun = found.word if len(odd) == 1 else f"{found.word}s"
    what = f"{len(odd)} {noun} in which {_about(series)} is unlike the rest"
    return _told(look, found, series, odd, what, evidence, serious=effect >= SERIOUS)


def _lasting_step(look: Look, found: Periods, series: _Series, step: _Step, p: float) -> Finding:
    before, after = np.nanmean(series.shown[: step.at]), np.nanmean(series.shown[step.at :])
    since = found.texts[step.at][:7] if found.word == "month" else found.texts[step.at]
    evidence = f"{series.measure}: {series.told(float(before))} on average before {since}, {series.told(float(after))} since ({told(p)}, adjusted)"
    what = f"{_about(series)} {'jumps in' if step.is_sharp else 'moves around'} {since} and stays"
    odd = np.arange(step.at, len(found.starts))
    return _told(look, found, series, odd, what, evidence, serious=step.is_sharp and abs(step.after - step.before) >= SERIOUS)


def _about(series: _Series) -> str:
    if series.kind == "outcome_over_time":
        return "the outcome"
    what = "the share of gaps in" if series.kind == "missing_over_time" else "the mix of" if series.is_share else "the level of"
    return f"{what} {series.column}"


def _told(look: Look, found: Periods, series: _Series, odd: np.ndarray, what: str, evidence: str, serious: bool) -> Finding:
    values = tuple(None if not np.isfinite(v) else float(v) for v in series.shown)
    picture = Picture(series.measure, found.texts, values, tuple(int(at) for at in odd))
    n = int(found.rows.gather(odd.tolist()).sum())
    starts = found.starts.gather(odd.tolist())
    ids: tuple[int, ...] = ()
    if look.clock is not None:
        inside = look.sample.filter(start_of(look.clock, found.length).is_in(starts.implode()))
        ids = first(inside[ROW_ID].to_numpy())
    # Where the split goes by time already, the model is judged on what came after.
    judged = "" if look.in_time else "judge by time (data/split=by_time), and "
    hint = {
        "missing_over_time": "find out what was not recorded then; leave those rows out, or the column, where it will not come back",
        "outcome_over_time": f"{judged}ask which part of the past still holds",
        "level_over_time": f"{judged}find out what changed in how the column is measured or who comes",
    }[series.kind]
    matters = series.column in look.seen and n >= SERIOUS_ROWS * look.n_rows
    severity: Severity = "serious" if serious and matters else "warned"
    return Finding(severity, what, evidence, n, series.kind, (series.column,), ids, hint, picture=picture)
