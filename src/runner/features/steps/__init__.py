"""The parts a recipe is made of: one file per kind of step."""

from runner.features.steps import arithmetic, calendar, distance, frequency, history, missing, sql, target_encoding, text_counts, unnest

__all__ = ["arithmetic", "calendar", "distance", "frequency", "history", "missing", "sql", "target_encoding", "text_counts", "unnest"]
