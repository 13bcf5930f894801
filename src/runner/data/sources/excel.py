"""Sheets of a workbook."""

from __future__ import annotations

import logging
import lzma
import re
import zlib
from collections import Counter
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile, ZipFile, is_zipfile

import polars as pl
from pydantic import Field

from runner.core.faults import listed, nearest
from runner.core.registry import register
from runner.data.extra import needed
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

# What a workbook may become when it is unpacked: a sheet has 2^20 rows at most, and an archive of a few kilobytes can hold petabytes.
LARGEST = 1 << 30
AT_ONCE = 1 << 20
SHOWN_ERRORS = 5
ERROR = re.compile(r"Error\((\w+)\)")
ERRORS = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!", "Value": "#VALUE!", "GettingData": "#DATA!"}


class ExcelSpec(FileSourceSpec):
    """One sheet of a workbook (.xlsx, .xlsm, .xlsb, .xls or .ods) inside the workspace, with a header row."""

    kind: Literal["excel"]
    sheet: str | None = None
    """Name of the sheet; may be left out where there is just one."""
    header_row: int = Field(default=1, ge=1)
    """Number of the row that names the columns, as the spreadsheet counts; what stands above it is left out."""

    def told(self, path: Path) -> dict[str, Any]:
        """The cells with an error, where there are any: their values are missing."""
        fastexcel = needed("fastexcel")
        book = fastexcel.read_excel(path)
        sheet = _chosen(self, list(book.sheet_names))
        errors = _loaded(book, sheet, self, _names(book, sheet, self.header_row)).to_arrow_with_errors()[1]
        # Others are values that do not fit a column's type, which is text then.
        cells = sorted((e.offset_position, e.detail) for e in (errors.errors if errors is not None else []) if ERROR.search(e.detail))
        first = [f"{_column(n)}{self.header_row + 1 + row} {_error(detail)}" for (row, n), detail in cells[:SHOWN_ERRORS]]
        return {"error_cells": {"sheet": sheet, "cells": len(cells), "first": first}} if cells else {}


@register("source", ExcelSpec)
def scan(spec: ExcelSpec, path: Path) -> pl.LazyFrame:
    """The sheet's rows. A column with cells of several types is text; a cell with an error, such as #N/A, is missing.

    Raises UnreadableError for what is no workbook, a sheet that is not there, doubled or missing names, and an archive that unpacks to too much.
    """
    fastexcel = needed("fastexcel")
    # It warns of columns without a value; what is empty is a finding of the data room.
    logging.getLogger("fastexcel").setLevel(logging.ERROR)
    if path.stat().st_size == 0:
        raise UnreadableError("the file is empty", "a workbook", "export it again")
    _refuse_bomb(path)
    try:
        book = fastexcel.read_excel(path)
        sheet = _chosen(spec, list(book.sheet_names))
        names = _names(book, sheet, spec.header_row)
        rows: pl.DataFrame = _loaded(book, sheet, spec, names).to_polars()
    except fastexcel.FastExcelError as error:
        told = " ".join(str(error).split("\n")[0].split())
        raise UnreadableError(f"cannot be read as a workbook: {told}", "a whole workbook without a password", "save it again as .xlsx") from None
    return rows.lazy()


def _loaded(book: Any, sheet: str, spec: ExcelSpec, names: list[str]) -> Any:
    return book.load_sheet(sheet, header_row=None, skip_rows=spec.header_row, column_names=names, use_columns=list(range(len(names))), schema_sample_rows=None)


def _column(n: int) -> str:
    """A column's letters, as the spreadsheet counts: 0 is A."""
    return ("" if n < 26 else _column(n // 26 - 1)) + chr(ord("A") + n % 26)


def _error(detail: str) -> str:
    """The error as the spreadsheet writes it."""
    found = ERROR.search(detail)
    word = found.group(1) if found else ""
    return ERRORS.get(word, word)


def _refuse_bomb(path: Path) -> None:
    if not is_zipfile(path):
        return
    left = LARGEST
    try:
        with ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    # Counted as it comes out: what the archive says of its sizes need not be so.
                    while left > 0 and (piece := stream.read(AT_ONCE)):
                        left -= len(piece)
                if left <= 0:
                    raise UnreadableError(f"it unpacks to more than {LARGEST:,} bytes", "a workbook of sheets", "export the table as Parquet or CSV")
    except (BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise UnreadableError(f"the workbook is damaged: {error}", "a whole workbook without a password", "save it again as .xlsx") from None


def _chosen(spec: ExcelSpec, sheets: list[str]) -> str:
    if spec.sheet is None:
        if len(sheets) == 1:
            return sheets[0]
        raise UnreadableError(f"it has {len(sheets)} sheets", "the name of one in `sheet`", f"sheets: {listed(map(repr, sheets))}")
    if spec.sheet not in sheets:
        near = nearest(spec.sheet, sheets) or f"sheets: {listed(map(repr, sheets))}"
        raise UnreadableError(f"there is no sheet {spec.sheet!r}", "a sheet of the workbook", near)
    return spec.sheet


def _names(book: Any, sheet: str, row: int) -> list[str]:
    """The header as it stands there: a reader would give doubled and missing names of its own."""
    head = book.load_sheet(sheet, header_row=None, skip_rows=row - 1, n_rows=1, dtypes="string").to_polars()
    cells = list(head.row(0)) if head.height else []
    while cells and cells[-1] in (None, ""):
        cells.pop()
    if not cells:
        raise UnreadableError(f"row {row} of the sheet {sheet!r} is empty", "a row that names the columns", "say which one it is with `header_row`")
    nameless = [n for n, cell in enumerate(cells, 1) if cell in (None, "")]
    if nameless:
        raise UnreadableError(
            f"row {row} has no name for column number {nameless[0]}", "a name for each column", "name it, or say where the header is: `header_row`"
        )
    doubled = [name for name, count in Counter(map(str, cells)).items() if count > 1]
    if doubled:
        raise UnreadableError(f"row {row} names columns twice: {listed(map(repr, doubled))}", "each column named once", "rename one of them")
    return [str(cell) for cell in cells]
