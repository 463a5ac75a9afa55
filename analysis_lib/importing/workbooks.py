"""Read one sheet of an xlsx workbook as text, within what a sheet may hold.

The parts of the file are streamed and nothing is built of what a table does not need (styles,
drawings, links, comments), so that a small file cannot ask for much time or memory. What a reader
of the sheet would not see is told: other sheets, hidden sheets, rows and columns, merged cells.
"""

from __future__ import annotations

import io
import posixpath
import re
import sys
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import TypeVar

from analysis_lib.base.errors import ReviewError, did_you_mean, shown
from analysis_lib.base.formatting import plural
from analysis_lib.importing.packed import ZIP, is_file
from analysis_lib.importing.xml_stream import CHUNK, Budget, Listener, read_xml

LARGEST_UNPACKED = 200_000_000  # bytes of the parts once unpacked; a zip can hide any size
LARGEST_TEXT = 80_000_000  # bytes of memory for the text of a workbook
LONGEST_TEXT = 1_000_000  # characters of a cell; Excel itself ends at 32,767
MOST_ROWS = 200_000
MOST_COLUMNS = 200
MOST_CELLS = 500_000  # that hold something
MOST_PLACES = 4_000_000  # empty ones before a filled one in its row count too
MOST_PARTS = 50_000  # sheets, links between parts, styles of dates, merged ranges
MOST_TOLD = 20  # merged ranges, hidden rows and the like, one by one
MOST_FORMATS, LONGEST_FORMAT = 1000, 255  # own formats of numbers, and the characters of one

OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # an old .xls, or a workbook with a password
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?")
WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)

#: Small raised signs, so that the mark of a footnote behind 4.5 does not make 4.51 of it.
RAISED = str.maketrans("0123456789abcdefg", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍ")

Line = Callable[[], int]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a sheet: text by row, as long as the row is filled, and what was noteworthy."""

    rows: dict[int, list[str]]
    notes: tuple[str, ...]


def is_workbook(head: bytes) -> bool:
    """Say whether a file that begins like this is a workbook, or another one of Excel."""
    return head.startswith((ZIP, OLE))


def check_extent(name: str, row: int, columns: int) -> None:
    """Raise when a row or a column lies beyond what a sheet may hold."""
    if row > MOST_ROWS:
        raise ReviewError(f"{name}: more than {MOST_ROWS:,} rows")
    if columns > MOST_COLUMNS:
        raise ReviewError(f"{name}, row {row}: {columns:,} columns; the limit is {MOST_COLUMNS}")


def read_workbook(name: str, content: bytes, wanted: str | None = None) -> Cells:
    """Read one sheet of an xlsx file.

    Parameters
    ----------
    name
        What the file is called.
    content
        Its bytes.
    wanted
        The name of the sheet; the first when absent.

    Returns
    -------
    Cells

    Raises
    ------
    ReviewError
        For a file that is no workbook, has no such sheet, or holds more than a sheet may.
    """
    return _opened(name, content, lambda package: package.sheet(wanted))


def sheet_names(name: str, content: bytes) -> list[str]:
    """Return the names of the sheets that a person sees, or of all if every sheet is hidden."""
    sheets = _opened(name, content, lambda package: package.book().sheets)
    return [sheet.name for sheet in sheets if not sheet.hidden] or [s.name for s in sheets]


def _opened(name: str, content: bytes, read: Callable[[_Package], T]) -> T:
    if content.startswith(OLE):
        raise ReviewError(
            f"{name}: an old .xls workbook, or one with a password; open it and save it as .xlsx, "
            "without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if told := _no_workbook(packed):
                raise ReviewError(told)
            return read(_Package(name, packed))
    except ReviewError as error:
        told = str(error)
        raise ReviewError(told if told.startswith(name) else f"{name}: {told}") from None
    except Exception as error:  # zipfile raises whatever a broken file makes it raise
        kind = type(error).__name__
        raise ReviewError(f"{name}: not a readable xlsx file ({kind})") from None


def _no_workbook(packed: zipfile.ZipFile) -> str:
    """Say what a packed file is that is no workbook; nothing if it may be one."""
    parts = packed.namelist()
    if "word/document.xml" in parts:
        return "a document of Word; copy its table into a spreadsheet and save that as .xlsx"
    if "content.xml" in parts:
        return "a document of LibreOffice; open it there and save it as .xlsx"
    if "[Content_Types].xml" in parts or "_rels/.rels" in parts:
        return ""
    files = [part for part in parts if is_file(part)]
    told = ", ".join(map(shown, files[:MOST_TOLD])) + " and more" * (len(files) > MOST_TOLD)
    return f"a packed folder with {plural(len(files), 'file')}; unpack it and import {told}"


class _Package:
    """The parts of a workbook, each found by what the part before says of it."""

    def __init__(self, name: str, packed: zipfile.ZipFile) -> None:
        self.name, self.packed = name, packed
        self.parts = {entry.filename.lower(): entry for entry in packed.infolist()}
        self.budget = Budget()
        self.gathered = _Text()
        self.unpacked = 0
        self.relations: dict[str, dict[str, tuple[str, str]]] = {}

    def book(self) -> _Book:
        """Return what the workbook says of its sheets."""
        book = _Book()
        self._read(self._related("", "officeDocument"), book, Budget(MOST_PARTS))
        return book

    def sheet(self, wanted: str | None) -> Cells:
        workbook, book = self._related("", "officeDocument"), self.book()
        names = [sheet.name for sheet in book.sheets]
        if not names or (wanted is not None and wanted not in names):
            has = ", ".join(names) or "none"
            raise ReviewError(f"no sheet {wanted!r}; it has {has}{did_you_mean(wanted, names)}")
        chosen = book.sheets[names.index(wanted) if wanted else 0]
        kind, place = self._relations(workbook)[chosen.relation]
        if kind != "worksheet":
            raise ReviewError(f"{chosen.name!r} is a {kind}, not a table")
        cells = _SheetCells(
            self.name,
            self._strings(workbook),
            self._dates(workbook),
            book.since_1904,
            self.gathered,
        )
        self._read(place, cells)
        return Cells(cells.rows, tuple(self._notes(chosen, book, cells)))

    def _notes(self, chosen: _SheetName, book: _Book, cells: _SheetCells) -> Iterator[str]:
        hidden = ", a hidden sheet" if chosen.hidden else ""
        yield f"{self.name}: read sheet {chosen.name!r}{hidden}"
        others = [sheet.told for sheet in book.sheets if sheet is not chosen]
        if others:
            yield f"{self.name}: not read: {', '.join(others)} (--sheet NAME reads another)"
        for told in cells.filled_and_hidden():
            yield f"{self.name}: {told}"

    def _strings(self, workbook: str) -> list[str]:
        place = self._related(workbook, "sharedStrings", needed=False)
        strings = _Strings(self.gathered)
        if place:
            self._read(place, strings)
        return strings.found

    def _dates(self, workbook: str) -> frozenset[str]:
        """Return the numbers of the styles that show a number as a date."""
        place = self._related(workbook, "styles", needed=False)
        styles = _Styles()
        if place:
            self._read(place, styles)
        return frozenset(styles.dates)

    def _related(self, source: str, kind: str, *, needed: bool = True) -> str:
        for found, place in self._relations(source).values():
            if found == kind:
                return place
        if needed:
            raise ReviewError(f"no {kind} in it: not a workbook")
        return ""

    def _relations(self, source: str) -> dict[str, tuple[str, str]]:
        """Return kind and place of the parts to which a part points, by identifier."""
        if source not in self.relations:
            folder, name = posixpath.split(source)
            listener = _Relations(folder)
            self._read(
                posixpath.join(folder, "_rels", f"{name}.rels"), listener, Budget(MOST_PARTS)
            )
            self.relations[source] = listener.found
        return self.relations[source]

    def _read(self, place: str, listener: Listener, budget: Budget | None = None) -> None:
        entry = self.parts.get(place.lower())
        if entry is None:
            raise ReviewError(f"the part {place} is missing")
        self.unpacked += entry.file_size
        if self.unpacked > LARGEST_UNPACKED:
            raise ReviewError(
                f"{self.unpacked:,} bytes unpacked; the limit is {LARGEST_UNPACKED:,}"
            )
        with self.packed.open(entry) as part:  # gives no more than the size that it states
            read_xml(iter(lambda: part.read(CHUNK), b""), listener, budget or self.budget)


class _Text:
    """Gathers the text of one cell after the other, within the memory that all may take."""

    def __init__(self) -> None:
        self.left = LARGEST_TEXT
        self.pieces: list[str] = []
        self.length = 0
        self.is_raised = False  # what comes next stands above the line

    def add(self, words: str) -> None:
        words = words.translate(RAISED) if self.is_raised else words
        self.left -= sys.getsizeof(words)
        self.length += len(words)
        if self.left < 0:
            raise ReviewError(f"its text takes more than {LARGEST_TEXT:,} bytes")
        if self.length > LONGEST_TEXT:
            raise ReviewError(f"a cell holds more than {LONGEST_TEXT:,} characters")
        self.pieces.append(words)

    def take(self) -> str:
        text = "".join(self.pieces)
        self.pieces, self.length = [], 0
        return text


class _Silent:
    """Hears nothing; the listeners below hear what they need."""

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        pass

    def text(self, words: str) -> None:
        pass

    def end(self, name: str) -> None:
        pass


class _Relations(_Silent):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "Relationship":
            place = posixpath.normpath(posixpath.join(self.folder, attributes.get("Target", "")))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = kind, place.lstrip("/")


@dataclass(frozen=True, slots=True)
class _SheetName:
    name: str
    relation: str
    hidden: bool

    @property
    def told(self) -> str:
        return f"{self.name} (hidden)" if self.hidden else self.name


@dataclass(slots=True)
class _Book(_Silent):
    sheets: list[_SheetName] = field(default_factory=list)
    since_1904: bool = False

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "sheet":
            relation = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append(_SheetName(attributes.get("name", ""), relation, hidden))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")


class _Styles(_Silent):
    """Finds the styles of cells that show a number as a date."""

    def __init__(self) -> None:
        # The library knows the formats of Excel; only who imports a workbook waits for it.
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

        self.is_date: Callable[[str], bool] = is_date_format
        self.formats = {str(i): self.is_date(code) for i, code in BUILTIN_FORMATS.items()}
        self.dates: list[str] = []
        self.styles = -1  # outside of the list of cell styles

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "numFmt":
            code = attributes.get("formatCode", "")[:LONGEST_FORMAT]
            self.formats[attributes.get("numFmtId", "")] = self.is_date(code)
            if len(self.formats) > MOST_FORMATS:
                raise ReviewError(f"more than {MOST_FORMATS:,} formats of numbers")
        elif name == "cellXfs":
            self.styles = 0
        elif name == "xf" and self.styles >= 0:
            if self.formats.get(attributes.get("numFmtId", ""), False):
                self.dates.append(str(self.styles))
                _check_parts(self.dates, "styles of dates")
            self.styles += 1

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self.styles = -1


class _Strings(_Silent):
    """The texts that cells point to: pieces of rich text joined, readings of signs left out."""

    def __init__(self, gathered: _Text) -> None:
        self.gathered = gathered
        self.found: list[str] = []
        self.in_text = self.in_reading = False

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "t":
            self.in_text = not self.in_reading
        elif name == "rPh":
            self.in_reading = True
        elif name == "vertAlign":
            self.gathered.is_raised = attributes.get("val") == "superscript"

    def text(self, words: str) -> None:
        if self.in_text:
            self.gathered.add(words)

    def end(self, name: str) -> None:
        if name == "r":
            self.gathered.is_raised = False
        if name == "t":
            self.in_text = False
        elif name == "rPh":
            self.in_reading = False
        elif name == "si":
            self.found.append(_unescaped(self.gathered.take()))


class _SheetCells(_Silent):
    """The cells of a sheet as the text that a person would type."""

    def __init__(
        self,
        name: str,
        strings: list[str],
        dates: frozenset[str],
        since_1904: bool,
        gathered: _Text,
    ) -> None:
        self.name, self.strings, self.dates, self.gathered = name, strings, dates, gathered
        self.since_1904 = since_1904
        self.rows: dict[int, list[str]] = {}
        self.merged: list[tuple[int, int, int, str]] = []  # column, first row, last row, range
        self.hidden_rows: set[int] = set()
        self.hidden_columns: list[str] = []
        self.row = self.column = self.cells = self.places = 0
        self.kind = self.style = self.formula = ""
        self.computed: list[str] = []  # cells with the saved result of a formula
        self.into = ""  # the element whose text is being read

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self.column = column_number(letters) if letters else self.column + 1
            self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "")
            self.formula = ""
        elif name in ("v", "t", "f"):
            self.into = name if self.into != "rPh" else self.into
        elif name == "rPh":
            self.into = name  # the reading of a sign is no text of the cell
        elif name == "vertAlign":
            self.gathered.is_raised = attributes.get("val") == "superscript"
        elif name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
            if attributes.get("hidden") in ("1", "true") and self.row <= MOST_ROWS:
                self.hidden_rows.add(self.row)
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            if len(self.hidden_columns) <= MOST_TOLD:
                self.hidden_columns.append(_columns(attributes))
        elif name == "mergeCell":
            self._merge(attributes.get("ref", ""))

    def text(self, words: str) -> None:
        if self.into and self.into != "rPh":
            self.gathered.add(words)

    def end(self, name: str) -> None:
        if name == "r":
            self.gathered.is_raised = False
        elif name == "f":
            self.formula = f"={self.gathered.take()}"
        elif name == "c" and (self.gathered.pieces or self.formula):
            value = self._value(self.gathered.take())
            if value.strip():
                self._keep(value)
        if name == self.into:
            self.into = ""

    def _value(self, text: str) -> str:
        if self.formula and not text:
            return self.formula
        if self.formula:
            self.computed.append(f"{column_letters(self.column)}{self.row}")
        if self.kind == "s":
            number = int(text or -1)
            return self.strings[number] if 0 <= number < len(self.strings) else ""
        if self.kind == "b":
            return {"1": "yes", "0": "no"}.get(text.strip(), text)
        if self.kind == "n" and text:
            if self.style in self.dates:
                return _date(text, self.since_1904)
            return text if WHOLE.fullmatch(text) else _number(text)
        return f"{text} (a date, says Excel)" if self.kind == "d" and text else _unescaped(text)

    def _keep(self, value: str) -> None:
        check_extent(self.name, self.row, self.column)
        row = self.rows.setdefault(self.row, [])
        more = self.column - len(row)
        self.cells += 1
        self.places += max(more, 0)
        if self.cells > MOST_CELLS or self.places > MOST_PLACES:
            raise ReviewError(f"more than {MOST_CELLS:,} filled cells, or {MOST_PLACES:,} in all")
        row.extend([""] * more)
        row[self.column - 1] = value

    def _merge(self, place: str) -> None:
        found = RANGE.fullmatch(place)
        if found and found[4] and int(found[4]) > int(found[2]):
            self.merged.append((column_number(found[1]), int(found[2]), int(found[4]), place))
            _check_parts(self.merged, "ranges of merged cells")

    def filled_and_hidden(self) -> Iterator[str]:
        """Fill what was merged over rows, and say so; say what is hidden."""
        filled = list(self._fill())
        yield from islice(filled, MOST_TOLD)
        if len(filled) > MOST_TOLD:
            more = plural(len(filled) - MOST_TOLD, "more range")
            yield f"and {more} of merged cells, filled in each row"
        if self.computed:
            more = " and more" if len(self.computed) > MOST_TOLD else ""
            cells = ", ".join(self.computed[:MOST_TOLD]) + more
            yield f"formulas, of which the saved results are read: {cells}"
        rows = self.hidden_rows & self.rows.keys()
        for what, told in (
            ("rows", spans(rows)),
            ("columns", ", ".join(self.hidden_columns[:MOST_TOLD])),
        ):
            if told:
                yield f"hidden in the workbook, and read all the same: {what} {told}"

    def _fill(self) -> Iterator[str]:
        """Repeat the value of merged cells in the rows that hold something of their own."""
        numbers = sorted(self.rows)
        visits = 0
        for column, first, last, place in self.merged:
            top = self.rows.get(first, [])
            value = top[column - 1] if column <= len(top) else ""
            below = numbers[bisect_right(numbers, first) : bisect_right(numbers, last)]
            visits += len(below)
            if visits > MOST_CELLS:
                raise ReviewError(f"merged cells reach over more than {MOST_CELLS:,} rows")
            if not value:
                continue
            for number in below:
                row = self.rows[number]
                row.extend([""] * (column - len(row)))
                row[column - 1] = row[column - 1] or value
            yield f"merged cells {place}: {shown(value)} in each row"


def _check_parts(parts: Sized, what: str) -> None:
    if len(parts) > MOST_PARTS:
        raise ReviewError(f"more than {MOST_PARTS:,} {what}")


@lru_cache(maxsize=MOST_COLUMNS)
def column_number(letters: str) -> int:
    """Return the number of a column: A is 1, AA is 27."""
    if not re.fullmatch("[A-Z]{1,3}", letters):
        raise ReviewError(f"{shown(letters)} is no column of a sheet")
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """Return the letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def spans(numbers: Iterable[int]) -> str:
    """Return whole numbers as spans, the first twenty.

    Examples
    --------
    >>> spans([2, 3, 4, 9])
    '2 to 4, 9'
    """
    told = []
    for _, group in groupby(enumerate(sorted(set(numbers))), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        told.append(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}")
    return ", ".join(told[:MOST_TOLD]) + (" and more" if len(told) > MOST_TOLD else "")


def _columns(attributes: Mapping[str, str]) -> str:
    first, last = (int(attributes.get(end, "0")) for end in ("min", "max"))
    one, other = column_letters(first), column_letters(min(last, 16384))
    return one if one == other else f"{one} to {other}"


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _number(text: str) -> str:
    """Return a number as it is shown: 7.1 for the 7.0999999999999996 of the file."""
    number = float(text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def _date(text: str, since_1904: bool) -> str:
    from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

    try:
        value = from_excel(float(text), MAC_EPOCH if since_1904 else WINDOWS_EPOCH)
    except (OverflowError, ValueError):
        value = text
    return f"{value} (a date, says Excel)"
