"""Columns of other sources, put to the rows: one file per kind of join. Rows keep their number and order."""

from runner.data.joins.keys import common_key

__all__ = ["common_key"]
