"""The families of candidates: one file per kind."""

from runner.training.models import additive, catboost, constant, ensemble, extra_trees, forest, lightgbm, linear, mlp, rule, segments, tree

__all__ = ["additive", "catboost", "constant", "ensemble", "extra_trees", "forest", "lightgbm", "linear", "mlp", "rule", "segments", "tree"]
