"""What is known of an entity strictly before the row's time."""

from runner.features.steps.history.step import HistorySpec, fit

__all__ = ["HistorySpec", "fit"]
