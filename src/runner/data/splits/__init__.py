"""How rows are set apart for test and folds: one file per kind of split.

A split gives each row a place, Int8: the fold it is validated in, or one of the places named in `split.py`.
"""

from runner.data.splits import by_order, by_time, by_time_and_group, grouped, stratified

__all__ = ["by_order", "by_time", "by_time_and_group", "grouped", "stratified"]
