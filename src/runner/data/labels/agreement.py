"""How far annotators agree beyond chance: Krippendorff's alpha for labels without an order.

Source: Krippendorff (2011), Computing Krippendorff's alpha-reliability, section C (any number of observers, missing labels);
interval: percentile bootstrap over the annotated rows (Efron & Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from runner.data.labels.annotations import Annotated

CONFIDENCE = 0.95
MAX_DRAWS, MIN_DRAWS, CELLS = 2000, 400, 20_000_000
UNIT = "alpha"


def alpha_of(annotated: Annotated, seed: int) -> dict[str, Any]:
    """Alpha with its interval: 1 for perfect agreement, 0 for chance; unknown where fewer than two labels were used or no row has two.

    seed: of the bootstrap.
    """
    n_items, n_labels = annotated.keys.height, len(annotated.labels)
    counts = np.bincount(annotated.item * n_labels + annotated.label, minlength=n_items * n_labels).reshape(n_items, n_labels)
    paired = counts[counts.sum(axis=1) >= 2]
    if not len(paired):
        return _told(None, None, None, "no row has labels by two annotators")
    # Rows on which the same was said are alike, so that they are drawn together.
    patterns, rows = np.unique(paired, axis=0, return_counts=True)
    value = alpha(patterns, rows[None, :].astype(np.float64))[0]
    if np.isnan(value):
        return _told(None, None, None, "only one label was ever given")
    if len(paired) < 2:
        return _told(float(value), None, None, "only 1 row has labels by two annotators")
    draws = int(np.clip(CELLS // len(patterns), MIN_DRAWS, MAX_DRAWS))
    drawn = np.random.default_rng(seed).multinomial(len(paired), rows / len(paired), size=draws)
    found = alpha(patterns, drawn.astype(np.float64))
    found = found[~np.isnan(found)]
    if len(found) < MIN_DRAWS / 2:
        return _told(float(value), None, None, "too few rows hold a second label")
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return _told(float(value), float(low), float(high), None)


def alpha(patterns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(D,) alpha for D ways to weigh rows; NaN where only one label was given.

    patterns: (P, K) how often each label was given to a row, two labels at least in each; rows: (D, P) how many rows of each pattern.
    """
    said = patterns.sum(axis=1)
    # Ordered pairs of different labels within a row, each row weighted by 1 / (m - 1): the observed disagreement.
    apart = (said**2 - (patterns**2).sum(axis=1)) / (said - 1)
    observed = np.einsum("dp,p->d", rows, apart, optimize=False)
    totals = np.einsum("dp,pk->dk", rows, patterns.astype(np.float64), optimize=False)
    every = totals.sum(axis=1)
    expected = every**2 - (totals**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(expected > 0, 1.0 - (every - 1.0) * observed / expected, np.nan))


def _told(value: float | None, low: float | None, high: float | None, why: str | None) -> dict[str, Any]:
    found = {"value": value, "low": low, "high": high, "confidence": CONFIDENCE, "unit": UNIT}
    return found if why is None else {**found, "why": why}
