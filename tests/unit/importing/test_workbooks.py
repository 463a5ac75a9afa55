"""Can a small workbook ask for much time or memory, or hide something from who imports it?

Each hostile file is written here and read in a process of its own, so that the memory that is
measured is that of reading it. The work is bounded by counts (elements, cells, bytes), and every
file that asks for more is refused by one of them: no test looks at a clock.
"""

from __future__ import annotations

import multiprocessing
import re
import zipfile
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import chain, repeat
from pathlib import Path

import openpyxl
import peak_memory
import pytest
from opendocuments import save

from analysis_lib.base.errors import ReviewError
from analysis_lib.base.unsafe import harmless, restored
from analysis_lib.importing import grids, import_results, spreadsheets, workbooks, xml_stream
from analysis_lib.importing.spreadsheets import read_sheet

MOST_MEMORY = 300  # MB, of which the libraries take about 90
SMALL = 5_000_000  # bytes of a file for which that is promised
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>Study</t></is></c></row>'


def relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="r{number}" Type="{TYPES}{kind}" Target="{target}"/>'


def write(path: Path, sheet: Iterator[str] | str, **parts: Iterator[str] | str) -> Path:
    """Write a workbook by hand: the XML of its sheet, and of other parts by name."""
    given = {
        "rels": relation(1, "worksheet", "worksheets/sheet1.xml"),
        "sheets": '<sheet name="S" sheetId="1" r:id="r1"/>',
        **parts,
    }
    links = [given["rels"]]
    for number, (name, kind) in enumerate(
        (("sharedStrings", "sharedStrings"), ("styles", "styles")), start=2
    ):
        links += [relation(number, kind, f"{name}.xml")] * (name in given)
    whole = {
        "_rels/.rels": (f"<R>{relation(1, 'officeDocument', 'xl/workbook.xml')}</R>",),
        "xl/workbook.xml": ('<w xmlns:r="r"><sheets>', given["sheets"], "</sheets></w>"),
        "xl/_rels/workbook.xml.rels": ("<R>", *links, "</R>"),
        "xl/worksheets/sheet1.xml": sheet,
        **{f"xl/{name}.xml": given[name] for name in ("sharedStrings", "styles") if name in given},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, pieces in whole.items():
            with packed.open(name, "w", force_zip64=True) as part:
                for piece in [pieces] if isinstance(pieces, str) else chain(pieces):
                    for words in [piece] if isinstance(piece, str) else piece:
                        part.write(words.encode())
    return path


def sheet(data: Iterator[str] | str, after: Iterator[str] | str = "") -> Iterator[str]:
    return chain(["<worksheet><sheetData>", HEAD], data, ["</sheetData>"], after, ["</worksheet>"])


def many(piece: str, times: int) -> Iterator[str]:
    return repeat(piece * 1000, times // 1000)


BOMBS = {
    "a merged range of 200 columns and 200,000 rows": (
        lambda path: write(
            path,
            sheet(
                (f'<row r="{i}"><c><v>{i}</v></c></row>' for i in range(2, 60_000)),
                chain(
                    ["<mergeCells>"],
                    repeat('<mergeCell ref="A1:GR200000"/>', 20),
                    ["</mergeCells>"],
                ),
            ),
        ),
        "merged cells reach over more than 500,000 rows",
    ),
    "a comment of 60 MB": (
        lambda path: write(path, sheet(chain(["<!--"], many(" ", 60_000_000), ["-->"]))),
        "a tag or comment of more than 1,048,576 bytes",
    ),
    "an attribute of 60 MB": (
        lambda path: write(path, sheet(chain(['<row r="'], many("1", 60_000_000), ['"/>']))),
        "a tag or comment of more than 1,048,576 bytes",
    ),
    "30 million empty cells": (
        lambda path: write(path, sheet(many("<c/>", 30_000_000))),
        "more pieces of XML",
    ),
    "tags in tags": (lambda path: write(path, sheet(many("<a>", 900_000))), "deeper ones"),
    "a cell of 100 MB": (
        lambda path: write(
            path, sheet(chain(['<row><c t="str"><v>'], many("x", 100_000_000), ["</v></c></row>"]))
        ),
        "a cell holds more than 1,000,000 characters",
    ),
    "180 MB of strings": (
        lambda path: write(
            path,
            sheet(""),
            sharedStrings=chain(
                ["<sst>"], many("<si><t>" + "y" * 1000 + "</t></si>", 180_000), ["</sst>"]
            ),
        ),
        "its text takes more than 80,000,000 bytes",
    ),
    "10 million empty strings": (
        lambda path: write(
            path, sheet(""), sharedStrings=chain(["<sst>"], many("<si/>", 10_000_000), ["</sst>"])
        ),
        "more pieces of XML",
    ),
    "far away cells in 200,000 rows": (
        lambda path: write(
            path, sheet(f'<row r="{i}"><c r="GR{i}"><v>1</v></c></row>' for i in range(2, 200_001))
        ),
        "more than 500,000 filled cells, or 4,000,000 in all",
    ),
    "a million filled cells": (
        lambda path: write(
            path, sheet(many("<row>" + "<c><v>1.5</v></c>" * 100 + "</row>", 10_000))
        ),
        "more than 500,000 filled cells",
    ),
    "the last cell of Excel": (
        lambda path: write(path, sheet('<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')),
        "more than 200,000 rows",
    ),
    "three million styles of dates": (
        lambda path: write(
            path,
            sheet(""),
            styles=chain(
                ["<s><cellXfs>"], many('<xf numFmtId="14"/>', 3_000_000), ["</cellXfs></s>"]
            ),
        ),
        "more than 50,000 styles of dates",
    ),
    "formats of numbers that are slow to understand": (
        lambda path: write(
            path,
            sheet(""),
            styles=chain(
                ["<s>"],
                (f'<numFmt numFmtId="{i}" formatCode="{"[" * 250}"/>' for i in range(5_000)),
                ["</s>"],
            ),
        ),
        "more than 1,000 formats of numbers",
    ),
    "a million sheets": (
        lambda path: write(
            path, sheet(""), sheets=many('<sheet name="S" sheetId="1" r:id="r1"/>', 1_000_000)
        ),
        "more pieces of XML",
    ),
    "a million links between parts": (
        lambda path: write(path, sheet(""), rels=many(relation(1, "worksheet", "a"), 1_000_000)),
        "more pieces of XML",
    ),
    "210 MB": (
        lambda path: write(path, sheet(chain(["<row>"], many(" ", 210_000_000), ["</row>"]))),
        "bytes unpacked; the limit is 200,000,000",
    ),
    "a table of five million commas": (lambda path: text(path, "," * SMALL), "the file is empty"),
    "a table of two million lines": (lambda path: text(path, "a\n" * 2_400_000), "200,000 rows"),
    "a quotation without end": (lambda path: text(path, '"' + "a" * 4_900_000), "not a readable"),
    "a million cells that cannot be used": (
        lambda path: text(
            path, "Study,n1,mean1,sd1,n2,mean2,sd2\n" + "=x,=a,b,c,d,e,f\n" * 190_000
        ),
        "1,000 or more problems",
    ),
}  # fmt: skip


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reader() -> Iterator[Executor]:
    """Read each file in a process of its own, forked from one that has imported what it takes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["analysis_lib.importing.extraction"])
    with ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as executor:
        yield executor


@pytest.mark.slow  # writes and reads files of hundreds of megabytes
@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_cannot_ask_for_much(tmp_path: Path, reader: Executor, name: str) -> None:
    build, words = BOMBS[name]
    path = build(tmp_path / "bomb")
    assert path.stat().st_size <= SMALL
    memory, told = reader.submit(peak_memory.of_reading, path).result()
    assert words in told
    assert told.startswith(("bomb", "1,000 or more problems"))
    assert memory < MOST_MEMORY


@pytest.mark.parametrize("name", ["sheet.xlsx", "sheet.ods"])
@pytest.mark.parametrize(
    ("module", "limit", "value"),
    [
        (grids, "MOST_ROWS", 2),
        (grids, "MOST_COLUMNS", 1),
        (grids, "MOST_CELLS", 5),
        (grids, "MOST_PLACES", 5),
        (grids, "LARGEST_TEXT", 300),
        (grids, "LONGEST_TEXT", 4),
        (grids, "LARGEST_UNPACKED", 1000),
        (xml_stream, "DEEPEST", 2),
    ],
)
def test_each_limit_is_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    limit: str,
    value: int,
    name: str,
) -> None:
    book = openpyxl.Workbook()
    for row in (["Study", "N"], ["Aasa 2015", 10], ["Cai 2017", 11]):
        book.active.append(row)
    path = save(book, tmp_path / name)
    assert len(read_sheet(path).rows) == 2
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(ReviewError, match=f"^{re.escape(name)}"):
        read_sheet(path)


def test_what_a_workbook_hides_is_told_and_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2", "note"])
    for year in range(2001, 2006):
        page.append([f"Aasa {year}", 10, 1.5, 2, 10 + year % 5, 2.5, 2, "x"])
    for row in (3, 4, 6):
        page.row_dimensions[row].hidden = True
    page.column_dimensions["H"].hidden = True
    book.create_sheet("Old").sheet_state = "hidden"
    book.create_sheet("Very old").sheet_state = "veryHidden"
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    found = import_results(path, outcome="Pain", time="ETP")
    assert len(found.results) == 10
    assert (
        "sheet.xlsx: not read: Old (hidden), Very old (hidden) (--sheet NAME reads another)"
        in found.notes
    )
    told = "sheet.xlsx: hidden in the workbook, and read all the same: {}"
    assert told.format("rows 3 to 4, 6") in found.notes
    assert told.format("columns H") in found.notes
    book["Old"].append(["Study"])
    book.save(path)
    assert "read sheet 'Old', a hidden sheet" in read_sheet(path, sheet="Old").notes[0]


def test_text_of_every_kind_is_what_a_person_sees(tmp_path: Path) -> None:
    cells = [
        '<c t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r><rPh><t>no</t></rPh></is></c>',
        '<c t="s"><v>0</v></c>',
        '<c t="b"><v>1</v></c>',
        '<c t="e"><v>#DIV/0!</v></c>',
        "<c><v>7.0999999999999996</v></c>",
        "<c><v>36.0</v></c>",
        '<c s="1"><v>45385</v></c>',
        '<c t="str"><f>A1</f><v>x</v></c>',
        '<c><f t="shared" si="0"/><v>5</v></c>',
        '<c t="str"><f>IF(A1="","",1)</f><v></v></c>',
        '<c t="str"><v>a_x000D_b</v></c>',
    ]
    head = "".join(f'<c t="str"><v>c{i}</v></c>' for i in range(len(cells)))
    path = write(
        tmp_path / "sheet.xlsx",
        f"<x:worksheet xmlns:x='y'><x:row>{head}</x:row><row>{''.join(cells)}</row></x:worksheet>",
        sharedStrings="<sst><si><t>shared</t><phoneticPr/><rPh><t>no</t></rPh></si></sst>",
        styles='<s><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></s>',
    )
    (row,) = read_sheet(path).rows
    assert list(row.cells.values()) == [
        "rich text", "shared", "yes", "#DIV/0!", "7.1", "36",
        "2024-04-03 00:00:00 (a date, says the workbook)", "x", "5", "a b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (workbooks.OLE + b"\0" * 500, "an old .xls workbook, or one with a password"),
        (b"PK\x03\x04 and no zip", "not a readable workbook"),
    ],
)
def test_what_is_no_xlsx_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(content)
    with pytest.raises(ReviewError, match=words):
        read_sheet(path)


# --- what a spreadsheet would run ----------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        "=quality: a sample",
        "@home: a trial",
        "-Omics in pain",
        "+Contigo: walking in pairs",
        "+1 +HYPERLINK(A1)",
        "- 1+cmd|' /C calc'!A0",
        "  =1+1",
        "＝1+1",
        "+1-HYPERLINK(A1)",
    ],
)
def test_what_would_run_is_marked_and_the_mark_comes_off_again(title: str) -> None:
    assert harmless(title) == f"'{title}"
    assert restored(harmless(title)) == title
    assert spreadsheets.unsafe(
        spreadsheets.Sheet("f", ("c",), (spreadsheets.Row(2, {"c": title}),)), ["c"]
    )


@pytest.mark.parametrize("cell", ["-0.5", "+2", "- 3", "−4", "-1,5", "-", "-5 %", "a = b", "'tis"])
def test_numbers_and_words_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell
    assert restored(cell) == cell
