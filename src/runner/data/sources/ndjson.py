"""Text with one JSON object a line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.registry import register
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError, shortened

DEEPEST = 64
LONGEST_LINE = 1 << 24
BLOCK = 1 << 23
EXACT = 2.0**53


class NdjsonSpec(FileSourceSpec):
    """A text file with one JSON object a line, UTF-8; a key that a line lacks is a missing value."""

    kind: Literal["ndjson"]


@register("source", NdjsonSpec)
def scan(spec: NdjsonSpec, path: Path) -> pl.LazyFrame:
    """The rows; types are settled on all lines, so that a late fraction in a column of whole numbers loses nothing.

    Raises UnreadableError with the line for text that is no JSON object, is nested too deep, or would be rounded.
    """
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty", "one JSON object a line", "export it again")
    with path.open("rb") as stream:
        if stream.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
            raise UnreadableError("the file begins with a byte order mark", "UTF-8 without one", "save it without, or remove its first three bytes")
    _check_bounds(path)
    try:
        rows = pl.scan_ndjson(path, infer_schema_length=None)
        schema = rows.collect_schema()
    except (PolarsError, PanicException) as error:
        raise _named(path, error) from None
    _check_values(path, rows, schema)
    return rows


def _check_bounds(path: Path) -> None:
    """Lines of bounded length, not nested so deep that a parser runs out of stack."""
    depth = start = line = 0
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            signs = np.frombuffer(block, np.uint8)
            if 0 in block:
                raise UnreadableError(f"line {line + block[: block.index(0)].count(10) + 1} has a NUL byte", "text in UTF-8", "export it again")
            # Brackets inside of text count as well: whoever has that many of them gets a closer look.
            steps = np.where((signs == 0x5B) | (signs == 0x7B), 1, np.where((signs == 0x5D) | (signs == 0x7D), -1, 0))
            depths = depth + np.cumsum(steps)
            if int(depths.max(initial=0)) > DEEPEST:
                _check_each_line(path)
                return
            depth = int(depths[-1])
            ends = np.flatnonzero(signs == 10)
            longest = int(np.diff(np.concatenate(([-start - 1], ends, [signs.size]))).max())
            if longest > LONGEST_LINE:
                number = line + 1
                raise UnreadableError(f"a line from line {number} on is longer than {LONGEST_LINE:,} bytes", "one object a line", "check the line ends")
            start = signs.size - int(ends[-1]) - 1 if ends.size else start + signs.size
            line += int(ends.size)


def _check_each_line(path: Path) -> None:
    with path.open("rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE), b""), 1):
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                raise UnreadableError(f"line {number} is longer than {LONGEST_LINE:,} bytes", "one object a line", "check the line ends")
            if _depth(line) > DEEPEST:
                raise UnreadableError(f"line {number} is nested deeper than {DEEPEST} levels", "flat objects", "flatten it where it is exported")


def _depth(line: bytes) -> int:
    """How deep brackets outside of text are nested."""
    deepest = depth = 0
    is_text = is_escaped = False
    for sign in line:
        if is_escaped:
            is_escaped = False
        elif is_text:
            is_escaped, is_text = sign == 0x5C, sign != 0x22
        elif sign == 0x22:
            is_text = True
        elif sign in b"[{":
            depth += 1
            deepest = max(deepest, depth)
            if deepest > DEEPEST:
                break
        elif sign in b"]}":
            depth -= 1
    return deepest


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                yield number, line


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _named(path: Path, error: BaseException) -> UnreadableError:
    """The first line that is no JSON object; the engine's own words where each is one."""
    for number, line in _lines(path):
        try:
            value = json.loads(line, parse_constant=_no_number)
        except UnicodeDecodeError as found:
            wrong = f"line {number} is not UTF-8: byte {line[found.start]:#04x} at position {found.start + 1}"
            return UnreadableError(wrong, "text in UTF-8", "convert it to UTF-8")
        except ValueError as found:
            return UnreadableError(f"line {number} is no JSON: {found}", "one JSON object a line", "mend or remove the line")
        if not isinstance(value, dict):
            return UnreadableError(f"line {number} is no object: {shortened(line.decode().strip())}", "one JSON object a line", "mend or remove the line")
    told = " ".join(str(error).split("\n")[0].split())
    return UnreadableError(f"its lines do not fit together: {told}", "values of one type under each key", "make them alike where it is exported")


def _check_values(path: Path, rows: pl.LazyFrame, schema: Mapping[str, pl.DataType]) -> None:
    """Every value is parsed once, and a whole number beyond 2^53 beside fractions is refused: it would be rounded into another one."""
    floats = [name for name, dtype in schema.items() if dtype.is_float()]
    try:
        looked = rows.select(pl.all().null_count().name.prefix("n "), *(pl.col(name).abs().max() for name in floats)).collect(engine="streaming")
    except (PolarsError, PanicException) as error:
        raise _named(path, error) from None
    largest = {name: looked[name][0] for name in floats}
    suspects = [name for name, value in largest.items() if value is not None and value >= EXACT]
    if not suspects:
        return
    for number, line in _lines(path):
        value: dict[str, Any] = json.loads(line)
        for name in suspects:
            found = value.get(name)
            if isinstance(found, int) and not isinstance(found, bool) and int(float(found)) != found:
                wrong = f"line {number}: {name!r} is {found}, which a column with fractions would round"
                raise UnreadableError(wrong, "whole numbers up to 2^53 beside fractions", "write it as text")
