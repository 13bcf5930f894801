"""A team's own figures of how well predictions fit, with the same kind of interval as the field's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from runner.core.faults import fault
from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.core.spec import KindSpec
from runner.stats.bootstrap import MIN_ROWS, mean_interval, rows_drawn
from runner.stats.intervals import Interval, interval, unknown


class MetricSpec(KindSpec):
    """A figure of one's own. tasks: binary, multiclass and regression, as far as it has a meaning there; unit: of its value."""

    tasks: ClassVar[tuple[str, ...]]
    unit: ClassVar[str] = ""


@dataclass(frozen=True)
class Predicted:
    """What a metric is told.

    task: binary, multiclass or regression; actual: (n,) Int64 class positions, or Float64 outcomes;
    p: (n, k) Float64 probabilities in the order of labels, or (n, 1) predictions; labels: () for regression;
    positive: position of the positive label, None unless binary.
    """

    task: str
    actual: np.ndarray
    p: np.ndarray
    labels: tuple[str, ...] = ()
    positive: int | None = None

    def rows(self, at: np.ndarray) -> Predicted:
        """The same for some rows, by position."""
        return Predicted(self.task, self.actual[at], self.p[at], self.labels, self.positive)


Metric = Callable[[Any, Predicted], "float | np.ndarray"]


def metric_intervals(
    metrics: Mapping[str, Any], predicted: Predicted, confidence: float, draws: int, seed: int, groups: np.ndarray | None = None
) -> dict[str, Interval]:
    """Declared name to interval.

    A metric gives (n,) values, one per row, whose mean is meant, or one number of all rows; a number is worked out again on
    each of the draws (the percentile bootstrap; of whole groups, (n,) codes, where rows belong together). Raises FaultsError when one gives anything else.
    """
    return {name: _interval(name, spec, predicted, confidence, draws, seed_for(seed, "metric", name), groups) for name, spec in metrics.items()}


def _interval(name: str, spec: Any, predicted: Predicted, confidence: float, draws: int, seed: int, groups: np.ndarray | None) -> Interval:
    metric: Metric = part("metric", spec.kind)
    n = len(predicted.actual)
    if n < MIN_ROWS:
        return unknown(None, confidence, spec.unit, f"only {n} rows")
    whole = np.asarray(metric(spec, predicted), dtype=float)
    if whole.shape == (n,) and np.isfinite(whole).all():
        return mean_interval(whole, confidence, draws, seed, spec.unit, groups)
    if whole.shape != ():
        raise _useless(name, spec.kind, f"values of shape {whole.shape} for {n} rows" if whole.shape != (n,) else "values that are not finite")
    if not np.isfinite(whole):
        return unknown(None, confidence, spec.unit, "it has no value on these rows")
    draw = np.random.default_rng(seed)
    drawn = np.array([float(metric(spec, predicted.rows(rows_drawn(draw, n, groups)))) for _ in range(draws)])
    # A resample may lack a class: it says nothing, and is left out.
    known = drawn[np.isfinite(drawn)]
    if len(known) < draws / 2:
        return unknown(float(whole), confidence, spec.unit, "it has no value on most resamples of these rows")
    low, high = np.quantile(known, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    return interval(float(whole), float(low), float(high), confidence, spec.unit)


def _useless(name: str, kind: str, found: str) -> Exception:
    return fault(f"evaluation.metrics.{name}", f"the metric {kind!r} gives {found}", "one finite number, or one per row", "mend the plugin that registers it")


def labelled(task: str, actual: pl.Series, p: np.ndarray, labels: Sequence[str], positive: str | None) -> Predicted:
    """Predicted of a Polars series: labels (String) as positions, or numbers."""
    if task == "regression":
        return Predicted(task, actual.cast(pl.Float64).to_numpy(), p)
    at = actual.cast(pl.Enum(list(labels))).to_physical().cast(pl.Int64).to_numpy()
    return Predicted(task, at, p, tuple(labels), list(labels).index(positive) if positive is not None else None)
