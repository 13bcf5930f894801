"""Delimited text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.data.sources import dialect, magic, records
from runner.data.sources.batches import lazily
from runner.data.sources.regular import IrregularError, blocks
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

TAB_ENDINGS = (".tsv", ".tab")
NO_SEPARATORS = ('"', "\n", "\r", "\0")


class CsvSpec(FileSourceSpec):
    """A delimited text file with a header line, UTF-8 unless declared otherwise, inside the workspace."""

    kind: Literal["csv"]
    separator: str = Field(default=",", min_length=1)
    """The one character between cells, such as `;` or a tab, or `auto`: what cuts most rows alike. A file that ends in .tsv has a tab."""
    encoding: str = "utf-8"
    """How the text is stored, such as `utf-8`, `latin-1` or `utf-16`, or `auto`: by its byte order mark, UTF-8 where it is, else Windows-1252."""
    null_values: list[str] = ["", "NA", "null"]
    """Cells with exactly this text are missing, quoted or not."""

    @model_validator(mode="before")
    @classmethod
    def _tab_in_tsv(cls, given: Any) -> Any:
        if isinstance(given, dict) and "separator" not in given and str(given.get("path", "")).lower().endswith(TAB_ENDINGS):
            return {**given, "separator": "\t"}
        return given

    @model_validator(mode="after")
    def _readable(self) -> Self:
        wrong = []
        if self.separator != dialect.AUTO and (len(self.separator) != 1 or self.separator in NO_SEPARATORS):
            wrong.append(Complaint(("separator",), f"separator {self.separator!r} cannot separate cells", "one character, or auto"))
        if self.encoding != dialect.AUTO and not dialect.known(self.encoding):
            wrong.append(Complaint(("encoding",), f"encoding {self.encoding!r} is not known", "such as utf-8, latin-1, cp1252, utf-16, or auto"))
        if wrong:
            raise ComplaintsError(wrong)
        return self

    def told(self, path: Path) -> dict[str, Any]:
        """The dialect that was found, where any of it was to be found."""
        if dialect.AUTO not in (self.separator, self.encoding):
            return {}
        separator, encoding = _dialect(self, path)
        return {"separator": separator, "encoding": encoding}


@register("source", CsvSpec)
def scan(spec: CsvSpec, path: Path) -> pl.LazyFrame:
    """The file's rows as text columns; the contract casts them, so that no type is guessed. The whole file has been judged when this returns.

    A byte order mark and empty lines at the end are passed over; nothing else is forgiven. Raises UnreadableError with
    the line for text that is not in the encoding, NUL bytes, rows of another length than the header, open quotes, doubled names,
    and for a header in which another separator stands.
    """
    _refuse_other(path)
    _refuse_wide(spec, path)
    separator, encoding = _dialect(spec, path)
    names = records.header(path, encoding, separator)
    return _judged(path, encoding, separator, names, spec.null_values)


def _judged(path: Path, encoding: str, separator: str, names: list[str], marks: list[str]) -> pl.LazyFrame:
    schema = dict.fromkeys(names, pl.String())
    try:
        n = sum(block.rows for block in blocks(path, encoding, separator, len(names)))
    except IrregularError:
        # Once to the end, so that what is wrong is said now; the rows are read when they are asked for.
        for _ in records.frames(path, encoding, separator):
            pass
        return _missing(lazily(lambda columns: records.frames(path, encoding, separator), schema), marks)
    # A mark with a quote in it stands in the text in another form than it is meant.
    own, left = ([], marks) if any('"' in mark for mark in marks) else (marks, [])
    options: dict[str, Any] = {
        "has_header": False,
        "schema": schema,
        "separator": separator,
        "null_values": own or None,
        "empty_string_is_null": "" in own,
        "raise_if_empty": False,
    }
    if n and dialect.is_utf8(encoding):
        # Empty lines at the end are no records.
        return _missing(pl.scan_csv(path, skip_rows=1, n_rows=n, glob=False, **options), left)
    return _missing(lazily(lambda columns: _parsed(path, encoding, separator, options, columns), schema), left)


def _parsed(path: Path, encoding: str, separator: str, options: dict[str, Any], columns: list[str] | None) -> Iterator[pl.DataFrame]:
    names = list(options["schema"])
    places = None if columns is None else [names.index(name) for name in columns]
    for block in blocks(path, encoding, separator, len(names)):
        yield pl.read_csv(block.content, n_rows=block.rows, columns=places, **options)


def _missing(rows: pl.LazyFrame, marks: list[str]) -> pl.LazyFrame:
    if not marks:
        return rows
    return rows.with_columns(pl.when(~pl.all().is_in(marks)).then(pl.all()))


def _dialect(spec: CsvSpec, path: Path) -> tuple[str, str]:
    encoding = dialect.encoding_of(path) if spec.encoding == dialect.AUTO else spec.encoding
    return (dialect.separator_in(path, encoding) if spec.separator == dialect.AUTO else spec.separator), encoding


def _refuse_other(path: Path) -> None:
    """What is no text is told as what it is: to look for its encoding would lead nowhere."""
    with path.open("rb") as stream:
        found = magic.what_it_is(stream.read(magic.LOOKED_AT))
    if found is not None:
        raise UnreadableError(f"the file is {found[0]}", "delimited text", found[1])


def _refuse_wide(spec: CsvSpec, path: Path) -> None:
    """UTF-16 is told as such where UTF-8 is declared: its bytes would be called damaged otherwise."""
    if spec.encoding == dialect.AUTO or not dialect.is_utf8(spec.encoding):
        return
    with path.open("rb") as stream:
        found = dialect.wide_encoding(stream.read(dialect.SNIFFED_BYTES))
    if found is not None:
        name = found.upper() if found in ("utf-16", "utf-32") else "UTF-16"
        hint = f"declare `encoding: {found}`, or convert it, for example with `iconv -f {found.replace('-le', 'le').replace('-be', 'be')} -t utf-8`"
        raise UnreadableError(f"the file is {name}", "text in UTF-8", hint)
