"""Declarative AutoML for tabular business decisions: from a reviewed config to a monitored model."""

__version__ = "0.1.0"
