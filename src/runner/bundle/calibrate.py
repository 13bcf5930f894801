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


def calibrated(p: np.ndarray, calibration: Mapping[str, Any]) -> np.ndarray:
    """Apply a fitted calibration.

    p: (n, k) class probabilities, or (n, 1) regression predictions, which pass through.
    calibration: {"kind": "none"}, {"kind": "sigmoid", "slope", "offset"} (binary, Platt 1999),
    {"kind": "isotonic", "x", "y"} (binary), {"kind": "temperature", "t"} (multiclass, Guo et al. 2017) or
    {"kind": "shares", "t", "offsets"} (after a fit on balanced classes, Alexandari et al. 2020).
    """
    kind = calibration["kind"]
    if kind == "none" or p.shape[1] == 1:
        return p
    if kind in ("temperature", "shares"):
        raised = np.exp(np.log(np.clip(p, EDGE, 1.0)) / calibration["t"] + np.array(calibration.get("offsets", 0.0)))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))
    if kind == "sigmoid":
        positive = 1.0 / (1.0 + np.exp(-(calibration["slope"] * logit(p[:, 1]) + calibration["offset"])))
    else:
        positive = np.interp(p[:, 1], calibration["x"], calibration["y"])
    return np.column_stack([1.0 - positive, positive])
