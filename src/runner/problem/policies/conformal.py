"""Conformal prediction: how far outcomes lie from out-of-fold predictions tells how far new ones will.

Each row's score comes from a model that has not seen the row, and the model that ships is fitted on all rows (cross-conformal
prediction, Vovk 2015; CV+ without its majority, Barber, Candes, Ramdas & Tibshirani 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.intervals import bounded, ends, group_names, strangeness, within
from runner.problem.policies.calibration.choice import CHOICE_ROWS, paired, spread

AUTO = "auto"
# From the simplest on.
FOR_NUMBERS, FOR_LABELS = ("absolute", "signed", "local"), ("lac", "aps")
MAX_BINS, TAIL_ROWS, PARTS, MAX_GROUPS = 20, 5, 5, 100
ROUNDING = 9


@dataclass(frozen=True)
class Seen:
    """What intervals are fitted on: out-of-fold rows.

    rows: contract columns; p: (n, k) calibrated probabilities or (n, 1) predictions; outcome: (n,) class positions or the target;
    fold: (n,); together: (n,) codes of rows that belong together, None where none do.
    """

    rows: pl.DataFrame
    p: np.ndarray
    outcome: np.ndarray
    fold: np.ndarray
    together: np.ndarray | None = None

    def at(self, places: np.ndarray) -> Seen:
        """The same for some rows, by position."""
        together = None if self.together is None else self.together[places]
        return Seen(self.rows[places], self.p[places], self.outcome[places], self.fold[places], together)

    def parts(self) -> np.ndarray:
        """(n,) the folds; a single one is dealt out into PARTS, since what is chosen on rows cannot be judged on them."""
        return self.fold if len(np.unique(self.fold)) > 1 else np.arange(len(self.fold)) % PARTS


@dataclass(frozen=True)
class Declared:
    """coverage: the share of outcomes that intervals are to hold; kind: one of FOR_NUMBERS or FOR_LABELS, or auto; by: a column
    whose values each have their own; labels: [] for regression; target: its name, which `by` may be (each label has its own)."""

    coverage: float
    kind: str
    by: str | None
    labels: Sequence[str]
    target: str

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds to choose among, from the simplest on."""
        if self.kind != AUTO:
            return (self.kind,)
        return FOR_LABELS if self.labels else FOR_NUMBERS

    @property
    def grouped_by(self) -> str | None:
        """The column that has to be known when a row is scored."""
        return None if self.by == self.target else self.by


def least_rows(coverage: float) -> int:
    """The fewest scores from which a finite quantile can promise the coverage.

    >>> least_rows(0.9), least_rows(0.99)
    (9, 99)
    """
    return ceil(round(coverage / (1.0 - coverage), ROUNDING))


def reach_of(scores: np.ndarray, coverage: float) -> float | None:
    """The ceil((n + 1) coverage)-th smallest of n scores: the next one lies at or below it that often (Vovk et al. 2005); None where n is too small.

    >>> reach_of(np.arange(1.0, 10.0), 0.9), reach_of(np.arange(1.0, 9.0), 0.9)
    (9.0, None)
    """
    place = ceil(round((len(scores) + 1) * coverage, ROUNDING))
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else None


def fitted(seen: Seen, declared: Declared) -> dict[str, Any]:
    """The intervals for the bundle (combine.json), as `bounded` applies them."""
    return _fitted(seen, declared, chosen(seen, declared)[0])


def cross_fitted(seen: Seen, declared: Declared) -> pl.DataFrame:
    """What `bounded` would give for each row if the intervals, and their kind, came from the other folds alone."""
    parts, frames = seen.parts(), []
    for number in np.unique(parts):
        here, rest = np.flatnonzero(parts == number), seen.at(np.flatnonzero(parts != number))
        found = bounded(seen.rows[here], seen.p[here], declared.labels, fitted(rest, declared))
        frames.append(found.with_columns(__runner_at=pl.Series(here)))
    return pl.concat(frames).sort("__runner_at").drop("__runner_at")


def chosen(seen: Seen, declared: Declared) -> tuple[str, dict[str, dict[str, float]]]:
    """The simplest kind whose loss out of fold is within one standard error of the least, and what each kind lost.

    The loss of an interval is its width plus what an outcome outside of it costs (Gneiting & Raftery 2007, the interval score): at the
    same coverage the narrower wins, and of equally wide ones that which is wide where it has to be. The loss of a set is its size.
    """
    if len(declared.kinds) == 1:
        return declared.kinds[0], {}
    thinned = seen.at(spread(len(seen.p), CHOICE_ROWS))
    losses = {kind: _losses(thinned, declared, kind) for kind in declared.kinds}
    known = {kind: loss for kind, loss in losses.items() if len(loss) and np.isfinite(loss).all()}
    if not known:
        return declared.kinds[0], {}
    largest = max(1.0, *(float(np.abs(loss).max()) for loss in known.values()))
    best = min(known, key=lambda kind: float((known[kind] / largest).mean()))
    scores = {}
    for kind, loss in known.items():
        # Divided first: squares of outcomes like 1e200 would be infinite.
        behind, error = paired((loss - known[best]) / largest, thinned.together)
        scores[kind] = {"loss": float((loss / largest).mean()) * largest, "behind": behind * largest, "se": error * largest}
    return next(kind for kind, s in scores.items() if s["behind"] <= s["se"]), scores


def _losses(seen: Seen, declared: Declared, kind: str) -> np.ndarray:
    """(n,) of one kind, each fold by the others; infinite where there is no bound."""
    parts, loss = seen.parts(), np.full(len(seen.p), np.inf)
    for number in np.unique(parts):
        here, rest = parts == number, seen.at(np.flatnonzero(parts != number))
        part = _part(rest, declared, kind)
        if declared.labels:
            loss[here] = within(seen.p[here], kind, part).sum(axis=1)
            continue
        low, high = ends(seen.p[here, 0], part)
        missed = np.maximum(low - seen.outcome[here], 0.0) + np.maximum(seen.outcome[here] - high, 0.0)
        loss[here] = (high - low) + 2.0 / (1.0 - declared.coverage) * missed
    return loss


def _fitted(seen: Seen, declared: Declared, kind: str) -> dict[str, Any]:
    names = group_names(seen.rows, declared.grouped_by)
    groups = {}
    if names is not None:
        large, name_of = _large(names, least_rows(declared.coverage)), names.to_numpy()
        groups = {value: _part(seen.at(np.flatnonzero(name_of == value)), declared, kind) for value in large}
    return {"kind": kind, "coverage": declared.coverage, "by": declared.grouped_by, "all": _part(seen, declared, kind), "groups": groups}


def _large(names: pl.Series, least: int) -> list[str]:
    """The most common groups, by name; too few rows promise nothing of their own: all rows together are the better guess."""
    counts = names.value_counts(name="n").filter(pl.col("n") >= least).sort(["n", names.name], descending=[True, False])
    return sorted(counts[names.name].head(MAX_GROUPS).to_list())


def _part(seen: Seen, declared: Declared, kind: str) -> dict[str, Any]:
    if declared.labels:
        return _labels(seen, declared, kind)
    kinds: dict[str, Callable[[Seen, float], dict[str, Any]]] = {"absolute": _absolute, "signed": _signed, "local": _local}
    return kinds[kind](seen, declared.coverage)


def _labels(seen: Seen, declared: Declared, kind: str) -> dict[str, Any]:
    code = seen.outcome.astype(int)
    scores = strangeness(seen.p, kind)[np.arange(len(code)), code]
    overall = reach_of(scores, declared.coverage)
    if declared.by != declared.target:
        return {"reach": [overall] * len(declared.labels)}
    return {"reach": [reach_of(scores[code == k], declared.coverage) for k in range(len(declared.labels))]}


def _flat(below: float | None, above: float | None) -> dict[str, Any]:
    return {"x": [0.0], "low": [0.0], "high": [0.0], "reach": [below, above]}


def _absolute(seen: Seen, coverage: float) -> dict[str, Any]:
    """As far up as down, everywhere alike."""
    reach = reach_of(np.abs(seen.outcome - seen.p[:, 0]), coverage)
    return _flat(reach, reach)


def _signed(seen: Seen, coverage: float) -> dict[str, Any]:
    """Everywhere alike, with half of what may be missed on either side."""
    error, each = seen.outcome - seen.p[:, 0], (1.0 + coverage) / 2.0
    return _flat(reach_of(-error, each), reach_of(error, each))


def _local(seen: Seen, coverage: float) -> dict[str, Any]:
    """The errors' own quantiles along the prediction, moved apart by what they still miss (Romano, Patterson & Candes 2019)."""
    prediction, error, parts = seen.p[:, 0], seen.outcome - seen.p[:, 0], seen.parts()
    scores = np.empty(len(error))
    for number in np.unique(parts):
        here, rest = parts == number, parts != number
        curve = usual_errors(prediction[rest], error[rest], coverage)
        low, high = (np.interp(prediction[here], curve["x"], curve[end]) for end in ("low", "high"))
        scores[here] = np.maximum(low - error[here], error[here] - high)
    reach = reach_of(scores, coverage)
    return {**usual_errors(prediction, error, coverage), "reach": [reach, reach]}


def usual_errors(prediction: np.ndarray, error: np.ndarray, coverage: float) -> Mapping[str, list[float]]:
    """`low` and `high`: quantiles of (n,) errors among rows of a like prediction, at the middle `x` of each such bin.

    At most MAX_BINS bins of equally many rows, each with some TAIL_ROWS rows beyond either end.
    """
    tail = (1.0 - coverage) / 2.0
    if not len(error):
        return {"x": [0.0], "low": [0.0], "high": [0.0]}
    n_bins = min(MAX_BINS, max(1, int(len(error) * tail / TAIL_ROWS)))
    bins = np.array_split(np.argsort(prediction, kind="stable"), n_bins)
    x, place = np.unique([float(np.median(prediction[b])) for b in bins], return_inverse=True)
    # Bins of one and the same prediction are one.
    quantiles = [np.quantile(error[np.concatenate([b for b, at in zip(bins, place, strict=True) if at == k])], [tail, 1.0 - tail]) for k in range(len(x))]
    return {"x": x.tolist(), "low": [float(q[0]) for q in quantiles], "high": [float(q[1]) for q in quantiles]}
