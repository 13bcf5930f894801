"""Fitting the calibration on out-of-fold probabilities, each fold from the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.bundle.calibrate import EDGE, calibrated, logit

NONE: dict[str, Any] = {"kind": "none"}
PENALTY = 1e-8


def fit(p: np.ndarray, outcome: np.ndarray, kind: str, restore: bool = False) -> dict[str, Any]:
    """A calibration for the bundle.

    p: (n, k) out-of-fold probabilities; outcome: (n,) class positions; kind: none, sigmoid or isotonic.
    With more than two classes both sigmoid and isotonic mean one temperature.
    restore: the scores are of fits on balanced classes, so that their shares have to be made right again whatever the kind.
    """
    found = _fitted(p, outcome, kind)
    if restore and p.shape[1] > 1 and found["kind"] in ("none", "temperature"):
        return _shares(p, outcome, found["kind"] == "temperature")
    return found


def _fitted(p: np.ndarray, outcome: np.ndarray, kind: str) -> dict[str, Any]:
    if kind == "none" or p.shape[1] == 1 or len(np.unique(outcome)) < 2:
        return NONE
    if p.shape[1] > 2:
        return _temperature(p, outcome)
    return _sigmoid(p, outcome) if kind == "sigmoid" else _isotonic(p, outcome)


def cross_fitted(p: np.ndarray, outcome: np.ndarray, fold: np.ndarray, kind: str, restore: bool = False) -> np.ndarray:
    """(n, k) probabilities, each fold calibrated by what the other folds show; a single fold stays as it is, or has its shares put right by itself."""
    result = p.copy()
    numbers = np.unique(fold)
    if len(numbers) < 2:
        return calibrated(p, fit(p, outcome, "none", restore))
    for number in numbers:
        here = fold == number
        result[here] = calibrated(p[here], fit(p[~here], outcome[~here], kind, restore))
    return result


def _sigmoid(p: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6, max_iter=200, tol=1e-8).fit(logit(p[:, 1]).reshape(-1, 1), outcome.astype(int))
    slope = float(model.coef_[0, 0])
    # A slope that is not positive would turn the ranking around: there is nothing to calibrate then.
    return {"kind": "sigmoid", "slope": slope, "offset": float(model.intercept_[0])} if slope > 0 else NONE


def _isotonic(p: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=1e-4, y_max=1 - 1e-4, out_of_bounds="clip").fit(p[:, 1], outcome)
    return {"kind": "isotonic", "x": model.X_thresholds_.tolist(), "y": model.y_thresholds_.tolist()}


def _temperature(p: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
    from scipy.optimize import minimize_scalar

    def loss(log_t: float) -> float:
        own = calibrated(p, {"kind": "temperature", "t": float(np.exp(log_t))})[np.arange(len(outcome)), outcome.astype(int)]
        return float(-np.mean(np.log(np.clip(own, 1e-15, 1.0))))

    return {"kind": "temperature", "t": float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))}


def _shares(p: np.ndarray, outcome: np.ndarray, sharpened: bool) -> dict[str, Any]:
    """An offset for each class, and one temperature where it may be sharpened: the mean probability of a class is then its share.

    Source: Alexandari, Kundaje & Shrikumar (2020), bias-corrected temperature scaling. The tiny penalty holds a class that never came true.
    """
    from scipy.optimize import minimize

    raw, code = np.log(np.clip(p, EDGE, 1.0)), outcome.astype(int)
    hit = np.eye(p.shape[1])[code]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        scores = raw * np.exp(at[0]) + at[1:]
        scores = scores - scores.max(axis=1, keepdims=True)
        q = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        off = (q - hit) / len(code)
        slope = (off * raw).sum() * np.exp(at[0]) if sharpened else 0.0
        value = -np.log(np.maximum(q[np.arange(len(code)), code], 1e-300)).mean() + PENALTY * float(at @ at)
        return float(value), np.concatenate([[slope], off.sum(axis=0)]) + 2.0 * PENALTY * at

    bounds = [(-2.0, 2.0) if sharpened else (0.0, 0.0), *[(None, None)] * p.shape[1]]
    found = minimize(loss, np.zeros(1 + p.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14, "gtol": 1e-9})
    return {"kind": "shares", "t": float(np.exp(-found.x[0])), "offsets": found.x[1:].tolist()}
