"""The families of candidates: one file per kind."""

from runner.training.models import catboost, constant, ensemble, lightgbm, linear, rule, segments

__all__ = ["catboost", "constant", "ensemble", "lightgbm", "linear", "rule", "segments"]
