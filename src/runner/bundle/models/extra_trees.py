"""Extra trees are kept as a forest is."""

from __future__ import annotations

from runner.bundle.models import forest
from runner.core.registry import register

load = register("model", "extra_trees")(forest.load)
