"""Where rows come from: one file per kind of source."""

from runner.data.sources import csv, delta, excel, ipc, ndjson, parquet, remote, sql

__all__ = ["csv", "delta", "excel", "ipc", "ndjson", "parquet", "remote", "sql"]
