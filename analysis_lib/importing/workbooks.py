"""Read one sheet of a workbook as text: xlsx, or the OpenDocument forms (.ods, .fods).

Whichever form it has, the same cells come out. What a reader of the sheet would not see is told:
other sheets, hidden sheets, rows and columns, merged cells.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from analysis_lib.base.errors import ReviewError, attempt, did_you_mean, shown
from analysis_lib.base.formatting import plural
from analysis_lib.importing.excel import Excel
from analysis_lib.importing.grids import (
    LARGEST_LOOKED,
    MOST_LOOKED,
    MOST_PLACES,
    MOST_SHEETS,
    MOST_TOLD,
    Flat,
    Grid,
    Parts,
    SheetName,
)
from analysis_lib.importing.opendocument import CONTENT, OpenDocument
from analysis_lib.importing.packed import NUMBERS, ZIP, is_about, is_file
from analysis_lib.importing.xml_stream import MOST_ELEMENTS

OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # an old .xls, or a workbook with a password
MANIFEST, SIGN_OF_PASSWORD = "META-INF/manifest.xml", b"encryption-data"
LONGEST_START = 20_000  # bytes, by which a workbook that is not packed is told
LONGEST_MANIFEST = 1_000_000  # bytes that are looked at

T = TypeVar("T")


class Workbook(Protocol):
    """What every form of workbook tells."""

    name: str
    parts: Parts

    def sheets(self) -> list[SheetName]:
        """Return the sheets, in order."""

    def grid(self, chosen: SheetName) -> Grid:
        """Return the cells of a sheet."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a sheet: text by row, as long as the row is filled, and what was noteworthy."""

    rows: dict[int, list[str]]
    notes: tuple[str, ...]


def is_workbook(head: bytes) -> bool:
    """Say whether a file that begins like this is a workbook, or another one of Excel."""
    return head.startswith((ZIP, OLE)) or is_flat(head)


def is_flat(head: bytes) -> bool:
    """Say whether a file is a spreadsheet of LibreOffice that is not packed (.fods)."""
    start = head[:LONGEST_START]
    return b"<office:document" in start and b"opendocument.spreadsheet" in start


def read_workbook(name: str, content: bytes, wanted: str | None = None) -> Cells:
    """Read one sheet of an xlsx or ods file.

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
    return _opened(name, content, lambda book: _cells(book, wanted))


def each_sheet(name: str, content: bytes, use: Callable[[Cells], T]) -> dict[str, T | ReviewError]:
    """Return what becomes of each sheet that a person sees, or of all if every one is hidden.

    Raises
    ------
    ReviewError
        For a file that is no workbook, and for more or larger sheets than are looked through.
    """
    return _opened(name, content, lambda book: _each(book, use))


def _each(book: Workbook, use: Callable[[Cells], T]) -> dict[str, T | ReviewError]:
    sheets = book.sheets()
    seen = [sheet.name for sheet in sheets if not sheet.hidden] or [s.name for s in sheets]
    found: dict[str, T | ReviewError] = {}
    elements = places = 0
    for sheet in seen:
        too_much = elements > MOST_LOOKED or places > MOST_PLACES
        if too_much or book.parts.looked > LARGEST_LOOKED or len(found) == MOST_SHEETS:
            raise ReviewError(
                f"{plural(len(sheets), 'sheet')}, more than are looked through; say which holds "
                f"the table, as in --sheet {seen[0]!r}"
            )
        book.parts.begin()  # the text of one sheet at a time is held
        cells = attempt(_cells, book, sheet)
        elements += MOST_ELEMENTS - book.parts.budget.left
        places += 0 if isinstance(cells, ReviewError) else sum(map(len, cells.rows.values()))
        found[sheet] = cells if isinstance(cells, ReviewError) else attempt(use, cells)
    return found


def _cells(book: Workbook, wanted: str | None) -> Cells:
    sheets = book.sheets()
    names = [sheet.name for sheet in sheets]
    if not names or (wanted is not None and wanted not in names):
        has = ", ".join(names) or "none"
        raise ReviewError(f"no sheet {wanted!r}; it has {has}{did_you_mean(wanted, names)}")
    chosen = sheets[names.index(wanted) if wanted else 0]
    grid = book.grid(chosen)
    others = [sheet for sheet in sheets if sheet is not chosen]
    notes = (f"{book.name}: {told}" for told in _notes(chosen, others, grid))
    return Cells(grid.rows, tuple(notes))


def _notes(chosen: SheetName, others: list[SheetName], grid: Grid) -> Iterator[str]:
    yield f"read sheet {chosen.name!r}" + ", a hidden sheet" * chosen.hidden
    if others:
        told = ", ".join(sheet.told for sheet in others)
        yield f"not read: {told} (--sheet NAME reads another)"
    yield from grid.filled_and_hidden()


def _opened(name: str, content: bytes, read: Callable[[Workbook], T]) -> T:
    if content.startswith(OLE):
        raise ReviewError(
            f"{name}: an old .xls workbook, or one with a password; open it and save it as .xlsx, "
            "without a password"
        )
    try:
        if is_flat(content):
            return read(OpenDocument(name, Flat(content)))
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if told := _no_workbook(packed):
                raise ReviewError(told)
            form = OpenDocument if CONTENT in packed.namelist() else Excel
            return read(form(name, Parts(packed)))
    except ReviewError as error:
        told = str(error)
        raise ReviewError(told if told.startswith(name) else f"{name}: {told}") from None
    except Exception as error:  # zipfile raises whatever a broken file makes it raise
        kind = type(error).__name__
        raise ReviewError(f"{name}: not a readable workbook ({kind})") from None


def _no_workbook(packed: zipfile.ZipFile) -> str:
    """Say what a packed file is that is no workbook; nothing if it may be one."""
    parts = packed.namelist()
    if "word/document.xml" in parts:
        return "a document of Word; copy its table into a spreadsheet and save that as .xlsx"
    if "encrypted-package" in parts or _has_password(packed):
        return "a document with a password; open it and save it without one"
    if CONTENT in parts or "[Content_Types].xml" in parts or "_rels/.rels" in parts:
        return ""
    if any(part.endswith(NUMBERS) for part in parts):
        return "a document of Numbers, by Apple; export it as .xlsx"
    files = [part for part in parts if is_file(part)]
    some = [part for part in files if not is_about(part)]
    told = ", ".join(map(shown, (some or files)[:MOST_TOLD]))
    told += " and more" * (len(some or files) > MOST_TOLD)
    if not some:
        return f"a packed folder with nothing to import: {told or 'it is empty'}"
    return f"a packed folder with {plural(len(some), 'file')}; unpack it and import one of {told}"


def _has_password(packed: zipfile.ZipFile) -> bool:
    if MANIFEST not in packed.namelist():
        return False
    with packed.open(MANIFEST) as part:
        return SIGN_OF_PASSWORD in part.read(LONGEST_MANIFEST)
