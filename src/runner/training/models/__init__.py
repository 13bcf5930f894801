"""The families of candidates: one file per kind."""

from runner.training.models import additive, catboost, constant, extra_trees, forest, lightgbm, linear, rule, tree

__all__ = ["additive", "catboost", "constant", "extra_trees", "forest", "lightgbm", "linear", "rule", "tree"]
