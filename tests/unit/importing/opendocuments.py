"""Write a workbook of openpyxl as LibreOffice would: an OpenDocument spreadsheet (.ods)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

URN = "urn:oasis:names:tc:opendocument:xmlns:"
NAMES = " ".join(f'xmlns:{n}="{URN}{n}:1.0"' for n in ("office", "table", "text", "style"))
STYLES = (
    '<style:style style:name="gone" style:family="table">'
    '<style:table-properties table:display="false"/></style:style>'
    '<style:style style:name="up" style:family="text">'
    '<style:text-properties style:text-position="super 58%"/></style:style>'
    '<style:style style:name="down" style:family="text">'
    '<style:text-properties style:text-position="sub 58%"/></style:style>'
)
COLLAPSED = ' table:visibility="collapse"'


def save(book: Workbook, path: Path) -> Path:
    """Save a workbook in the form that the ending of the path names."""
    if path.suffix == ".ods":
        return packed(path, "".join(_table(sheet) for sheet in book.worksheets))
    book.save(path)
    return path


def packed(path: Path, tables: str, **parts: str) -> Path:
    """Write a spreadsheet of which the tables are given as XML."""
    content = (
        f"<office:document-content {NAMES}><office:automatic-styles>{STYLES}"
        f"</office:automatic-styles><office:body><office:spreadsheet>{tables}"
        "</office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in {"mimetype": kind, "content.xml": content, **parts}.items():
            file.writestr(name, text)
    return path


def _table(sheet: Worksheet) -> str:
    style = "" if sheet.sheet_state == "visible" else ' table:style-name="gone"'
    shown = (sheet.column_dimensions[get_column_letter(c)].hidden
             for c in range(1, sheet.max_column + 1))  # fmt: skip
    columns = (
        f'<table:table-column table:number-columns-repeated="{times}"{COLLAPSED * hidden}/>'
        for hidden, times in _runs(shown)
    )
    rows = (
        f'<table:table-row table:number-rows-repeated="{times}"{row}</table:table-row>'
        for row, times in _runs(_row(sheet, number) for number in range(1, sheet.max_row + 1))
    )
    end = '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/>'
    inner = f"{''.join((*columns, *rows))}{end}</table:table-row>"
    return f"<table:table table:name={quoteattr(sheet.title)}{style}>{inner}</table:table>"


def _row(sheet: Worksheet, number: int) -> str:
    cells = (_cell(sheet, number, column) for column in range(1, sheet.max_column + 1))
    repeated = (
        part.replace("?", f' table:number-columns-repeated="{times}"', 1)
        for part, times in _runs(cells)
    )
    end = '<table:table-cell table:number-columns-repeated="16000"/>'
    return f"{COLLAPSED * sheet.row_dimensions[number].hidden}>{''.join(repeated)}{end}"


def _cell(sheet: Worksheet, row: int, column: int) -> str:
    cell = sheet.cell(row, column)
    merged = [r for r in sheet.merged_cells.ranges if cell.coordinate in r]
    if merged and (merged[0].min_row, merged[0].min_col) != (row, column):
        return "<table:covered-table-cell?/>"
    span = (
        f' table:number-rows-spanned="{merged[0].size["rows"]}"'
        f' table:number-columns-spanned="{merged[0].size["columns"]}"'
        if merged
        else ""
    )
    note = (
        f"<office:annotation><text:p>{escape(cell.comment.text)}</text:p></office:annotation>"
        if cell.comment
        else ""
    )
    told, text = _value(cell.value, cell.number_format)
    return f"<table:table-cell?{span}{told}>{note}{text}</table:table-cell>"


def _value(value: Any, shown: str) -> tuple[str, str]:
    """Return the attributes of a cell, and its text as one sees it (rounded, in a language)."""
    if value is None:
        return "", ""
    if isinstance(value, bool):
        return _typed("boolean", "boolean-value", str(value).lower()), "<text:p>WAHR</text:p>"
    if isinstance(value, int | float):
        kind = "percentage" if "%" in shown else "float"
        return _typed(kind, "value", repr(value)), f"<text:p>{value:.0f}</text:p>"
    if isinstance(value, datetime | date):
        return _typed("date", "date-value", value.isoformat()), "<text:p>3. April</text:p>"
    if isinstance(value, time):
        told = value.strftime("PT%HH%MM%SS")
        return _typed("time", "time-value", told), "<text:p>12 Uhr</text:p>"
    if isinstance(value, CellRichText):
        return ' office:value-type="string"', f"<text:p>{''.join(map(_piece, value))}</text:p>"
    if value.startswith("="):
        return f" table:formula={quoteattr(f'of:{value}')}", ""
    lines = (escape(line).replace("  ", "<text:s/><text:s/>") for line in value.split("\n"))
    return ' office:value-type="string"', "".join(f"<text:p>{line}</text:p>" for line in lines)


def _typed(kind: str, name: str, value: str) -> str:
    return f' office:value-type="{kind}" office:{name}="{value}"'


def _piece(piece: Any) -> str:
    if isinstance(piece, str):
        return escape(piece)
    style = "up" if piece.font.vertAlign == "superscript" else "down"
    return f'<text:span text:style-name="{style}">{escape(piece.text)}</text:span>'


def _runs(pieces: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    return ((piece, sum(1 for _ in group)) for piece, group in groupby(pieces))
