"""Calibration on out-of-fold probabilities: fitted, chosen, and judged each fold by the others."""

from runner.problem.policies.calibration.choice import Calibrated, calibrate, choose, cross_fitted
from runner.problem.policies.calibration.curves import NONE, fit

__all__ = ["NONE", "Calibrated", "calibrate", "choose", "cross_fitted", "fit"]
