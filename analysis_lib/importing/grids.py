"""The cells of one sheet of a workbook, within what a sheet may hold.

What every form of workbook has in common: text by row, what a reader of the sheet would not see
(hidden rows and columns, merged cells, saved results), and an end to the work that it can ask for.
"""

from __future__ import annotations

import re
import sys
import zipfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice

from analysis_lib.base.errors import ReviewError, shown
from analysis_lib.base.formatting import plural
from analysis_lib.importing.xml_stream import CHUNK, MOST_ELEMENTS, Budget, Listener, read_xml

LARGEST_UNPACKED = 200_000_000  # bytes of the parts once unpacked; a zip can hide any size
LARGEST_LOOKED = 2 * LARGEST_UNPACKED  # bytes, and elements, of all sheets that are looked through
MOST_LOOKED = 2 * MOST_ELEMENTS
MOST_SHEETS = 200  # that are looked through for the one with a table
LARGEST_TEXT = 80_000_000  # bytes of memory for the text of a workbook
LONGEST_TEXT = 1_000_000  # characters of a cell; Excel itself ends at 32,767
MOST_ROWS = 200_000
MOST_COLUMNS = 200
MOST_CELLS = 500_000  # that hold something
MOST_PLACES = 4_000_000  # empty ones before a filled one in its row count too
MOST_PARTS = 50_000  # sheets, links between parts, styles of dates, merged ranges
MOST_TOLD = 20  # merged ranges, hidden rows and the like, one by one
LAST_COLUMN = 16384  # of any workbook

WHOLE = re.compile(r"-?\d{1,15}", re.ASCII)
#: Small raised signs, so that the mark of a footnote behind 4.5 does not make 4.51 of it.
RAISED = str.maketrans("0123456789abcdefg", "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍ")

Line = Callable[[], int]


@dataclass(frozen=True, slots=True)
class SheetName:
    """A sheet of a workbook, and where its reader finds it."""

    name: str
    place: str
    hidden: bool

    @property
    def told(self) -> str:
        """The name for a message."""
        return f"{self.name} (hidden)" if self.hidden else self.name


class Parts:
    """The parts of a packed workbook, with what all of them may hold together."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self.packed = packed
        self.entries = {entry.filename.lower(): entry for entry in packed.infolist()}
        self.looked = 0  # bytes, those of a part each time that it is read
        self.sizes: dict[str, int] = {}  # of the parts that were read, unpacked
        self.begin()

    def begin(self) -> None:
        """Begin another sheet, which may hold as much as one alone."""
        self.budget = Budget()
        self.gathered = Text()

    def read(self, place: str, listener: Listener, budget: Budget | None = None) -> None:
        """Tell a listener the XML of a part."""
        entry = self.entries.get(place.lower())
        if entry is None:
            raise ReviewError(f"the part {place} is missing")
        self.sizes[entry.filename] = entry.file_size
        self.looked += entry.file_size
        unpacked = sum(self.sizes.values())
        if unpacked > LARGEST_UNPACKED:
            raise ReviewError(f"{unpacked:,} bytes unpacked; the limit is {LARGEST_UNPACKED:,}")
        with self.packed.open(entry) as part:  # gives no more than the size that it states
            read_xml(iter(lambda: part.read(CHUNK), b""), listener, budget or self.budget)


class Flat(Parts):
    """A workbook that is one document of XML, not packed: every part of it is the whole."""

    def __init__(self, content: bytes) -> None:
        self.content, self.looked = content, 0
        self.begin()

    def read(self, place: str, listener: Listener, budget: Budget | None = None) -> None:
        """Tell a listener the XML of the document."""
        self.looked += len(self.content)
        chunks = (self.content[at : at + CHUNK] for at in range(0, len(self.content), CHUNK))
        read_xml(chunks, listener, budget or self.budget)


class Text:
    """Gathers the text of one cell after the other, within the memory that all may take."""

    def __init__(self) -> None:
        self.left = LARGEST_TEXT
        self.pieces: list[str] = []
        self.length = 0
        self.is_raised = False  # what comes next stands above the line

    def add(self, words: str) -> None:
        """Take a piece of the text of a cell."""
        words = words.translate(RAISED) if self.is_raised else words
        self.left -= sys.getsizeof(words)
        self.length += len(words)
        if self.left < 0:
            raise ReviewError(f"its text takes more than {LARGEST_TEXT:,} bytes")
        if self.length > LONGEST_TEXT:
            raise ReviewError(f"a cell holds more than {LONGEST_TEXT:,} characters")
        self.pieces.append(words)

    def take(self) -> str:
        """Return the text of the cell, and begin the next."""
        text = "".join(self.pieces)
        self.pieces, self.length = [], 0
        return text


class Silent:
    """Hears nothing; the listeners of a workbook hear what they need."""

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        """Begin an element."""

    def text(self, words: str) -> None:
        """Take a piece of text."""

    def end(self, name: str) -> None:
        """End an element."""


class Grid:
    """The cells of a sheet as text, and what is noteworthy of them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: dict[int, list[str]] = {}
        self.merged: list[tuple[int, int, int, str]] = []  # column, first row, last row, range
        self.hidden_rows: set[int] = set()
        self.hidden_columns: list[str] = []
        self.cells = self.places = 0
        self.computed: list[str] = []  # cells with the saved result of a formula

    def keep(self, row: int, column: int, value: str) -> None:
        """Take a filled cell."""
        check_extent(self.name, row, column)
        cells = self.rows.setdefault(row, [])
        more = column - len(cells)
        self.cells += 1
        self.places += max(more, 0)
        if self.cells > MOST_CELLS or self.places > MOST_PLACES:
            raise ReviewError(f"more than {MOST_CELLS:,} filled cells, or {MOST_PLACES:,} in all")
        cells.extend([""] * more)
        cells[column - 1] = value

    def compute(self, row: int, column: int) -> None:
        """Note that a cell holds the saved result of a formula."""
        if len(self.computed) <= MOST_TOLD:
            self.computed.append(f"{column_letters(column)}{row}")

    def merge(self, column: int, first: int, last: int, place: str) -> None:
        """Note cells that are merged over rows."""
        if last > first:
            self.merged.append((column, first, last, place))
            check_parts(self.merged, "ranges of merged cells")

    def hide_rows(self, first: int, last: int) -> None:
        """Note rows that a person does not see."""
        self.hidden_rows.update(range(first, min(last, MOST_ROWS) + 1))

    def hide_columns(self, first: int, last: int) -> None:
        """Note columns that a person does not see."""
        if len(self.hidden_columns) <= MOST_TOLD:
            one, other = column_letters(first), column_letters(min(last, LAST_COLUMN))
            self.hidden_columns.append(one if one == other else f"{one} to {other}")

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
            beneath = []
            for number in below:
                row = self.rows[number]
                row.extend([""] * (column - len(row)))
                row[column - 1] = own = row[column - 1] or value
                if own != value:
                    beneath.append(f"{shown(own)} in row {number}")
            but = f"; beneath it, unseen, {', '.join(beneath[:MOST_TOLD])}" if beneath else ""
            yield f"merged cells {place}: {shown(value)} in each row{but}"


def check_extent(name: str, row: int, columns: int) -> None:
    """Raise when a row or a column lies beyond what a sheet may hold."""
    if row > MOST_ROWS:
        raise ReviewError(f"{name}: more than {MOST_ROWS:,} rows")
    if columns > MOST_COLUMNS:
        raise ReviewError(f"{name}, row {row}: {columns:,} columns; the limit is {MOST_COLUMNS}")


def check_parts(parts: Sized, what: str) -> None:
    """Raise when a workbook holds more of something than any honest one."""
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


def as_number(text: str) -> str:
    """Return a number as it is shown: 7.1 for the 7.0999999999999996 of the file."""
    if WHOLE.fullmatch(text):
        return text
    number = float(text)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
