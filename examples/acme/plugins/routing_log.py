"""Rows as Acme's routing system logs them: one JSON object a line."""

from pathlib import Path
from typing import Literal

import polars as pl

from runner.extend import FileSourceSpec, UnreadableError, register


class RoutingLogSpec(FileSourceSpec):
    """A text file with one JSON object a line, UTF-8; a key that a line lacks is a missing value."""

    kind: Literal["routing_log"]


@register("source", RoutingLogSpec)
def scan(spec: RoutingLogSpec, path: Path) -> pl.LazyFrame:
    """Every line is read before a type is settled, so that a late fraction in a whole-number column loses nothing."""
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty", "one JSON object a line", "export it again")
    return pl.read_ndjson(path, infer_schema_length=None).lazy()
