"""Is what people keep in spreadsheets and search exports read right, or refused with its place?

Every file is written by the test. The last part throws random files at the readers: they return
what was written, number for number and record for record, or raise ``ReviewError``.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from properties import examples

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import (
    extraction,
    grids,
    import_results,
    spreadsheets,
    texts,
)
from analysis_lib.importing.spreadsheets import read_sheet
from analysis_lib.importing.texts import decode
from analysis_lib.importing.written_numbers import parse_number

REVMAN = "Study,Study year,Experimental mean,Experimental SD,Experimental N,Control mean,Control SD"
REVMAN += ",Control N"
LONG = "Study,Outcome,Time,Arm,Side,N,Mean,SD"
PAIN = {"outcome": "Pain", "time": "ETP"}

fuzz = examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "sheet.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def told(path: Path, **options: Any) -> list[str]:
    """Return the lines of the error that an import raises."""
    with pytest.raises(ReviewError) as error:
        import_results(path, **options)
    return [line.removeprefix("- ") for line in str(error.value).splitlines()]


def workbook(path: Path, rows: list[list[object]], merge: str = "") -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if merge:
        book.active.merge_cells(merge)
    book.save(path)
    return path


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "commas", "number"),
    [
        ("", False, None),
        ("  ", False, None),
        ("12", False, 12),
        (" 3.5 ", False, 3.5),
        ("-0.5", False, -0.5),
        ("−0.5", False, -0.5),
        ("+2", False, 2),
        (".5", False, 0.5),
        ("5.", False, 5),
        ("1e3", False, 1000),
        ("2.5E-2", False, 0.025),
        ("3,5", False, 3.5),
        ("12,75", True, 12.75),
        ("1,234", True, 1.234),
        ("1.234", False, 1.234),
        ("0,125", False, 0.125),
        ("0.125", True, 0.125),
        ("1234", True, 1234),
        ("12.5", True, 12.5),
    ],
)
def test_numbers_as_people_write_them(text: str, commas: bool, number: float | None) -> None:
    assert parse_number(text, decimal_commas=commas) == number


@pytest.mark.parametrize(
    ("text", "commas", "words"),
    [
        ("1,234", False, "'1,234' may be 1.234 or 1234"),
        ("1.234", True, "'1.234' may be 1.234 or 1234"),
        ("-12,345", False, "may be -12.345 or -12345"),
        ("12,34.5", False, "is not a number"),
        ("1 23", False, "is not a number"),
        ("12 (3)", False, "is not a number"),
        ("n/a", False, "is not a number; leave the cell empty"),
        ("nan", False, "is not a number"),
        ("inf", False, "is not a number"),
        ("1e999", False, "is too large|is not a number"),
        ("5%", False, "is not a number"),
        ("#DIV/0!", False, "is not a number"),
        ("2024-04-03 00:00:00 (a date, says the workbook)", False, "is not a number"),
        ("٣", False, "is not a number"),
    ],
)
def test_what_is_no_number_or_two_is_refused(text: str, commas: bool, words: str) -> None:
    with pytest.raises(ReviewError, match=words):
        parse_number(text, decimal_commas=commas)


@fuzz
@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_number_comes_back_as_it_was_written(number: float) -> None:
    text = repr(number)
    assert parse_number(text) == number
    with_comma = text.replace(".", ",")
    if "e" not in text and not spreadsheets.GROUPED.fullmatch(with_comma):
        assert parse_number(with_comma, decimal_commas=True) == number


@fuzz
@given(st.text(max_size=12))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number = parse_number(text)
    except ReviewError:
        return
    assert number is None or math.isfinite(number)


# --- sheets --------------------------------------------------------------------------------------

SPANISH = (
    "\ufeffStudy;Study year;Experimental mean;Experimental SD;Experimental N;"
    "Control mean;Control SD;Control N\r\n"
    "Muñoz 2019 ;2019; 3,5;1,25;20;4,75;1,5 ;21\r\n"
    ";;;;;;;\r\n"
    "Ülger 2017;2017;4,0;2,0;57;4,5;1,75;56\r\n"
)


def test_excel_in_another_country(write: Callable[..., Path]) -> None:
    """A BOM, semicolons, decimal commas, spaces, accents, an empty row, line ends of Windows."""
    found = import_results(write(SPANISH), **PAIN).results
    assert [(r.trial, r.study, r.side, r.n, r.mean, r.sd, r.row) for r in found] == [
        ("munoz-2019", "Muñoz 2019", "experimental", 20, 3.5, 1.25, 2),
        ("munoz-2019", "Muñoz 2019", "comparator", 21, 4.75, 1.5, 2),
        ("ulger-2017", "Ülger 2017", "experimental", 57, 4.0, 2.0, 4),
        ("ulger-2017", "Ülger 2017", "comparator", 56, 4.5, 1.75, 4),
    ]


def test_tabs_and_commas_say_the_same(write: Callable[..., Path]) -> None:
    rows = [REVMAN.split(","), ["Aasa 2015", "2015", "1.5", "2", "10", "2.5", "2", "11"]]
    comma = import_results(write("\n".join(map(",".join, rows))), **PAIN)
    tab = import_results(write("\n".join(map("\t".join, rows)), "sheet.tsv"), **PAIN)
    assert comma.results == tab.results


def test_a_cell_with_a_mark_in_the_wrong_country_is_named(write: Callable[..., Path]) -> None:
    text = SPANISH.replace("4,0", "1.234")
    assert told(write(text), **PAIN)[1:] == [
        "sheet.csv, row 4, column Experimental mean: '1.234' may be 1.234 or 1234; "
        "write it without the mark"
    ]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("=1+1", "looks like a spreadsheet formula"),
        ("@SUM(A1)", "looks like a spreadsheet formula"),
        ("<script>alert(1)</script>", "holds HTML or script"),
        ("<b>Aasa</b>", "holds HTML or script"),
        ("a\x07b", "holds a control character"),
        ("a\u202eb", "holds a control character"),
    ],
)
def test_unsafe_cells_are_refused_in_csv(write: Callable[..., Path], cell: str, words: str) -> None:
    lines = told(write(f"{REVMAN}\n{cell},2015,1,2,10,2,2,11\n"), **PAIN)
    assert any(
        line.startswith("sheet.csv, row 2, column Study:") and words in line for line in lines
    )


def test_unsafe_cells_are_refused_in_xlsx(tmp_path: Path) -> None:
    row: list[object] = ["Aasa 2015", 2015, "=1+1", 2, 10, "<b>2</b>", 2, 11]
    path = workbook(tmp_path / "sheet.xlsx", [REVMAN.split(","), row])
    assert told(path, **PAIN)[1:] == [
        "sheet.xlsx, row 2, column Experimental mean: '=1+1' looks like a spreadsheet formula; "
        "put its result in its place (copy it, and paste the values only)",
        "sheet.xlsx, row 2, column Control mean: '<b>2</b>' holds HTML or script",
    ]


def test_merged_names_of_a_workbook_are_filled_and_told(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        LONG.split(","),
        ["Cai 2017", "Pain", "ETP", "Legs", "experimental", 28, 2.5, 1],
        [None, "Pain", "ETP", "Back", "experimental", 28, 2.25, 1],
        [None, "Pain", "ETP", "Control", "control", 28, 3.5, 1.5],
    ]
    found = import_results(workbook(tmp_path / "sheet.xlsx", rows, merge="A2:A4"))
    assert {r.study for r in found.results} == {"Cai 2017"}
    assert "sheet.xlsx: merged cells A2:A4: 'Cai 2017' in each row" in found.notes


def test_names_that_were_merged_before_a_csv_export_are_asked_for(
    write: Callable[..., Path],
) -> None:
    path = write(f"{LONG}\nCai 2017,Pain,ETP,Legs,first,28,2,1\n,Pain,ETP,Control,second,28,3,1\n")
    assert told(path)[1:] == [
        "sheet.csv, row 3, column Study: a value is missing; write it in each row, also below "
        "merged cells"
    ]


def test_other_sheets_are_told_and_can_be_chosen(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    book.active.append(["Nothing"])
    sheet = book.create_sheet("Pain")
    sheet.append(REVMAN.split(","))
    sheet.append(["Aasa 2015", 2015, 1.5, 2, 10, 2.5, 2, 11])
    path = tmp_path / "sheet.xlsx"
    book.save(path)
    found = import_results(path, sheet="Pain", **PAIN)
    assert [r.mean for r in found.results] == [1.5, 2.5]
    assert "sheet.xlsx: not read: Cover (--sheet NAME reads another)" in found.notes
    with pytest.raises(ReviewError, match=r"no sheet 'pain'; it has Cover, Pain"):
        import_results(path, sheet="pain", **PAIN)


def test_what_excel_made_a_date_is_named(tmp_path: Path) -> None:
    from datetime import datetime

    row: list[object] = ["Aasa 2015", 2015, datetime(2024, 4, 3), 2, 10, 2.5, 2, 11]
    path = workbook(tmp_path / "sheet.xlsx", [REVMAN.split(","), row])
    (line,) = told(path, **PAIN)[1:]
    assert line.startswith("sheet.xlsx, row 2, column Experimental mean: '2024-04-03")
    assert "a date, says the workbook" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("\n\n  \n", "the file is empty"),
        ("Study,n1,n2,n1\nx,1,1,1", "two columns are named 'n1'"),
        ("Study,N\nx,1,2", "row 2: more cells than the header, which has 2"),
        ('Study,N\n"x,1', "not a readable CSV file"),
        (f"{REVMAN}\n", "the table has a header and no row with a result"),
        ("Title\nx", "no column for study"),
        ("Study,Mean\nx,1", "neither the columns of two arms"),
    ],
)
def test_files_that_are_no_sheet(write: Callable[..., Path], text: str, words: str) -> None:
    assert words in "\n".join(told(write(text), **PAIN))


def test_files_that_cannot_be_read(tmp_path: Path, write: Callable[..., Path]) -> None:
    assert "there is no such file" in told(tmp_path / "none.csv")[0]
    assert "not a readable zip" in told(write("PK\x03\x04 no zip", "x.xlsx"))[0]
    assert "only an .xlsx or .ods file has sheets" in told(write("Study\nx"), sheet="A")[0]


def test_columns_that_are_not_used_are_listed_and_not_judged(write: Callable[..., Path]) -> None:
    path = write(f"{REVMAN},,p,p\nA 2000,,1,2,9,2,2,11,x,=1,<b>P < or = 0.05</b>\n")
    found = import_results(path, **PAIN)
    assert found.notes[-1] == "columns not used: without a name (column 9), p, p (column 11)"


@pytest.mark.parametrize(
    ("encoding", "guessed"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", "UTF-16"),
        ("cp1252", "cp1252"),
    ],
)
def test_every_encoding_is_read_and_a_guess_is_told(
    write: Callable[..., Path], encoding: str, guessed: str
) -> None:
    found = import_results(
        write(f"{REVMAN}\nMuñoz 2019,,1,2,9,2,2,11\n", encoding=encoding), **PAIN
    )
    assert found.results[0].study == "Muñoz 2019"
    told = [note for note in found.notes if "the encoding is not stated" in note]
    assert [f"read as {guessed}." in note for note in told] == [True] * bool(guessed)


def test_an_encoding_of_other_letters_is_guessed_or_named(write: Callable[..., Path]) -> None:
    russian = "Исследование;Год\nИванов;2001\nПетров;2002\n"
    path = write(russian, encoding="cp1251")
    assert read_sheet(path).columns == ("Исследование", "Год")
    assert read_sheet(write("Łódź;ż\n", encoding="cp1250"), encoding="cp1250").columns[0] == "Łódź"
    with pytest.raises(ReviewError, match="row 1 is not written in utf-8"):
        read_sheet(path, encoding="utf-8")
    with pytest.raises(ReviewError, match="no such encoding"):
        read_sheet(path, encoding="klingon")


def test_lines_in_another_encoding_than_the_rest_are_counted() -> None:
    found = decode("é\n".encode() + "ü\n".encode("cp1252"))
    assert (found.text, found.guessed) == ("é\nü\n", "UTF-8, but cp1252 in 1 line")


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    """A few hundred bytes of XML that would unfold to gigabytes ("billion laughs")."""
    plain = workbook(tmp_path / "plain.xlsx", [["Study"], ["Aasa 2015"]])
    laughs = "".join(
        f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha" * 10}">' for i in range(10)
    )
    path = tmp_path / "laughs.xlsx"
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if name.endswith("sheet1.xml"):
                text = f"<!DOCTYPE x [{laughs}]>" + text.replace("<sheetData>", "<sheetData>&l9;")
            new.writestr(name, text)
    (line,) = told(path)
    assert line.startswith("laughs.xlsx: the XML declares entities or attributes of its own")
    assert "take the DOCTYPE out" in line


def test_too_large_too_long_and_too_wide_files_are_refused(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("Study,N\n" + "x,1\n" * 9)
    monkeypatch.setattr(grids, "MOST_ROWS", 9)
    assert "sheet.csv: more than 9 rows" in told(path)[0]
    monkeypatch.setattr(grids, "MOST_COLUMNS", 1)
    assert told(path) == ["sheet.csv, row 1: 2 columns; the limit is 1"]
    monkeypatch.setattr(texts, "LARGEST_FILE", 10)
    assert told(path) == ["sheet.csv: 44 bytes; the limit is 10"]


# --- results -------------------------------------------------------------------------------------


def test_columns_can_be_named(write: Callable[..., Path]) -> None:
    path = write("Autor,Fälle,Mittel,Streuung,K,MK,SK,Land\nWeiß 2001,20,3,1,21,4,1,DE\n")
    where = {"study": "Autor", "n1": "Fälle", "mean1": "Mittel", "sd1": "Streuung"}
    where |= {"n2": "K", "mean2": "MK", "sd2": "SK"}
    found = import_results(path, columns=where, **PAIN)
    assert [(r.trial, r.year, r.n) for r in found.results] == [
        ("weiss-2001", 2001, 20),
        ("weiss-2001", 2001, 21),
    ]
    assert found.notes == ("columns not used: Land",)
    with pytest.raises(
        ReviewError, match=r"'studdy' is no name of a column \(did you mean 'study'"
    ):
        import_results(path, columns={"studdy": "Autor"}, **PAIN)
    with pytest.raises(ReviewError, match=r"there is no column 'autor'"):
        import_results(path, columns={"study": "autor"}, **PAIN)


def test_two_columns_for_one_thing_are_asked_about(write: Callable[..., Path]) -> None:
    path = write("Study,Trial,N,Arm,Side,Mean\nx 2000,x,1,a,first,1\n")
    assert "columns 'Study' and 'Trial' both seem to hold study" in told(path, **PAIN)[1]
    assert import_results(path, columns={"study": "Study"}, **PAIN).results[0].trial == "x-2000"


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("A 2000,,1,2,x,2,2,11", "column Experimental N: 'x' is not a number"),
        ("A 2000,,1,2,2.5,2,2,11", "column Experimental N: '2.5' is not a whole number"),
        ("A 2000,,1,2,0,2,2,11", "column Experimental N: 0 people; an arm has at least one"),
        ("A 2000,,1,0,9,2,2,11", "column Experimental SD: 0 is not greater than zero"),
        ("A 2000,,1,-2,9,2,2,11", "column Experimental SD: -2 is not greater than zero"),
        ("A 2000,20,1,2,9,2,2,11", "column Study year: '20' is not a year"),
        ("A 2000,x,1,2,9,2,2,11", "column Study year: 'x' is not a year"),
        ("A 2000,,3 (1),2,9,2,2,11", "column Experimental mean: '3 (1)' is not a number"),
        ("...,2000,1,2,9,2,2,11", "column Study: '...' has no letter or digit"),
    ],
)
def test_cells_that_cannot_be_used_are_named(
    write: Callable[..., Path], row: str, line: str
) -> None:
    assert any(f"sheet.csv, row 2, {line}" in t for t in told(write(f"{REVMAN}\n{row}\n"), **PAIN))


def test_every_problem_of_a_file_is_told_at_once(write: Callable[..., Path]) -> None:
    path = write(f"{REVMAN}\nA 2000,,x,2,9,2,2,11\nB 2001,,1,2,9,y,2,0\n")
    rows = [line.split(",")[1] for line in told(path, **PAIN)[1:]]
    assert rows == [" row 2", " row 3", " row 3"]
    assert told(path, **PAIN)[0] == "3 problems in sheet.csv:"


def test_events_are_read_and_checked(write: Callable[..., Path]) -> None:
    head = "Study,Experimental cases,Experimental N,Control cases,Control N"
    found = import_results(write(f"{head}\nA 2000,0,10,3,12\n"), **PAIN).results
    assert [(r.events, r.n, r.mean) for r in found] == [(0, 10, None), (3, 12, None)]
    lines = told(write(f"{head}\nA 2000,11,10,-1,12\nB 2000,1,,1,5\n"), **PAIN)
    assert lines[1:] == [
        "sheet.csv, row 2, column Experimental cases: 11 events among 10 people",
        "sheet.csv, row 2, column Control cases: -1 is negative",
        "sheet.csv, row 3, column Experimental N: events without a number of people",
    ]


def test_an_arm_of_one_person_and_a_missing_sd_are_kept_and_told(
    write: Callable[..., Path],
) -> None:
    found = import_results(write(f"{REVMAN}\nA 2000,,1,,1,2,2,11\n"), **PAIN)
    assert found.results[0].sd is None
    assert "A 2000, experimental has one person" in found.notes[0]


def test_a_row_typed_twice_is_named(write: Callable[..., Path]) -> None:
    row = "A 2000,,1,2,9,2,2,11"
    assert told(write(f"{REVMAN}\n{row}\n{row}\n"), **PAIN)[1:] == [
        "sheet.csv, row 3: 'A 2000': the same numbers as in row 2"
    ]
    long = "A 2000,Pain,ETP,Control,second,20,1,2"
    assert told(write(f"{LONG}\n{long}\n{long}\n"))[1:] == [
        "sheet.csv, row 3: 'A 2000', Control: stands already in row 2"
    ]


def test_studies_that_would_become_one_are_named(write: Callable[..., Path]) -> None:
    path = write(f"{REVMAN}\nMuller-2000,,1,2,9,2,2,11\nMuller. 2000,,1,2,9,2,2,12\n")
    asked = "'Muller. 2000' is spelled almost like 'Muller-2000' in row 2"
    assert asked in told(path, **PAIN)[1]
    path = write(f"{REVMAN}\n山 2000,2000,1,2,9,2,2,11\n川 2000,2000,1,2,9,2,2,12\n")
    assert {r.trial for r in import_results(path, **PAIN).results} == {"5c71-2000", "5ddd-2000"}
    path = write(f"{REVMAN}\nA b 2000,,1,2,9,2,2,11\nA-ᵇ 2000,2000,1,2,9,2,2,12\n")
    assert "is spelled almost like 'A b 2000'" in told(path, **PAIN)[1]


def test_an_arm_on_both_sides_is_named(write: Callable[..., Path]) -> None:
    rows = "A 2000,Pain,ETP,Lifting,first,20,1,2\nA 2000,Pain,PW,Lifting,second,20,1,2\n"
    assert "'Lifting' is on the other side in row 2" in told(write(f"{LONG}\n{rows}"))[1]


def test_an_arm_in_two_comparisons_is_told(write: Callable[..., Path]) -> None:
    rows = "A 2000,,1,2,9,2,2,11\nA 2000,,1,2,9,3,2,12\n"
    found = import_results(write(f"{REVMAN}\n{rows}"), **PAIN)
    assert len(found.pairs) == 2
    assert [r.arm for r in found.results] == [
        "experimental-1", "control-1", "experimental-2", "control-2",
    ]  # fmt: skip
    assert "rows 2 and 3: A 2000, equal numbers on the same side" in found.notes[0]


NAMES = st.sampled_from(["Aasa 2015", "Ülger 2017", "Muñoz 2019", "O'Neil 2001", "Kell 2009"])
ROWS = st.lists(
    st.tuples(
        NAMES,
        st.integers(1, 500),
        st.decimals(-50, 150, places=2),
        st.decimals("0.01", 40, places=2),
        st.integers(1, 500),
        st.decimals(-50, 150, places=2),
        st.decimals("0.01", 40, places=2),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@pytest.mark.slow
@fuzz
@given(rows=ROWS, separator=st.sampled_from(",;\t"), bom=st.booleans(), spaces=st.booleans())
def test_fuzz_what_was_written_is_read(
    tmp_path: Path, rows: list[Any], separator: str, bom: bool, spaces: bool
) -> None:
    """Any separator, decimal mark, BOM and spaces: the numbers and the total are those written."""
    comma = separator != ","
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator)
    writer.writerow(["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2"])
    for row in rows:
        cells = [str(cell).replace(".", "," if comma else ".") for cell in row]
        writer.writerow([f" {cell}  " if spaces else cell for cell in cells])
    path = tmp_path / "sheet.csv"
    path.write_text(("\ufeff" if bom else "") + buffer.getvalue(), encoding="utf-8")
    found = import_results(path, **PAIN, one_trial=True)
    expected = [
        (n, float(mean), float(sd)) for _, *arms in rows for n, mean, sd in (arms[:3], arms[3:])
    ]
    assert [(r.n, r.mean, r.sd) for r in found.results] == expected


CELLS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "Aasa 2015", "1", "2,5", "1,234", "=A1", "<b>", "first", "Pain", "\x00"]),
    st.integers(-5, 10**12).map(str),
    st.floats().map(str),
)
HEADERS = st.lists(
    st.one_of(st.sampled_from([*(n[0] for n in extraction.NAMES.values()), "Title", "DOI"]), CELLS),
    min_size=1,
    max_size=10,
)


@pytest.mark.slow
@fuzz
@given(
    header=HEADERS,
    rows=st.lists(st.lists(CELLS, max_size=11), max_size=5),
    separator=st.sampled_from(",;\t"),
    ending=st.sampled_from(["csv", "xlsx"]),
)
def test_fuzz_any_sheet_is_read_or_refused(
    tmp_path: Path, header: list[str], rows: list[list[str]], separator: str, ending: str
) -> None:
    path = tmp_path / f"sheet.{ending}"
    if ending == "csv":
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=separator).writerows([header, *rows])
        path.write_text(buffer.getvalue(), encoding="utf-8", errors="replace")
    else:
        clean = [[openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", c) for c in r] for r in rows]
        top = [openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", c) for c in header]
        workbook(path, [list(top), *(list(r) for r in clean)])
    with contextlib.suppress(ReviewError):
        assert len(import_results(path, **PAIN).results) <= 2 * len(rows)


@fuzz
@given(content=st.binary(max_size=400), ending=st.sampled_from(["csv", "xlsx"]))
def test_fuzz_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"sheet.{ending}"
    path.write_bytes(content)
    for read in (read_sheet, import_results):
        with contextlib.suppress(ReviewError):
            read(path)


def test_a_study_is_of_one_year(write: Callable[..., Path]) -> None:
    head = "Study,Year,Outcome,Time,n1,mean1,sd1,n2,mean2,sd2\n"
    rows = "Aasa,2015,Pain,w8,9,4,2,9,5,2\nAasa,2016,Pain,w52,9,4,2,9,5,2\n"
    with pytest.raises(ReviewError, match=r"row 3: 'Aasa' is of 2015 in row 2"):
        import_results(write(head + rows))
