"""Read the sheets of an xlsx workbook as text.

The parts of the file are streamed and nothing is built of what a table does not need (styles,
drawings, links, comments), so that a small file cannot ask for much time or memory.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing.grids import (
    MOST_PARTS,
    Grid,
    Line,
    Parts,
    SheetName,
    Silent,
    Text,
    as_number,
    check_parts,
    column_number,
)
from analysis_lib.importing.written_numbers import DATE
from analysis_lib.importing.xml_stream import Budget

MOST_FORMATS, LONGEST_FORMAT = 1000, 255  # own formats of numbers, and the characters of one

ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
RANGE = re.compile(r"([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?")


class Excel:
    """A workbook: each part is found by what the part before says of it."""

    def __init__(self, name: str, parts: Parts) -> None:
        self.name, self.parts = name, parts
        self.relations: dict[str, dict[str, tuple[str, str]]] = {}

    def sheets(self) -> list[SheetName]:
        """Return the sheets, in order."""
        return self._book.sheets

    def grid(self, chosen: SheetName) -> Grid:
        """Return the cells of a sheet."""
        workbook = self._related("", "officeDocument")
        kind, place = self._relations(workbook)[chosen.place]
        if kind != "worksheet":
            raise ReviewError(f"{chosen.name!r} is a {kind}, not a table")
        grid = Grid(self.name)
        cells = _SheetCells(
            grid,
            self._strings,
            self._dates,
            self._book.since_1904,
            self.parts.gathered,
        )
        self.parts.read(place, cells)
        return grid

    @cached_property
    def _book(self) -> _Book:
        """Return what the workbook says of its sheets."""
        book = _Book()
        self.parts.read(self._related("", "officeDocument"), book, Budget(MOST_PARTS))
        return book

    @cached_property
    def _strings(self) -> list[str]:
        workbook = self._related("", "officeDocument")
        place = self._related(workbook, "sharedStrings", needed=False)
        strings = _Strings(self.parts.gathered)
        if place:
            self.parts.read(place, strings)
        return strings.found

    @cached_property
    def _dates(self) -> frozenset[str]:
        """Return the numbers of the styles that show a number as a date."""
        workbook = self._related("", "officeDocument")
        place = self._related(workbook, "styles", needed=False)
        styles = _Styles()
        if place:
            self.parts.read(place, styles)
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
            place = posixpath.join(folder, "_rels", f"{name}.rels")
            self.parts.read(place, listener, Budget(MOST_PARTS))
            self.relations[source] = listener.found
        return self.relations[source]


class _Relations(Silent):
    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "Relationship":
            place = posixpath.normpath(posixpath.join(self.folder, attributes.get("Target", "")))
            kind = attributes.get("Type", "").rpartition("/")[2]
            self.found[attributes.get("Id", "")] = kind, place.lstrip("/")


@dataclass(slots=True)
class _Book(Silent):
    sheets: list[SheetName] = field(default_factory=list)
    since_1904: bool = False

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "sheet":
            relation = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append(SheetName(attributes.get("name", ""), relation, hidden))
        elif name == "workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")


class _Styles(Silent):
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
                check_parts(self.dates, "styles of dates")
            self.styles += 1

    def end(self, name: str) -> None:
        if name == "cellXfs":
            self.styles = -1


class _Strings(Silent):
    """The texts that cells point to: pieces of rich text joined, readings of signs left out."""

    def __init__(self, gathered: Text) -> None:
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


class _SheetCells(Silent):
    """The cells of a sheet as the text that a person would type."""

    def __init__(
        self,
        grid: Grid,
        strings: list[str],
        dates: frozenset[str],
        since_1904: bool,
        gathered: Text,
    ) -> None:
        self.grid, self.strings, self.dates, self.gathered = grid, strings, dates, gathered
        self.since_1904 = since_1904
        self.row = self.column = 0
        self.kind = self.style = self.formula = ""
        self.has_value = False
        self.into = ""  # the element whose text is being read

    def start(self, name: str, attributes: Mapping[str, str], line: Line) -> None:
        if name == "c":
            letters = attributes.get("r", "").rstrip("0123456789")
            self.column = column_number(letters) if letters else self.column + 1
            self.kind, self.style = attributes.get("t", "n"), attributes.get("s", "")
            self.formula, self.has_value = "", False
        elif name in ("v", "t", "f"):
            self.has_value |= name == "v"
            self.into = name if self.into != "rPh" else self.into
        elif name == "rPh":
            self.into = name  # the reading of a sign is no text of the cell
        elif name == "vertAlign":
            self.gathered.is_raised = attributes.get("val") == "superscript"
        elif name == "row":
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
            if attributes.get("hidden") in ("1", "true"):
                self.grid.hide_rows(self.row, self.row)
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            first, last = (int(attributes.get(end, "0")) for end in ("min", "max"))
            self.grid.hide_columns(first, last)
        elif name == "mergeCell":
            place = attributes.get("ref", "")
            if (found := RANGE.fullmatch(place)) and found[4]:
                self.grid.merge(column_number(found[1]), int(found[2]), int(found[4]), place)

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
                self.grid.keep(self.row, self.column, value)
        if name == self.into:
            self.into = ""

    def _value(self, text: str) -> str:
        if self.formula and not text:  # an empty text may be what it gave
            return "" if self.kind == "str" and self.has_value else self.formula
        if self.formula:
            self.grid.compute(self.row, self.column)
        if self.kind == "s":
            number = int(text or -1)
            return self.strings[number] if 0 <= number < len(self.strings) else ""
        if self.kind == "b":
            return {"1": "yes", "0": "no"}.get(text.strip(), text)
        if self.kind == "n" and text:
            if self.style in self.dates:
                return _date(text, self.since_1904)
            return as_number(text)
        return f"{text} {DATE}" if self.kind == "d" and text else _unescaped(text)


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _date(text: str, since_1904: bool) -> str:
    from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

    try:
        value = from_excel(float(text), MAC_EPOCH if since_1904 else WINDOWS_EPOCH)
    except (OverflowError, ValueError):
        value = text
    return f"{value} {DATE}"
