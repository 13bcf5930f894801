"""From score to action: one file per kind of policy."""

from runner.problem.policies import per_row, threshold, top_k

__all__ = ["per_row", "threshold", "top_k"]
