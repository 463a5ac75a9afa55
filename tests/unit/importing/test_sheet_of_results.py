"""Is the sheet with the results found, what is hidden told, and what is odd no traceback?"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from opendocuments import save
from openpyxl.comments import Comment

from analysis_lib.__main__ import main

HEAD = ["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2"]
AASA, KELL = ["Aasa 2015", 35, 3.1, 1.2, 36, 4, 1.5], ["Kell 2009", 30, 3, 1.1, 31, 4.1, 1.4]
Bring = Callable[..., tuple[int, str]]


@pytest.fixture(params=["xlsx", "ods"])
def bring(folder: Path, tmp_path: Path, capsys: Any, request: pytest.FixtureRequest) -> Bring:
    """Import a file, a workbook in either form; return the exit code and what was told."""

    def run(content: openpyxl.Workbook | bytes | str, name: str) -> tuple[int, str]:
        path = tmp_path / name
        if isinstance(content, openpyxl.Workbook):
            path = save(content, path.with_suffix(f".{request.param}"))
        else:
            text = content.encode() if isinstance(content, str) else content
            path.write_bytes(text)
        command = ["import", str(path), "--to", str(folder)]
        code = main([*command, "--outcome", "Pain", "--time", "ETP"])
        told = capsys.readouterr()
        return code, (told.out + told.err).replace(".ods", ".xlsx")

    return run


def workbook(first: list[list[Any]], title: str = "Read me") -> openpyxl.Workbook:
    """Return a workbook whose second sheet holds the results."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in first:
        book.active.append(row)
    sheet = book.create_sheet("Data")
    for row in (HEAD, AASA, KELL):
        sheet.append(row)
    return book


@pytest.mark.parametrize(
    "first",
    [[], [["How to use this file"], ["Every study has a row."]], [["Author", "Role"], ["EF", "x"]]],
)
def test_the_sheet_with_results_is_found_and_said(bring: Bring, first: list[list[Any]]) -> None:
    code, told = bring(workbook(first), "a.xlsx")
    assert (code, "4 results read" in told) == (0, True), told
    assert "a.xlsx: read sheet 'Data'" in told
    assert "not read: Read me (--sheet NAME reads another)" in told


def test_an_empty_workbook_is_told(bring: Bring) -> None:
    code, told = bring(openpyxl.Workbook(), "a.xlsx")
    assert (code, "a.xlsx: the file is empty" in told) == (1, True)


def test_what_is_hidden_is_read_and_told(bring: Bring) -> None:
    book = workbook([])
    sheet = book["Data"]
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True
    book.create_sheet("Old").sheet_state = "hidden"
    code, told = bring(book, "a.xlsx")
    assert (code, "4 results read" in told) == (0, True), told
    assert "hidden in the workbook, and read all the same: rows 3" in told
    assert "hidden in the workbook, and read all the same: columns C" in told
    assert "Old (hidden)" in told


@pytest.mark.few
def test_formulas_links_comments_and_long_cells_are_text_or_refused(bring: Bring) -> None:
    book = workbook([])
    sheet = book["Data"]
    sheet["A2"].hyperlink = "http://127.0.0.1:9/x"
    sheet["A2"].comment = Comment("=cmd|' /C calc'!A0", "x")
    sheet["H1"], sheet["H2"] = "Notes", "x" * 32_000
    assert bring(book, "a.xlsx")[0] == 0
    for formula in ("='[other.xlsx]S'!A1", '=WEBSERVICE("http://127.0.0.1:9")', "=1+1"):
        sheet["C2"] = formula
        code, told = bring(book, "b.xlsx")
        assert (code, "row 2, column mean1" in told) == (1, True), told


def test_merged_cells_are_filled_and_told(bring: Bring) -> None:
    book = openpyxl.Workbook()
    for row in ([*HEAD[:1], "Arm 1", "Arm 2", *HEAD[1:]],
                ["Aasa 2015", "High", "Usual care", 35, 3.1, 1.2, 36, 4, 1.5],
                [None, "Low", "Usual care", 33, 3.0, 1.2, 36, 4, 1.5]):  # fmt: skip
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    code, told = bring(book, "a.xlsx")
    assert (code, "3 results read" in told) == (0, True), told
    assert "merged cells A2:A3: 'Aasa 2015' in each row" in told


SHEET = ",".join(HEAD) + "\n" + ",".join(map(str, AASA)) + "\n"


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (SHEET.replace("Aasa", "A\0asa"), "a.csv", "a.csv: not a table"),
        (b"%PDF-1.7 \x00", "a.csv", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "a.xls", "save it as .xlsx"),
        ("<html><table><tr><td>Study</td></tr></table></html>", "a.xls", "a web page"),
        ("", "a.csv", "a.csv: the file is empty"),
        (",,,\n,,\n", "a.csv", "a.csv: the file is empty"),
        (b"PK\x03\x04broken", "a.xlsx", "a.xlsx: not a readable"),
        (SHEET + "Kell 2009,30,3,1.1,31,4.1,1.4,9\n", "a.csv", "row 3: more cells than the header"),
        (SHEET.replace("3.1", '"3.1'), "a.csv", "not a readable CSV file"),
    ],
)
def test_what_is_no_sheet_is_called_by_its_name(
    bring: Bring, content: str | bytes, name: str, words: str
) -> None:
    code, told = bring(content, name)
    assert (code, words in told) == (1, True), told
    assert len(told.splitlines()) <= 22


def test_mixed_encodings_are_read_line_by_line_and_told(bring: Bring, folder: Path) -> None:
    text = SHEET.replace("Aasa", "Åsa").encode() + "Søren 2009,30,3,1.1,31,4.1,1.4\n".encode(
        "cp1252"
    )
    code, told = bring(text, "a.csv")
    assert (code, "cp1252 in 1 line" in told) == (0, True), told
    assert "Søren 2009" in (folder / "data" / "trials.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_document_and_a_bomb_are_refused(bring: Bring, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x", "w") as packed:
        packed.writestr("word/document.xml", "<w/>")
    code, told = bring((tmp_path / "x").read_bytes(), "a.docx")
    assert (code, "a document of Word" in told) == (1, True)
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a-data-rows.csv", f"{0:09999}\n" * 6_000)
    code, told = bring((tmp_path / "x").read_bytes(), "a.zip")
    assert (code, "the limit is" in told) == (1, True), told


@pytest.mark.few
def test_an_effect_that_is_not_in_the_middle_of_its_interval_is_warned_of(
    bring: Bring, folder: Path, capsys: Any
) -> None:
    head = "Study,MD,CI lower,CI upper\n"
    code, told = bring(f"{head}Aasa 2015,5.0,1.0,6.0\nKell 2009,3.0,1.0,5.1\n", "a.csv")
    assert code == 0
    words = "5 (1 to 6): the estimate is not in the middle of its interval (3.5)"
    assert f"a.csv, row 2: Aasa 2015: {words}" in told
    assert "Kell 2009: " not in told
    assert main(["check", str(folder)]) == 0
    assert (
        f"contrasts.csv, Aasa 2015, Pain, ETP (a.csv, row 2): MD {words}" in capsys.readouterr().out
    )
    code, told = bring(f"{head}Dag 2001,7.0,1.0,6.0\n", "b.csv")
    assert (code, "row 2" in told, "does not hold the estimate" in told) == (1, True, True)
