"""Fitting one kind of calibration on out-of-fold probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.bundle.calibrate import EDGE, calibrated, log_sides, logit

NONE: dict[str, Any] = {"kind": "none"}
PENALTY = 1e-8
PER_CLASS = "_per_class"
PRECISE = {"ftol": 1e-14, "gtol": 1e-9}


def fit(p: np.ndarray, outcome: np.ndarray, kind: str, restore: bool = False) -> dict[str, Any]:
    """A calibration for the bundle.

    p: (n, k) out-of-fold probabilities; outcome: (n,) class positions; kind: as CalibrationSpec declares it, but auto.
    With more than two classes sigmoid, isotonic and beta mean one temperature; with two, vector means beta, and ..._per_class the
    kind alone.
    restore: the scores are of fits on balanced classes, so that their shares have to be made right again whatever the kind.
    """
    found = _fitted(p, outcome, kind)
    if restore and p.shape[1] > 1 and found["kind"] in ("none", "temperature"):
        return _shares(p, outcome, found["kind"] == "temperature")
    if restore and found["kind"] == "per_class":
        # Bringing the classes' curves to sum to 1 moves the shares again.
        return {**found, "offsets": _shares(calibrated(p, found), outcome, False)["offsets"]}
    return found


def _fitted(p: np.ndarray, outcome: np.ndarray, kind: str) -> dict[str, Any]:
    if kind == "none" or p.shape[1] == 1 or len(np.unique(outcome)) < 2:
        return NONE
    if kind == "temperature":
        return _temperature(p, outcome)
    if p.shape[1] == 2:
        return _curve(p[:, 1], outcome, "beta" if kind == "vector" else kind.removesuffix(PER_CLASS))
    if kind == "vector":
        return _vector(p, outcome)
    if kind.endswith(PER_CLASS):
        parts = [_curve(p[:, k], (outcome == k).astype(float), kind.removesuffix(PER_CLASS)) for k in range(p.shape[1])]
        return {"kind": "per_class", "parts": parts}
    return _temperature(p, outcome)


def _curve(p: np.ndarray, hit: np.ndarray, kind: str) -> dict[str, Any]:
    """A rising curve of one class's (n,) probabilities; none where the class came true always, or never."""
    if len(np.unique(hit)) < 2:
        return NONE
    fits = {"sigmoid": _sigmoid, "isotonic": _isotonic, "beta": _beta}
    return fits[kind](p, hit)


def _sigmoid(p: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1e6, max_iter=200, tol=1e-8).fit(logit(p).reshape(-1, 1), hit.astype(int))
    slope = float(model.coef_[0, 0])
    # A slope that is not positive would turn the ranking around: there is nothing to calibrate then.
    return {"kind": "sigmoid", "slope": slope, "offset": float(model.intercept_[0])} if slope > 0 else NONE


def _isotonic(p: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=1e-4, y_max=1 - 1e-4, out_of_bounds="clip").fit(p, hit)
    return {"kind": "isotonic", "x": model.X_thresholds_.tolist(), "y": model.y_thresholds_.tolist()}


def _beta(p: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    """Beta calibration: a logistic regression on ln p and -ln(1 - p) whose slopes are not negative.

    Source: Kull, Silva Filho & Flach (2017). They drop a negative slope and fit again; the bound has the same optimum.
    """
    from scipy.optimize import minimize

    columns = np.column_stack([*log_sides(p), np.ones(len(p))])

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        x = columns @ at
        value = np.logaddexp(0.0, x) - hit * x
        off = 1.0 / (1.0 + np.exp(-np.clip(x, -500.0, 500.0))) - hit
        return float(value.mean() + PENALTY * float(at @ at)), columns.T @ off / len(p) + 2.0 * PENALTY * at

    bounds = [(0.0, None), (0.0, None), (None, None)]
    found = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds, options=PRECISE).x
    return {"kind": "beta", "a": float(found[0]), "b": float(found[1]), "offset": float(found[2])}


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

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, off = _softmax_loss(raw * np.exp(at[0]) + at[1:], code)
        slope = (off * raw).sum() * np.exp(at[0]) if sharpened else 0.0
        return value + PENALTY * float(at @ at), np.concatenate([[slope], off.sum(axis=0)]) + 2.0 * PENALTY * at

    bounds = [(-2.0, 2.0) if sharpened else (0.0, 0.0), *[(None, None)] * p.shape[1]]
    found = minimize(loss, np.zeros(1 + p.shape[1]), jac=True, method="L-BFGS-B", bounds=bounds, options=PRECISE)
    return {"kind": "shares", "t": float(np.exp(-found.x[0])), "offsets": found.x[1:].tolist()}


def _vector(p: np.ndarray, outcome: np.ndarray) -> dict[str, Any]:
    """A weight that is not negative and an offset for each class's log-probability (Guo et al. 2017, vector scaling)."""
    from scipy.optimize import minimize

    raw, code, k = np.log(np.clip(p, EDGE, 1.0)), outcome.astype(int), p.shape[1]

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        value, off = _softmax_loss(raw * at[:k] + at[k:], code)
        return value + PENALTY * float(at @ at), np.concatenate([(off * raw).sum(axis=0), off.sum(axis=0)]) + 2.0 * PENALTY * at

    start = np.concatenate([np.ones(k), np.zeros(k)])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * k + [(None, None)] * k, options=PRECISE)
    return {"kind": "vector", "weights": found.x[:k].tolist(), "offsets": found.x[k:].tolist()}


def _softmax_loss(scores: np.ndarray, code: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean log loss of (n, k) scores, and its (n, k) gradient."""
    scores = scores - scores.max(axis=1, keepdims=True)
    q = np.exp(scores)
    q /= q.sum(axis=1, keepdims=True)
    own = (np.arange(len(code)), code)
    value = float(-np.log(np.maximum(q[own], 1e-300)).mean())
    q[own] -= 1.0
    return value, q / len(code)
