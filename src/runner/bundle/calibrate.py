"""From raw scores to probabilities that can be read as shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

EDGE = 1e-6


def logit(p: np.ndarray) -> np.ndarray:
    """Log-odds, with p kept EDGE away from 0 and 1."""
    kept = np.clip(p, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(kept / (1.0 - kept)))


def log_sides(p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln p and -ln(1 - p), both rising with p, with p kept EDGE away from 0 and 1."""
    kept = np.clip(p, EDGE, 1.0 - EDGE)
    return np.asarray(np.log(kept)), np.asarray(-np.log(1.0 - kept))


def calibrated(p: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """Apply a fitted calibration.

    p: (n, k) class probabilities, or (n, 1) regression predictions, which pass through.
    calibration: {"kind": "none"}; for two classes one of those that `risen` applies;
    {"kind": "temperature", "t"} (Guo et al. 2017), {"kind": "shares", "t", "offsets"} (after a fit on balanced classes, Alexandari et
    al. 2020), {"kind": "vector", "weights", "offsets"} (vector scaling, Guo et al. 2017) or
    {"kind": "per_class", "parts"}: one curve for each class against the rest (Zadrozny & Elkan 2002), brought to sum to 1, with "offsets"
    where the shares had to be made right again.
    """
    kind = calibration["kind"]
    if kind == "none" or p.shape[1] == 1:
        return p
    if kind in ("temperature", "shares"):
        return _shared_out(np.log(np.clip(p, EDGE, 1.0)) / calibration["t"] + np.array(calibration.get("offsets", 0.0)))
    if kind == "vector":
        return _shared_out(np.log(np.clip(p, EDGE, 1.0)) * np.array(calibration["weights"]) + np.array(calibration["offsets"]))
    if kind == "per_class":
        shares = _normalised(np.column_stack([risen(p[:, k], part) for k, part in enumerate(calibration["parts"])]), p)
        return _shared_out(np.log(np.clip(shares, EDGE, 1.0)) + np.array(calibration["offsets"])) if "offsets" in calibration else shares
    positive = risen(p[:, 1], calibration)
    return np.column_stack([1.0 - positive, positive])


def risen(p: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """(n,) probabilities of one class on a rising curve of its scores.

    calibration: {"kind": "none"}, {"kind": "sigmoid", "slope", "offset"} (Platt 1999), {"kind": "isotonic", "x", "y"} (Zadrozny & Elkan
    2002) or {"kind": "beta", "a", "b", "offset"} (Kull, Silva Filho & Flach 2017).
    """
    kind = calibration["kind"]
    if kind == "none":
        return p
    if kind == "isotonic":
        return np.asarray(np.interp(p, calibration["x"], calibration["y"]))
    if kind == "sigmoid":
        return _logistic(calibration["slope"] * logit(p) + calibration["offset"])
    near_no, near_yes = log_sides(p)
    return _logistic(calibration["a"] * near_no + calibration["b"] * near_yes + calibration["offset"])


def _logistic(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0))))


def _shared_out(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _normalised(shares: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Rows brought to sum to 1; a row whose every class was calibrated to nothing keeps its scores."""
    total = shares.sum(axis=1, keepdims=True)
    return np.where(total > 0, shares / np.where(total > 0, total, 1.0), p)
