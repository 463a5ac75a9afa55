"""Does a sheet give the same cells whether it was saved as .xlsx or as .ods, and within limits?

The files are written here as LibreOffice writes them: what repeats is written once with a number,
and the text of a cell is what is seen (rounded, in the words of a language), not what it holds.
"""

from __future__ import annotations

import zipfile
from datetime import datetime, time
from itertools import chain, repeat
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opendocuments import packed, save
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import import_results, read_records
from analysis_lib.importing.spreadsheets import Sheet, read_sheet
from analysis_lib.importing.workbooks import each_sheet, read_workbook

HEAD = ["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2"]
AASA = ["Aasa 2015", 35, 3.125, 1.2, 36, 4, 1.5]
GIVEN = {"outcome": "Pain", "time": "ETP"}


def cell(inner: str, given: str = "") -> str:
    return f"<table:table-cell {given}>{inner}</table:table-cell>"


def table(*rows: str, name: str = "S") -> str:
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    return f'<table:table table:name="{name}">{inner}</table:table>'


def words(text: str) -> str:
    return cell(f"<text:p>{text}</text:p>", 'office:value-type="string"')


def one(tmp_path: Path, xml: str) -> dict[int, list[str]]:
    """Return the cells of a sheet of which one row is given."""
    path = packed(tmp_path / "sheet.ods", table(xml))
    return read_workbook(path.name, path.read_bytes()).rows


def both(folder: Path, book: openpyxl.Workbook) -> tuple[Sheet, Sheet]:
    return tuple(read_sheet(save(book, folder / f"sheet.{end}")) for end in ("xlsx", "ods"))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.15g}")),  # as many digits as openpyxl writes
    st.datetimes(datetime(1950, 1, 1), datetime(2050, 1, 1)).map(
        lambda x: x.replace(microsecond=0)
    ),
    st.times().map(lambda x: x.replace(microsecond=0)),
    st.text("aé样<&>\"'= %\n-10", max_size=6).filter(lambda x: x[:1] != "="),
    st.just("=A1+1"),
)  # fmt: skip


@examples(150)
@given(
    rows=st.lists(st.lists(VALUES, max_size=4), min_size=1, max_size=5),
    times=st.integers(1, 3),
    percent=st.booleans(),
)
def test_the_same_cells_come_from_either_form(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[object]], times: int, percent: bool
) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c", "d"])
    for row in chain.from_iterable(repeat(row, times) for row in rows):
        book.active.append(row)
    for (cell,) in book.active["B2:B4"] if percent else ():
        if isinstance(cell.value, int | float):
            cell.number_format = "0 %"
    excel, other = both(tmp_path_factory.mktemp("books"), book)
    assert other.rows == excel.rows
    assert other.columns == excel.columns


def test_what_a_person_does_not_see_is_told_alike(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append([*HEAD, "note"])
    for year in range(2001, 2008):
        page.append([f"Aasa {year}" if year != 2003 else None, 35, 3.1, 1.2, 36, 4 + year % 7, 1.5])
    raised = TextBlock(InlineFont(vertAlign="superscript"), "1")
    page["C2"] = CellRichText("3.5", raised)
    page["H3"] = CellRichText("CO", TextBlock(InlineFont(vertAlign="subscript"), "2"))
    page["B2"].comment = Comment("=not text", "x")
    page["H2"], page["H4"] = datetime(2024, 4, 3), time(12, 30)
    page.merge_cells("A3:A4")
    for row in (5, 6, 8):
        page.row_dimensions[row].hidden = True
    page.column_dimensions["H"].hidden = True
    book.create_sheet("Old").sheet_state = "hidden"
    excel, other = both(tmp_path, book)
    assert other.rows == excel.rows
    assert other.rows[0].get("mean1") == "3.5¹"
    assert [n.replace(".xlsx", ".ods") for n in excel.notes] == list(other.notes)
    assert "merged cells A3:A4: 'Aasa 2002' in each row" in other.notes[2]
    assert other.notes[-2].endswith("rows 5 to 6, 8")
    path = tmp_path / "sheet.ods"
    assert list(each_sheet(path.name, path.read_bytes(), str)) == ["Sheet"]
    page.unmerge_cells("A3:A4")
    page["A4"] = "Cai 2003"
    found = [import_results(save(book, tmp_path / f"s.{e}"), **GIVEN) for e in ("xlsx", "ods")]
    assert found[0].results == found[1].results


def test_the_value_is_read_and_not_what_is_seen_of_it(tmp_path: Path) -> None:
    path = save(openpyxl.Workbook(), tmp_path / "sheet.ods")
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    book.active.append(AASA)
    found = import_results(save(book, path), **GIVEN)
    assert [r.mean for r in found.results] == [3.125, 4]


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (words("one") + words("two<text:s text:c='99999999'/>spaces<text:tab/>x"),
         ["one", "two spaces x"]),
        (words("a<text:span>b<text:a>c</text:a></text:span>"), ["abc"]),
        (words("字<text:ruby><text:ruby-base>x</text:ruby-base><text:ruby-text>no</text:ruby-text>"
               "</text:ruby>"), ["字x"]),
        (cell("<office:annotation><text:p>no</text:p></office:annotation><text:p>a</text:p>"
              "<text:p>b</text:p>"), ["a b"]),
        (cell("<draw:frame><draw:text-box><text:p>no</text:p></draw:text-box></draw:frame>"), None),
        (cell("<text:p>7,1</text:p>", 'office:value-type="float" office:value="7.1"'), ["7.1"]),
        (cell("<text:p>45 %</text:p>", 'office:value-type="percentage" office:value="0.45"'),
         ["0.45"]),
        (cell("<text:p>8 €</text:p>", 'office:value-type="currency" office:value="8"'), ["8"]),
        (cell("<text:p>WAHR</text:p>", 'office:value-type="boolean" office:boolean-value="true"'),
         ["yes"]),
        (cell("<text:p>x</text:p>", 'table:formula="of:=A" office:value-type="string"'), ["x"]),
        (cell("", 'table:formula="of:=A1+1"'), ["=A1+1"]),
        (cell("", 'table:formula="of:=A" office:value-type="string" office:string-value=""'), None),
        (cell("<text:p>#DIV/0!</text:p>", 'office:value-type="float" office:value="0"'),
         ["#DIV/0!"]),
        (cell("<text:p>Err:502</text:p>", 'office:value-type="string" office:string-value=""'),
         ["Err:502"]),
    ],
)  # fmt: skip
def test_every_kind_of_cell(tmp_path: Path, xml: str, expected: list[str] | None) -> None:
    row = one(tmp_path, xml).get(1)
    assert (row and [" ".join(text.split()) for text in row]) == expected


def test_what_stands_beneath_merged_cells_is_read_and_told(tmp_path: Path) -> None:
    top = words("Aasa").replace("cell ", 'cell table:number-rows-spanned="3" ', 1)
    beneath = words("Cai").replace("table-cell", "covered-table-cell")
    path = packed(tmp_path / "sheet.ods", table(top, beneath, "<table:covered-table-cell/>"))
    cells = read_workbook(path.name, path.read_bytes())
    assert cells.rows == {1: ["Aasa"], 2: ["Cai"]}
    assert cells.notes[1:] == (
        "sheet.ods: merged cells A1:A3: 'Aasa' in each row; beneath it, unseen, 'Cai' in row 2",
    )


def test_copies_of_other_files_are_no_sheets(tmp_path: Path) -> None:
    copy = table(words("old"), name="'file:///b.ods'#$S")
    linked = (
        f"<table:dde-links><table:dde-link>{table(words('no'))}</table:dde-link></table:dde-links>"
    )
    path = packed(tmp_path / "sheet.ods", copy + table(words("Study"), name="Data") + linked)
    assert list(each_sheet(path.name, path.read_bytes(), str)) == ["Data"]
    assert read_workbook(path.name, path.read_bytes()).rows == {1: ["Study"]}


@pytest.mark.parametrize(
    ("xml", "told"),
    [
        (table(*[words("x").replace("cell ", 'cell table:number-columns-repeated="16384" ', 1)]),
         "sheet.ods, row 1: 16,384 columns; the limit is 200"),
        (table(words("x")).replace("<table:table-row>",
                                   '<table:table-row table:number-rows-repeated="1048576">'),
         "sheet.ods: more than 200,000 rows"),
        (table(words("x").replace("cell ", 'cell table:number-columns-repeated="200" ', 1)).replace(
            "<table:table-row>", '<table:table-row table:number-rows-repeated="100000">'),
         "more than 500,000 filled cells"),
        (table(words("x" * 1_000_001)), "a cell holds more than 1,000,000 characters"),
        (table("<text:a>" * 300 + "</text:a>" * 300), "deeper ones"),
        (table(words("x").replace("cell ", 'cell table:number-columns-repeated="many" ', 1)),
         "sheet.ods: line 1: not well-formed XML (invalid literal"),
        ("<table:table>", "not well-formed XML"),
        ("", "sheet.ods: no sheet None; it has none"),
    ],
)  # fmt: skip
def test_a_small_file_cannot_ask_for_much(tmp_path: Path, xml: str, told: str) -> None:
    with pytest.raises(ReviewError) as error:
        read_sheet(packed(tmp_path / "sheet.ods", xml))
    assert told in str(error.value)
    assert str(error.value).startswith("sheet.ods")


def test_entities_passwords_and_documents_of_text_are_called_by_their_name(tmp_path: Path) -> None:
    path = packed(tmp_path / "sheet.ods", table(words("x")))
    with zipfile.ZipFile(path) as file:
        content = file.read("content.xml").decode()

    def told(**parts: str) -> str:
        with zipfile.ZipFile(path, "w") as file:
            for name, text in parts.items():
                file.writestr(name, text)
        with pytest.raises(ReviewError) as error:
            read_sheet(path)
        return str(error.value)

    laughs = '<!DOCTYPE x [<!ENTITY a "ha">]>'
    assert "declares entities" in told(**{"mimetype": "", "content.xml": laughs + content})
    assert "that is no spreadsheet" in told(
        **{"mimetype": "", "content.xml": content.replace("spreadsheet>", "text>")}
    )
    locked = {"mimetype": "", "META-INF/manifest.xml": "<manifest:encryption-data/>"}
    assert "with a password" in told(**locked, **{"content.xml": "\x00"})
    assert "with a password" in told(**{"mimetype": "", "encrypted-package": "\x00"})


def test_a_search_in_an_opendocument_sheet_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Title", "Authors", "Year", "DOI"])
    book.active.append(["CO2 in pain", "Aasa B", 2015, "10.1/x"])
    (record,) = read_records(save(book, tmp_path / "search.ods")).records
    assert (record.title, record.year) == ("CO2 in pain", 2015)
