"""For those who write plugins: a plugin's parts in a test, made-up rows, and the contracts that every part of a family keeps."""

from runner.testing.candidates import CandidateContract
from runner.testing.made import plugin, rows
from runner.testing.metrics import MetricContract
from runner.testing.sources import SourceContract
from runner.testing.steps import StepContract

__all__ = ["CandidateContract", "MetricContract", "SourceContract", "StepContract", "plugin", "rows"]
