"""Is the work for a workbook of many sheets bounded, and a flat spreadsheet read like a packed one?

What is counted are elements of XML, parts and sheets; nothing waits on a clock.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from opendocuments import packed, save

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import grids, import_results, read_records, workbooks
from analysis_lib.importing.grids import MOST_LOOKED, MOST_SHEETS, Parts
from analysis_lib.importing.search import is_search_export
from analysis_lib.importing.workbooks import each_sheet, is_flat, read_workbook
from analysis_lib.importing.xml_stream import Budget

HEAD = ["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2"]
AASA = ["Aasa 2015", 35, 3.1, 1.2, 36, 4, 1.5]
PAIN = {"outcome": "Pain", "time": "Post"}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the parts that are opened, each as often as it is."""
    places: list[str] = []
    read = Parts.read

    def count(self: Parts, place: str, listener: Any, budget: Budget | None = None) -> None:
        places.append(place)
        read(self, place, listener, budget)

    monkeypatch.setattr(Parts, "read", count)
    return places


def words(text: object) -> str:
    return (
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
    )


def many(path: Path, sheets: int, results_in: int) -> Path:
    """Write a workbook of which one sheet holds results, and no other anything."""
    if path.suffix == ".ods":
        cells = ("<table:table-row>" + "".join(map(words, row)) + "</table:table-row>"
                 for row in (HEAD, AASA))  # fmt: skip
        full = "".join(cells)
        return packed(path, "".join(
            f'<table:table table:name="Sheet {n}">{full * (n == results_in)}</table:table>'
            for n in range(sheets)
        ))  # fmt: skip
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number in range(sheets):
        sheet = book.create_sheet(f"Sheet {number}")
        if number == results_in:
            sheet.append(HEAD)
            sheet.append(AASA)
    return save(book, path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_thousands_of_empty_sheets_are_refused(
    tmp_path: Path, opened: list[str], form: str
) -> None:
    path = many(tmp_path / f"many.{form}", 1000, 999)
    for read in (import_results, read_records):
        opened.clear()
        with pytest.raises(ReviewError, match=r"1000 sheets, more than .*--sheet 'Sheet 0'"):
            read(path)
        assert len(opened) < 3 * MOST_SHEETS
    assert not is_search_export(path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_a_named_sheet_of_thousands_is_read(tmp_path: Path, opened: list[str], form: str) -> None:
    path = many(tmp_path / f"many.{form}", 1000, 999)
    found = import_results(path, sheet="Sheet 999", **PAIN)
    assert len(found.results) == 2
    assert len(opened) < 12


@pytest.mark.parametrize("form", ["xlsx", "ods"])
def test_the_last_of_a_hundred_sheets_is_found(tmp_path: Path, form: str) -> None:
    path = many(tmp_path / f"some.{form}", 100, 99)
    assert len(import_results(path, **PAIN).results) == 2


def test_sheets_share_their_elements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MOST_LOOKED", 2000)
    path = tmp_path / "rows.ods"
    row = "<table:table-row><table:table-cell/></table:table-row>"
    tables = (f'<table:table table:name="{i}">{row * 50}</table:table>' for i in range(9))
    packed(path, "".join(tables))
    with pytest.raises(ReviewError, match="9 sheets, more than are looked through"):
        each_sheet(path.name, path.read_bytes(), str)
    assert MOST_LOOKED > 2000


@pytest.mark.slow
def test_repeated_cells_of_all_sheets_are_counted_together(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="string" table:number-columns-repeated="200">'
    row = f'<table:table-row table:number-rows-repeated="2000">{cell}<text:p>a</text:p>'
    one = f"{row}</table:table-cell></table:table-row>"  # 400,000 cells of a few bytes
    path = tmp_path / "cells.ods"
    packed(path, "".join(f'<table:table table:name="{i}">{one}</table:table>' for i in range(60)))
    seen: list[int] = []
    with pytest.raises(ReviewError, match="60 sheets, more than are looked through"):
        each_sheet(path.name, path.read_bytes(), lambda cells: seen.append(len(cells.rows)))
    assert sum(seen) * 200 <= grids.MOST_PLACES + grids.MOST_CELLS  # the last sheet ends the work


# --- flat -----------------------------------------------------------------------------------------


def flat(whole: Path) -> Path:
    """Return a packed spreadsheet as the one document that LibreOffice writes as .fods."""
    with zipfile.ZipFile(whole) as file:
        content = file.read("content.xml").decode()
    kind = 'office:mimetype="application/vnd.oasis.opendocument.spreadsheet"'
    text = content.replace("<office:document-content", f"<office:document {kind}")
    path = whole.with_suffix(".fods")
    path.write_text(text.replace("</office:document-content", "</office:document"), "utf-8")
    return path


def book(path: Path) -> Path:
    made = openpyxl.Workbook()
    made.active.title = "Read me"
    made.active.append(["Made up"])
    sheet = made.create_sheet("Data")
    for row in (HEAD, AASA):
        sheet.append(row)
    return save(made, path)


def test_a_flat_spreadsheet_is_read_like_a_packed_one(tmp_path: Path) -> None:
    whole = book(tmp_path / "sheet.ods")
    path = flat(whole)
    assert is_flat(path.read_bytes())
    assert not is_flat(whole.read_bytes())
    for name in ("Read me", "Data"):
        one, other = (read_workbook("a", file.read_bytes(), name) for file in (whole, path))
        assert one == other
    assert [r.mean for r in import_results(path, **PAIN).results] == [3.1, 4.0]
    assert not is_search_export(path)


def test_a_flat_spreadsheet_declares_no_entities(tmp_path: Path) -> None:
    path = flat(book(tmp_path / "sheet.ods"))
    text = path.read_text("utf-8")
    bomb = '<!DOCTYPE a [<!ENTITY e "1">]>'
    path.write_text(re.sub(r"^(<\?xml.*?\?>)?", bomb, text, count=1), "utf-8")
    with pytest.raises(ReviewError, match=r"sheet\.fods: the XML declares entities"):
        import_results(path, **PAIN)
