"""Read what people keep in spreadsheets, as text with its place, and guess about nothing.

A CSV file may be separated by commas, semicolons or tabs; an xlsx file may hold merged cells. What
comes out is a `Sheet`: cells of text, each with the row of the file in which it stands. A formula,
markup or a control character stops the reading, as it stops the loading of a review.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from analysis_lib.base.errors import Problem, ReviewError, shown
from analysis_lib.review.model import CONTROL, FORMULA, LARGEST_FILE, MARKUP

LARGEST_UNPACKED = 200_000_000  # bytes of an xlsx file once unpacked; a zip can hide any size
MOST_ROWS = 200_000
MOST_COLUMNS = 200

WITH_POINT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
WITH_COMMA = re.compile(r"[+-]?\d*,\d+", re.ASCII)
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)  # 1,234: decimals, or a thousand?
FORMATTING = re.compile(r"</?(?:i|b|u|em|strong|sub|sup)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its number in the file, and its filled cells by column."""

    number: int
    cells: Mapping[str, str]

    def get(self, column: str | None) -> str:
        """Return a cell, empty when the column or the cell is absent."""
        return self.cells.get(column, "") if column else ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of text.

    Attributes
    ----------
    file : str
        Name of the file.
    columns : tuple of str
        The header as it stands, without spaces around it.
    rows : tuple of Row
        The rows that are not empty.
    decimal_commas : bool
        Whether the numbers of the file are written with decimal commas.
    notes : tuple of str
        What the reader should know: other sheets that were not read, merged cells filled.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal_commas: bool = False
    notes: tuple[str, ...] = ()

    def number(self, row: Row, column: str) -> float | None:
        """Return a cell as a number, ``None`` when it is empty.

        Raises
        ------
        ReviewError
            For what is no number, and for what may be two: 1,234 or 1.234.
        """
        try:
            return parse_number(row.get(column), decimal_commas=self.decimal_commas)
        except ReviewError as error:
            raise ReviewError(str(Problem(self.file, str(error), row.number, column))) from None


def parse_number(text: str, *, decimal_commas: bool = False) -> float | None:
    """Return the number that a cell holds, ``None`` for an empty cell.

    Parameters
    ----------
    text
        The cell.
    decimal_commas
        Whether the other numbers of the file are written with decimal commas.

    Raises
    ------
    ReviewError
        For what is no number, and for what may be two.

    Examples
    --------
    >>> parse_number("3,5"), parse_number("−2"), parse_number("")
    (3.5, -2.0, None)
    """
    cell = text.strip().replace("\u2212", "-")
    if not cell:
        return None
    foreign_mark = "." if decimal_commas else ","
    if GROUPED.fullmatch(cell) and foreign_mark in cell:
        raise ReviewError(
            f"{shown(text)} may be {cell.replace(',', '.')} or "
            f"{cell.replace(',', '').replace('.', '')}; write it without the mark"
        )
    if WITH_POINT.fullmatch(cell):
        return _finite(cell, text)
    if WITH_COMMA.fullmatch(cell):
        return _finite(cell.replace(",", "."), text)
    raise ReviewError(f"{shown(text)} is not a number; leave the cell empty if it is not known")


def _finite(cell: str, text: str) -> float:
    number = float(cell)
    if abs(number) == float("inf"):
        raise ReviewError(f"{shown(text)} is too large a number")
    return number


def read_sheet(path: str | Path, *, sheet: str | None = None, formatting: bool = False) -> Sheet:
    """Read a table from a CSV or an xlsx file.

    Parameters
    ----------
    path
        The file; its ending says what it is (.csv, .tsv, .txt or .xlsx).
    sheet
        Which sheet of an xlsx file; the first when absent.
    formatting
        Take away the tags of italics and the like, as titles have them, instead of refusing them.

    Returns
    -------
    Sheet

    Raises
    ------
    ReviewError
        For a file that is missing, too large, not a table, or unsafe; every unsafe cell is named
        with file, row, column and value.
    """
    file = Path(path)
    _check_size(file)
    if file.suffix.lower() == ".xlsx":
        cells, notes = _xlsx_cells(file, sheet)
        cells = _unformatted(cells) if formatting else cells
        return _as_sheet(file.name, cells, decimal_commas=False, notes=notes)
    if file.suffix.lower() not in {".csv", ".tsv", ".txt"}:
        raise ReviewError(f"{file.name}: a .csv, .tsv, .txt or .xlsx file is needed")
    if sheet is not None:
        raise ReviewError(f"{file.name}: only an .xlsx file has sheets")
    text = read_text(file)
    separator = _separator(text)
    rows = _csv_rows(file.name, text, separator)
    # With a comma between cells, a comma within one has to be quoted and says little about marks.
    commas = separator != "," and any(
        WITH_COMMA.fullmatch(cell.strip()) for row in rows.values() for cell in row
    )
    rows = _unformatted(rows) if formatting else rows
    return _as_sheet(file.name, rows, decimal_commas=commas)


def _unformatted(rows: Mapping[int, Sequence[str]]) -> dict[int, list[str]]:
    return {number: [FORMATTING.sub("", cell) for cell in row] for number, row in rows.items()}


def read_text(path: str | Path) -> str:
    """Return the text of a file, without the mark that Excel puts before UTF-8."""
    file = Path(path)
    _check_size(file)
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise ReviewError(
            f"{file.name}, row {line}: not UTF-8 text; in Excel save as 'CSV UTF-8'"
        ) from None
    except OSError as error:
        raise ReviewError(f"{file.name}: cannot be read ({error.strerror})") from None


def plain(text: str) -> str:
    """Return text for comparison: without accents, case, punctuation or double spaces.

    Examples
    --------
    >>> plain("  Ülger,  T. (2017) ")
    'ulger t 2017'
    """
    unaccented = "".join(
        c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)
    )
    return " ".join("".join(c if c.isalnum() else " " for c in unaccented).split())


def as_key(text: str) -> str:
    """Return a name as an identifier of a review's tables; empty if nothing of it can be one.

    Examples
    --------
    >>> as_key("Ülger 2017")
    'ulger-2017'
    """
    ascii_only = "".join(c for c in plain(text) if c.isascii())
    return "-".join(ascii_only.split())


def _check_size(file: Path) -> None:
    if not file.is_file():
        raise ReviewError(f"{file.name}: there is no such file in {file.parent}")
    size = file.stat().st_size
    if size > LARGEST_FILE:
        raise ReviewError(f"{file.name}: {size:,} bytes; the limit is {LARGEST_FILE:,}")


def _separator(text: str) -> str:
    """Return what separates the cells of the header: the mark that makes the most of them."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=header.count)


def _csv_rows(name: str, text: str, separator: str) -> dict[int, list[str]]:
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        rows = {}
        for number, row in enumerate(lines, start=1):
            rows[number] = row
            _check_extent(name, number, len(row))
    except csv.Error as error:
        raise ReviewError(f"{name}: not a readable CSV file ({error})") from None
    return rows


def _check_extent(name: str, rows: int, columns: int) -> None:
    if rows > MOST_ROWS:
        raise ReviewError(
            f"{name}: more than {MOST_ROWS:,} rows; delete empty ones that were only formatted"
        )
    if columns > MOST_COLUMNS:
        raise ReviewError(f"{name}, row {rows}: {columns:,} columns; the limit is {MOST_COLUMNS}")


def _xlsx_cells(file: Path, wanted: str | None) -> tuple[dict[int, list[str]], tuple[str, ...]]:
    """Return the cells of one sheet as text, merged cells filled, and what was noteworthy."""
    book = _open_xlsx(file)
    names = book.sheetnames
    if not names or (wanted is not None and wanted not in names):
        raise ReviewError(f"{file.name}: no sheet {wanted!r}; it has {', '.join(names) or 'none'}")
    table = book[wanted or names[0]]
    if not hasattr(table, "iter_rows"):
        raise ReviewError(f"{file.name}: {table.title!r} is a chart, not a table")
    _check_extent(file.name, table.max_row, table.max_column)
    rows = {
        number: [_as_text(cell) for cell in row]
        for number, row in enumerate(table.iter_rows(values_only=True), start=1)
    }
    notes = [f"{file.name}: read sheet {table.title!r}"]
    others = [name for name in names if name != table.title]
    if others:
        notes.append(f"{file.name}: not read: {', '.join(others)}")
    for area in table.merged_cells.ranges:
        value = rows[area.min_row][area.min_col - 1]
        for number in range(area.min_row, area.max_row + 1):
            rows[number][area.min_col - 1] = value
        if area.max_row > area.min_row:
            notes.append(f"{file.name}: merged cells {area.coord}: {shown(value)} in each row")
    return rows, tuple(notes)


def _open_xlsx(file: Path) -> Any:
    # Only who imports a spreadsheet has to wait for the library that reads it.
    import openpyxl

    content = io.BytesIO(file.read_bytes())  # the library leaves a broken file open
    try:
        with zipfile.ZipFile(content) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        if unpacked > LARGEST_UNPACKED:
            raise ReviewError(
                f"{file.name}: {unpacked:,} bytes unpacked; the limit is {LARGEST_UNPACKED:,}"
            )
        # Formulas as they are written, so that they can be refused; no links to other files.
        return openpyxl.load_workbook(content, data_only=False, keep_links=False)
    except ReviewError:
        raise
    except Exception as error:  # the library raises whatever a broken file makes it raise
        raise ReviewError(
            f"{file.name}: not a readable xlsx file ({type(error).__name__})"
        ) from None


def _as_text(value: object) -> str:
    """Return a cell of a workbook as the text that a person would type."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (datetime, date, time, timedelta)):
        return f"{value} (a date, says Excel)"
    return str(value)


def _as_sheet(
    name: str,
    rows: Mapping[int, Sequence[str]],
    *,
    decimal_commas: bool,
    notes: tuple[str, ...] = (),
) -> Sheet:
    filled = {number: row for number, row in rows.items() if any(cell.strip() for cell in row)}
    if not filled:
        raise ReviewError(f"{name}: the file is empty")
    head, *numbers = filled
    columns = [cell.strip() for cell in filled[head]]
    while columns and not columns[-1]:
        columns.pop()  # Excel counts cells that were touched once
    problems = [*_header_problems(name, head, columns), *_unsafe(name, columns, filled)]
    for number in numbers:
        if any(cell.strip() for cell in filled[number][len(columns) :]):
            told = f"more cells than the header, which has {len(columns)}"
            problems.append(Problem(name, told, number))
    stop(problems)
    table = []
    for number in numbers:
        pairs = zip(columns, filled[number], strict=False)  # a short row ends in empty cells
        cells = {column: " ".join(cell.split()) for column, cell in pairs if cell.strip()}
        table.append(Row(number, cells))
    return Sheet(name, tuple(columns), tuple(table), decimal_commas, notes)


def _header_problems(name: str, row: int, columns: Sequence[str]) -> Iterator[Problem]:
    if not all(columns):
        yield Problem(name, "a column of the header has no name", row)
    for column in dict.fromkeys(c for c in columns if c and columns.count(c) > 1):
        yield Problem(name, f"two columns are named {shown(column)}", row)


def _unsafe(name: str, columns: Sequence[str], rows: Mapping[int, Sequence[str]]) -> list[Problem]:
    rules = (
        (FORMULA, "looks like a spreadsheet formula"),
        (MARKUP, "holds HTML or script"),
        (CONTROL, "holds a control character"),
    )
    found = []
    for number, row in rows.items():
        for position, cell in enumerate(row):
            for pattern, told in rules:
                if pattern.search(cell.strip()):
                    column = columns[position] if position < len(columns) else None
                    found.append(Problem(name, f"{shown(cell)} {told}", number, column))
                    break
    return found


def stop(problems: Sequence[object]) -> None:
    """Raise one error that lists all problems, if there are any."""
    if problems:
        lines = list(dict.fromkeys(str(problem) for problem in problems))
        head = "1 problem" if len(lines) == 1 else f"{len(lines)} problems"
        raise ReviewError(f"{head} in the file:\n" + "\n".join(f"- {line}" for line in lines))
