"""Each feature's distribution, with the outcome in each of its parts. Counts and means are of all rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.features.explore.parts import parts
from runner.features.explore.view import CONFIDENCE, View, rounded


def profile(view: View, name: str) -> dict[str, Any]:
    """{"of": the label whose share is told (the one that moves most), "parts": [{..., "rows", "mean", "low", "high"}]}."""
    cut = parts(view, name)
    size = len(cut.named)
    rows = np.bincount(cut.codes, minlength=size).astype(float)
    at, means, errors = _moved_most(cut.codes, view, rows)
    spans = [_span(view, *told) for told in zip(means, errors, rows, strict=True)]
    shown = [
        {**named, "rows": int(n), "mean": rounded(mean) if n else None, "low": rounded(low), "high": rounded(high)}
        for named, n, mean, (low, high) in zip(cut.named, rows, means, spans, strict=True)
    ]
    return {"of": view.classes[at], "parts": shown}


def _moved_most(codes: np.ndarray, view: View, rows: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Which outcome column differs most between the parts beside its own spread; its means and its variances within them."""
    n = np.maximum(rows, 1.0)
    found: list[tuple[float, int, np.ndarray, np.ndarray]] = []
    for at in range(view.outcome.shape[1]):
        y = view.outcome[:, at]
        centre = float(y.mean()) if len(y) else 0.0
        mean = np.bincount(codes, weights=y - centre, minlength=len(rows)) / n
        square = np.bincount(codes, weights=(y - centre) ** 2, minlength=len(rows)) / n
        moved = float((rows * mean**2).sum()) / max(float((rows * square).sum()), 1e-300)
        found.append((moved, at, mean + centre, np.maximum(square - mean**2, 0.0)))
    return max(found, key=lambda told: (told[0], -told[1]))[1:]


def _span(view: View, mean: float, variance: float, n: float) -> tuple[float | None, float | None]:
    """Ends of the interval of a share (Wilson 1927) or of a mean (Student 1908); None where so few rows tell none."""
    from scipy.special import ndtri, stdtrit

    if n < 1 or (n < 2 and not view.is_share):
        return None, None
    if not view.is_share:
        reach = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * np.sqrt(variance / (n - 1))
        return float(mean - reach), float(mean + reach)
    z = float(ndtri((1 + CONFIDENCE) / 2))
    centre, reach = (mean + z * z / (2 * n)) / (1 + z * z / n), z * np.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return float(max(0.0, centre - reach)), float(min(1.0, centre + reach))
