"""The parts a recipe is made of: one file per kind of step."""

from runner.features.steps import calendar, crossed_encoding, frequency, group_deviation, history, missing, sql, target_encoding

__all__ = ["calendar", "crossed_encoding", "frequency", "group_deviation", "history", "missing", "sql", "target_encoding"]
