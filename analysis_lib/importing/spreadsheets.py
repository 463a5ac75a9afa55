"""Read what people keep in spreadsheets, as text with its place, and guess about nothing.

A CSV file may be separated by commas, semicolons or tabs; a workbook may hold merged cells. What
comes out is a `Sheet`: cells of text, each with the row of the file in which it stands. Whoever
uses a column asks what is unsafe in it (a formula, markup, a control character); columns that
nobody uses are not judged.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from analysis_lib.base.errors import Problem, ReviewError, shown, stop
from analysis_lib.base.unsafe import danger
from analysis_lib.importing.grids import check_extent
from analysis_lib.importing.texts import decode, encoding_notes, read_file
from analysis_lib.importing.workbooks import each_sheet, is_workbook, read_workbook
from analysis_lib.importing.written_numbers import GROUPED, WITH_COMMA, WITH_POINT, parse_number

#: How surely the cells of a row are a header; 0 if they are none.
IsHeader: TypeAlias = Callable[[Collection[str]], int]

SPACES = " "  # between cells, as many as it pleases
SAMPLE = 100_000  # characters, from which the marks between cells are told
LONGEST_HEADER = 60  # names of columns in a message
MOST_LEVELS = 3  # of a header: "6 weeks" above "Control" above "SD"
LONGEST_PREAMBLE = 50  # rows before the header, of a file that tells of its search first

QUOTED = re.compile(r'="((?:[^"]|"")*)"')  # how CINAHL and Excel keep a number as text


#: What is no table, by how it begins.
OTHERS = (
    (re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html|head|table|meta)", re.IGNORECASE),
     "a web page, though some programs call it .xls; open it in a spreadsheet and save it as .xlsx "
     "(or was somebody logged out when it was saved?)"),
    (re.compile(r"\s*<\?xml[^>]*>\s*<\?mso-application|\s*<Workbook\b"),
     "XML of an old Excel; open it and save it as .xlsx"),
    (re.compile(r"\s*<[?a-z]", re.IGNORECASE),
     "XML of a form that is not known here; export it as RIS, or as .csv"),
    (re.compile(r"\s*(?:\[\s*)?[{]\s*\"|\s*\[\s*\["), "JSON; export it as RIS, or as .csv"),
    (re.compile(r"\s*1[.:] .*?^PMID: ?\d", re.DOTALL | re.MULTILINE),
     "the text that PubMed shows; save the search again, in the format PubMed (.nbib)"),
    (re.compile(r"\s*(?:(?:PMID:? ?)?\d{5,9}[ \t\r]*\n){2}", re.IGNORECASE),
     "a list of numbers; save the search again, in a format with titles"),
    (re.compile(r"%PDF-"), "a PDF; save the table or the search in another form, as .csv or RIS"),
    (re.compile(r"\{\\rtf"), "a text with formats (.rtf); save it as plain text"),
)  # fmt: skip

AS_VALUE = "; put its result in its place (copy it, and paste the values only)"


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its number in the file, and its filled cells by column.

    `headers` are those of the file, where columns bear other names here.
    """

    number: int
    cells: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)

    def header(self, column: str) -> str:
        """Return what the column is called in the file."""
        return self.headers.get(column, column)

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
    decimal_commas : bool or None
        Whether the numbers of the file are written with decimal commas; ``None`` where nothing in
        the file says so.
    notes : tuple of str
        What the reader should know: other sheets that were not read, merged cells filled, an
        encoding that was guessed.
    repeated : frozenset of str
        Names that several columns bear; the first is the one that is read.
    is_own : bool
        Whether it is an export of a review, in which every name is sure.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal_commas: bool | None = False
    notes: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()
    is_own: bool = False

    @property
    def header(self) -> str:
        """The names of the columns for a message, the first of very many."""
        if len(self.columns) == 1:
            only = shown(self.columns[0])
            return f"The only column is {only}; commas, semicolons, tabs or | part columns"
        more = len(self.columns) - LONGEST_HEADER
        names = ", ".join(map(shown, self.columns[:LONGEST_HEADER]))
        return f"The columns are {names}" + (f" and {more} more" if more > 0 else "")

    def number(self, row: Row, column: str, *, whole: bool = False) -> float | None:
        """Return a cell as a number, ``None`` when it is empty; `whole` if it counts people.

        Raises
        ------
        ReviewError
            For what is no number, and for what may be two: 1,234 or 1.234.
        """
        try:
            return parse_number(row.get(column), decimal_commas=self.decimal_commas, whole=whole)
        except ReviewError as error:
            place = row.number, row.header(column)
            raise ReviewError(str(Problem(self.file, str(error), *place))) from None


def read_sheet(
    path: str | Path,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    is_header: IsHeader | None = None,
) -> Sheet:
    """Read a table from a text file or a workbook (xlsx, ods), whatever its name ends with.

    Parameters
    ----------
    path
        The file.
    sheet
        Which sheet of a workbook; the first when absent.
    encoding
        Of a text file, if somebody knows it.
    is_header
        Says how surely the cells of a row are a header, where lines about the search may stand
        before it; otherwise the first row that is filled is the header.

    Returns
    -------
    Sheet

    Raises
    ------
    ReviewError
        For a file that is missing, too large, or not a table.
    """
    read = read_file(path)
    table = sheet_of(read.name, read.content, sheet=sheet, encoding=encoding, is_header=is_header)
    return replace(table, notes=(*read.notes, *table.notes))


def sheet_of(
    name: str,
    content: bytes,
    *,
    sheet: str | None = None,
    encoding: str | None = None,
    is_header: IsHeader | None = None,
) -> Sheet:
    """Read a table from the bytes of a file; see `read_sheet`."""
    if is_workbook(content):
        cells = read_workbook(name, content, sheet)
        return _as_sheet(name, cells.rows, is_header, notes=cells.notes)
    if sheet is not None:
        raise ReviewError(f"{name}: only an .xlsx or .ods file has sheets")
    decoded = decode(content, encoding)
    other = next((told for sign, told in OTHERS if sign.match(decoded.text)), "")
    if other:
        raise ReviewError(f"{name}: {other}")
    if not decoded.text.strip(' ,;|\t\r\n"'):
        raise ReviewError(f"{name}: the file is empty")
    if "\0" in decoded.text:
        raise ReviewError(f"{name}: not a table, neither as text nor as a workbook (.xlsx, .ods)")
    separator = _separator(decoded.text, is_header)
    rows = _csv_rows(name, decoded.text, separator)
    if separator == SPACES:
        _name_rows(rows)
    commas = _has_decimal_commas(separator, rows.values())
    notes = tuple(f"{name}: {note}" for note in encoding_notes(decoded))
    return _as_sheet(name, rows, is_header, decimal_commas=commas, notes=notes)


def sheets_of(name: str, content: bytes, is_header: IsHeader) -> dict[str, Sheet | ReviewError]:
    """Read each sheet of a workbook that a person sees, or say why it is no table."""
    return each_sheet(
        name, content, lambda cells: _as_sheet(name, cells.rows, is_header, notes=cells.notes)
    )


def _has_decimal_commas(separator: str, rows: Iterable[Sequence[str]]) -> bool | None:
    """Say whether numbers are written with decimal commas; nothing where no cell shows it."""
    if separator == ",":  # a comma within a cell has to be quoted, and says little about marks
        return False
    cells = [cell.strip() for row in rows for cell in row]
    if any(WITH_COMMA.fullmatch(cell) for cell in cells):
        return True
    shows = any("." in c and WITH_POINT.fullmatch(c) and not GROUPED.fullmatch(c) for c in cells)
    return False if shows else None


def unsafe(table: Sheet, columns: Iterable[str]) -> Iterator[Problem]:
    """Name every cell of the columns that a spreadsheet or a browser would run."""
    wanted = list(columns)
    for row in table.rows:
        for column in wanted:
            told = danger(row.get(column))
            if told:
                told += AS_VALUE * told.endswith("formula")
                place = row.number, row.header(column)
                yield Problem(table.file, f"{shown(row.get(column))} {told}", *place)


def _separator(text: str, is_header: IsHeader | None) -> str:
    """Return what separates cells: the mark that makes a header, and the most cells of it."""

    def of_header(mark: str) -> tuple[int, int]:
        sample = io.StringIO(text[:SAMPLE], newline="")
        lines = csv.reader(sample, delimiter=mark, skipinitialspace=mark == SPACES)
        rows = dict(enumerate(islice(lines, LONGEST_PREAMBLE)))
        head = _header(rows, is_header)
        if head is None:
            return 0, 0
        return is_header(rows[head]) if is_header else 0, len(rows[head])

    best = max(",;\t|", key=of_header)
    if is_header is not None and not of_header(best)[0] and of_header(SPACES)[0]:
        return SPACES  # as R's write.table does by itself
    return best


def _csv_rows(name: str, text: str, separator: str) -> dict[int, list[str]]:
    rows = {}
    longest = csv.field_size_limit(len(text) + 1)  # a list of authors may be very long
    try:
        source = io.StringIO(text, newline="")
        spaces = separator == SPACES
        lines = csv.reader(source, delimiter=separator, strict=True, skipinitialspace=spaces)
        for number, row in enumerate(lines, start=1):
            while spaces and row and not row[-1]:
                row.pop()
            check_extent(name, number, len(row))
            rows[number] = row
    except csv.Error as error:
        raise ReviewError(
            f"{name}, row {len(rows) + 1}: not a readable CSV file ({error}). A quotation mark "
            "within a cell has to stand twice; save it as .xlsx, or export it in another form"
        ) from None
    finally:
        csv.field_size_limit(longest)
    return rows


def _name_rows(rows: dict[int, list[str]]) -> None:
    """Give the names of rows a header: R writes them, and nothing above them."""
    filled = [number for number in sorted(rows) if rows[number]]
    head, *others = filled
    if others and all(len(rows[number]) == len(rows[head]) + 1 for number in others):
        rows[head] = ["row", *rows[head]]


def _as_sheet(
    name: str,
    rows: dict[int, list[str]],
    is_header: IsHeader | None,
    *,
    decimal_commas: bool | None = False,
    notes: tuple[str, ...] = (),
) -> Sheet:
    head = _header(rows, is_header)
    if head is None:
        raise ReviewError(f"{name}: the file is empty")
    last, header = _whole_header(rows, head, is_header)
    columns, repeated = _names(header)
    table: list[Row] = []
    longer: list[int] = []
    for number in sorted(rows):
        row = rows.pop(number)  # so that a long table is not held twice
        if number <= last:
            continue
        cells = {c: text for c, cell in zip(columns, row, strict=False) if (text := _cell(cell))}
        if any(cell.strip() for cell in row[len(columns) :]):
            longer.append(number)
        if cells:
            table.append(Row(number, cells))
    told = (
        f"more cells than the header, which has {len(columns)}, in row {last}; text that holds the "
        "mark between cells needs quotation marks around it, and lines above the header have to go"
    )
    stop((Problem(name, told, number) for number in longer), f"in {name}")
    return Sheet(name, tuple(columns), tuple(table), decimal_commas, notes, repeated)


def _header(rows: Mapping[int, Sequence[str]], is_header: IsHeader | None) -> int | None:
    """Return the number of the row with the names of the columns: by default the first filled."""
    filled = (number for number in sorted(rows) if any(cell.strip() for cell in rows[number]))
    first = list(islice(filled, 1 if is_header is None else LONGEST_PREAMBLE))
    if is_header is None or not first:
        return first[0] if first else None
    return max(first, key=lambda n: is_header([_cell(cell) for cell in rows[n]]))


def _whole_header(
    rows: Mapping[int, Sequence[str]], head: int, is_header: IsHeader | None
) -> tuple[int, list[str]]:
    """Return the last row of the header and its names: of "Control" above "SD" both.

    Rows below belong to it while they repeat labels; the row above does if more names are known
    with it.
    """
    levels = [[_cell(cell) for cell in rows[head]]]
    while len(levels) < MOST_LEVELS and _goes_on(levels[-1], rows.get(head + len(levels), ())):
        levels.append([_cell(cell) for cell in rows[head + len(levels)]])
    names = _joined(levels)
    if is_header is not None and head - 1 in rows:
        more = _joined([[_cell(cell) for cell in rows[head - 1]], *levels])
        names = max((names, more), key=lambda known: is_header(set(known)))
    return head + len(levels) - 1, names


def _goes_on(upper: Sequence[str], row: Sequence[str]) -> bool:
    """Say whether a row is another level of a header: labels that stand several times."""
    below = [_cell(cell) for cell in row]
    labels = [cell for cell in below if cell]
    return (
        len(set(labels)) < len(labels)
        and below[0] in ("", upper[0])
        and not any(WITH_POINT.fullmatch(cell) or WITH_COMMA.fullmatch(cell) for cell in labels)
        and sum(upper.count(cell) == 1 for cell in upper if cell) < len(below)
    )


def _joined(levels: Sequence[Sequence[str]]) -> list[str]:
    """Return the names of columns over all levels of a header.

    A label holds until the next one of its level or above, but for those of the last level.
    """
    width = max(map(len, levels))
    names = [""] * width
    for depth, level in enumerate(levels, start=1):
        above, label = list(names), ""
        for position in range(width):
            cell = level[position] if position < len(level) else ""
            goes_on = position and above[position] == above[position - 1] and depth < len(levels)
            label = cell or (label if goes_on else "")
            names[position] = " ".join(dict.fromkeys(filter(None, (above[position], label))))
    return names


def _names(header: list[str]) -> tuple[list[str], frozenset[str]]:
    """Return a name for each column, none twice, and the names that were."""
    while header and not header[-1]:
        header.pop()  # Excel counts cells that were touched once
    names: list[str] = []
    for position, name in enumerate(header, start=1):
        free = name and name not in names
        names.append(name if free else f"{name or 'without a name'} (column {position})")
    return names, frozenset(name for name in header if name and header.count(name) > 1)


def _cell(text: str) -> str:
    """Return the text of a cell, without double spaces and line ends."""
    if not text:
        return text
    quoted = QUOTED.fullmatch(text.strip()) if text.startswith("=") else None
    words = " ".join((quoted[1].replace('""', '"') if quoted else text).split())
    return text if words == text else words  # no second copy of a long text
