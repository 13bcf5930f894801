"""Where rows come from: one file per kind of source."""

from runner.data.sources import csv, parquet

__all__ = ["csv", "parquet"]
