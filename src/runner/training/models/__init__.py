"""The families of candidates: one file per kind."""

from runner.training.models import catboost, constant, lightgbm, linear, rule

__all__ = ["catboost", "constant", "lightgbm", "linear", "rule"]
