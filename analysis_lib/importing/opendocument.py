"""Read the sheets of an OpenDocument spreadsheet (.ods) as text, as those of Excel are read.

LibreOffice and Google Sheets write it. All sheets stand in one part, `content.xml`; what repeats is
written once, with a number that may be a million. It is streamed, like the parts of an xlsx file.

References
----------
OASIS, Open Document Format for Office Applications (OpenDocument) Version 1.3, part 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.grids import (
    Grid,
    Line,
    Parts,
    SheetName,
    Silent,
    Text,
    as_number,
    check_extent,
    check_parts,
    column_letters,
)
from analysis_lib.importing.written_numbers import DATE
from analysis_lib.importing.xml_stream import Budget

CONTENT: Final = "content.xml"
CELLS: Final = ("table-cell", "covered-table-cell")
NUMBERS: Final = ("float", "percentage", "currency")
SPACES: Final = ("s", "tab", "line-break")
#: What stands in a paragraph and is no text of it: comments, readings of signs, drawings.
BESIDE: Final = ("annotation", "ruby-text", "frame", "p")
COPIED: Final = "'#$"  # in the name of a table that keeps values of another file
UNSEEN: Final = ("collapse", "filter")
#: What is shown where a formula failed; some programs write the number 0 beside it.
FAILED = re.compile(r"#[^\W\d]|Err:\d")
TIME = re.compile(r"PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S", re.ASCII)
SUPERSCRIPT = re.compile(r"super|[1-9]\d*%", re.ASCII)  # above the line by so much


class OpenDocument:
    """A spreadsheet as LibreOffice writes it."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name, self.parts = name, parts

    def sheets(self) -> list[SheetName]:
        """Return the sheets, in order."""
        tables = _Tables()
        self.parts.read(CONTENT, tables, Budget())
        if not tables.is_spreadsheet:
            raise ReviewError(
                "a document of LibreOffice that is no spreadsheet; copy its table into one"
            )
        return tables.sheets

    def grid(self, chosen: SheetName) -> Grid:
        """Return the cells of a sheet."""
        grid = Grid(self.name)
        self.parts.read(CONTENT, _SheetCells(grid, chosen.place, self.parts.gathered))
        return grid


class _Element(NamedTuple):
    """An open element: whether text in it is text of a cell, and whether it is raised."""

    name: str
    is_text: bool = False
    is_raised: bool = False


class _Tables(Silent):
    """Finds the sheets of a spreadsheet, and the styles that tell what is hidden or raised."""

    def __init__(self) -> None:
        self.is_spreadsheet = False
        self.sheets: list[SheetName] = []
        self.open: list[_Element] = [_Element("")]
        self.style = ""
        self.hidden: set[str] = set()
        self.raised: set[str] = set()

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        self.begin(name, _without_prefix(attributes))

    def begin(self, name: str, given: Mapping[str, str]) -> None:
        above = self.open[-1].name
        if name == "table" and above == "spreadsheet" and COPIED not in given.get("name", ""):
            hidden = given.get("style-name", "") in self.hidden
            self.sheets.append(SheetName(given.get("name", ""), str(len(self.sheets)), hidden))
            check_parts(self.sheets, "sheets")
        elif name == "spreadsheet":
            self.is_spreadsheet = True
        elif name == "style":
            self.style = given.get("name", "")
        elif name == "table-properties" and given.get("display") == "false":
            self.hidden.add(self.style)
        elif name == "text-properties" and SUPERSCRIPT.match(given.get("text-position", "")):
            self.raised.add(self.style)
        self.open.append(self._element(name, given))

    def _element(self, name: str, given: Mapping[str, str]) -> _Element:
        above = self.open[-1]
        if above.name in CELLS:
            return _Element(name, name == "p")
        raised = above.is_raised or (name == "span" and given.get("style-name") in self.raised)
        return _Element(name, above.is_text and name not in BESIDE, raised)

    def end(self, name: str) -> None:
        self.open.pop()


class _SheetCells(_Tables):
    """The cells of one sheet as the text that a person would type."""

    def __init__(self, grid: Grid, wanted: str, gathered: Text) -> None:
        super().__init__()
        self.grid, self.wanted, self.gathered = grid, wanted, gathered
        self.is_wanted = False
        self.columns = self.row = self.column = 0  # read so far
        self.times = 1  # that the row stands in the sheet
        self.given: Mapping[str, str] = {}  # what the cell says of itself
        self.filled: dict[int, tuple[str, bool]] = {}  # text of the row, and if it is computed

    def begin(self, name: str, given: Mapping[str, str]) -> None:
        known = len(self.sheets)
        super().begin(name, given)
        if len(self.sheets) > known:
            self.is_wanted = self.sheets[-1].place == self.wanted
        if not self.is_wanted:
            return
        if name == "table-column":
            first = self.columns + 1
            self.columns += _times(given, "columns-repeated")
            if given.get("visibility") in UNSEEN:
                self.grid.hide_columns(first, self.columns)
        elif name == "table-row":
            self.times, self.column, self.filled = _times(given, "rows-repeated"), 0, {}
            if given.get("visibility") in UNSEEN:
                self.grid.hide_rows(self.row + 1, self.row + self.times)
        elif name in CELLS:
            self.given = given
            if "number-rows-spanned" in given:
                self._merge(given)
        elif self.open[-1].is_text and name in ("p", *SPACES):
            self.gathered.add(" ")

    def text(self, words: str) -> None:
        if self.is_wanted and self.open[-1].is_text:
            self.gathered.is_raised = self.open[-1].is_raised
            self.gathered.add(words)

    def end(self, name: str) -> None:
        super().end(name)
        if name == "table" and self.open[-1].name == "spreadsheet":
            self.is_wanted = False
        elif self.is_wanted and name in CELLS:
            self._end_cell(self.gathered.take().strip())
        elif self.is_wanted and name == "table-row":
            self._end_row()

    def _merge(self, given: Mapping[str, str]) -> None:
        first, column = self.row + 1, self.column + 1
        last, right = (_times(given, f"{w}-spanned") - 1 for w in ("rows", "columns"))
        place = f"{column_letters(column)}{first}:{column_letters(column + right)}{first + last}"
        self.grid.merge(column, first, first + last, place)

    def _end_cell(self, text: str) -> None:
        value = _value(self.given, text)
        first = self.column + 1
        self.column += _times(self.given, "columns-repeated")
        if value.strip():
            check_extent(self.grid.name, self.row + 1, self.column)
            is_computed = "formula" in self.given and not value.startswith("=")
            self.filled |= dict.fromkeys(range(first, self.column + 1), (value, is_computed))

    def _end_row(self) -> None:
        first = self.row + 1
        self.row += self.times
        if self.filled:
            check_extent(self.grid.name, self.row, 0)
        for row in range(first, self.row + 1) if self.filled else ():
            for column, (value, is_computed) in self.filled.items():
                self.grid.keep(row, column, value)
                if is_computed:
                    self.grid.compute(row, column)


def _without_prefix(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return what is said under names without prefix; LibreOffice says some of it twice."""
    own = ((k, v) for k, v in attributes.items() if not k.startswith("calcext:"))
    return {name.rpartition(":")[2]: value for name, value in own}


def _times(given: Mapping[str, str], what: str) -> int:
    return max(int(given.get(f"number-{what}", "1")), 1)


def _value(given: Mapping[str, str], text: str) -> str:
    """Return what a cell holds, not how it is shown: 7.125 where 7.1 is seen."""
    kind = given.get("value-type", "")
    if FAILED.match(text):
        return text
    if kind in NUMBERS and "value" in given:
        return as_number(given["value"])
    if kind == "boolean":
        return {"true": "yes", "false": "no"}.get(given.get("boolean-value", ""), text)
    if kind == "date":
        return f"{_date(given.get('date-value') or text)} {DATE}"
    if kind == "time":
        return f"{_time(given.get('time-value') or text)} {DATE}"
    value = given.get("string-value") or text
    if "formula" in given and not kind and not value:  # nothing is saved of its result
        return f"={given['formula'].partition('=')[2]}"
    return value


def _date(text: str) -> str:
    try:
        return str(datetime.fromisoformat(text))
    except ValueError:
        return text


def _time(text: str) -> str:
    found = TIME.fullmatch(text)
    return ":".join(part.zfill(2) for part in found.groups()) if found else text
