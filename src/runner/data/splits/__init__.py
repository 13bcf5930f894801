"""How rows are set apart for test and folds: one file per kind of split.

A split gives each row a place, Int8: TEST, FIRST_BLOCK (trained on, never validated) or the fold it is validated in.
"""

from runner.data.splits import by_time, stratified

__all__ = ["by_time", "stratified"]
