"""What a reading says to a person."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.core.expressions import literal, quoted
from runner.monitoring import amounts
from runner.monitoring.alarms import Judged
from runner.monitoring.profile import ColumnProfile

MOST_LEVELS = 3
POINT = 100.0

SUGGESTIONS = {
    "contract": "correct the source, or agree on a new contract and train again",
    "unseen": "find out where the new values come from; the model treats them as unknown until it is trained on them",
    "missing": "look for a broken feed or join before trusting these decisions",
    "shift": "check the source and its unit first; if the world has changed, collect labels and train again",
    "distribution": "check how the column is filled first; if the world has changed, collect labels and train again",
    "score": "look at the alarms of the features; without any, collect labels and compare the payoff",
    "outcome": "the relation of features to outcome may have changed: train again on recent rows",
}


def kind_of(judged: Judged, column: ColumnProfile) -> str:
    """The alarm's kind: contract, unseen, missing, shift and distribution for columns; score and outcome for the model."""
    if column.role in {"score", "decision"}:
        return "score"
    return "outcome" if column.role in {"target", "payoff"} else judged.signal.statistic


def evidence(judged: Judged, column: ColumnProfile, values: pl.Series, counts: np.ndarray) -> str:
    """One sentence with the effect, what it was measured on, and how it compares with quiet windows."""
    rows = f"{judged.reading.rows:,} row{'' if judged.reading.rows == 1 else 's'}"
    sure = f"{abs(judged.z):.1f} quiet sd, limit {judged.signal.once:.1f}"
    statistic = judged.signal.statistic
    if statistic == "shift":
        way = "above" if judged.effect > 0 else "below"
        now_mean = _mean(values)
        means = f"mean {now_mean:.4g} against {column.mean:.4g}; " if now_mean is not None and column.mean is not None else ""
        return f"{column.name} is {abs(judged.effect):.2f} sd {way} reference ({means}{rows}; {sure})"
    if statistic == "distribution":
        return f"the distribution of {column.name} is {judged.effect:.2f} sd from reference ({_moved(column, counts)}{rows}; {sure})"
    now, usual = float(np.sin(judged.reading.value) ** 2), judged.signal.reference_share
    what = "missing" if statistic == "missing" else "outside what the reference has"
    return f"{now:.1%} of {column.name} is {what}, usually {usual:.1%} ({rows}; {sure})"


def _mean(values: pl.Series) -> float | None:
    x = values.cast(pl.Float64).to_numpy()
    return amounts.mean(x[~np.isnan(x)])


def _moved(column: ColumnProfile, counts: np.ndarray) -> str:
    if column.bins.kind != "categorical":
        return ""
    change = counts[:-1] / max(counts[:-1].sum(), 1) - column.share
    largest = np.argsort(-np.abs(change), kind="stable")[:MOST_LEVELS]
    parts = [f"{shown(column.bins.named(int(b)) or 'other levels')} {change[b] * POINT:+.1f} points" for b in largest if change[b] != 0]
    return f"{', '.join(parts)}; " if parts else ""


def slices(judged: Judged, column: ColumnProfile, values: pl.Series, counts: np.ndarray, is_unseen: np.ndarray) -> list[dict[str, object]]:
    """Where to look: up to three SQL conditions over the contract columns, with their share now and in the reference."""
    if column.role != "feature":
        return []
    name = quoted(column.name)
    if judged.signal.statistic == "missing":
        usual = judged.signal.reference_share
        return [{"sql": f"{name} IS NULL", "share": float(counts[-1] / counts.sum()), "reference_share": usual}]
    if judged.signal.statistic == "unseen":
        return _unseen(name, column, values, is_unseen)
    if column.bins.kind != "categorical":
        return []
    now = counts[:-1] / max(counts[:-1].sum(), 1)
    grown = [int(b) for b in np.argsort(-(now - column.share), kind="stable")[:MOST_LEVELS] if now[b] > column.share[b]]
    named = [(column.bins.named(b), b) for b in grown]
    return [{"sql": f"{name} = {_value(level)}", "share": float(now[b]), "reference_share": float(column.share[b])} for level, b in named if level is not None]


def _unseen(name: str, column: ColumnProfile, values: pl.Series, is_unseen: np.ndarray) -> list[dict[str, object]]:
    n = len(is_unseen)
    if column.bins.kind == "numeric":
        x = values.cast(pl.Float64).to_numpy()
        low, high = column.bins.low or 0.0, column.bins.high or 0.0
        ends = {f"{name} < {low!r}": x < low, f"{name} > {high!r}": x > high}
        return [{"sql": sql, "share": float(where.sum() / n), "reference_share": 0.0} for sql, where in ends.items() if where.any()]
    new = values.cast(pl.String).filter(pl.Series(is_unseen)).alias("level").value_counts(name="rows")
    most = new.sort(["rows", "level"], descending=[True, False]).head(MOST_LEVELS)
    return [{"sql": f"{name} = {_value(level)}", "share": rows / n, "reference_share": 0.0} for level, rows in most.iter_rows()]


def _value(level: str) -> str:
    return literal(level) if level not in {"true", "false"} else level.upper()
