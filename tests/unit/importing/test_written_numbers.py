"""Numbers, headers and files as people write them: read as meant, or asked about with the place."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import ImportedResults, import_results
from analysis_lib.importing.packed import unpacked
from analysis_lib.importing.result_columns import names_of
from analysis_lib.importing.result_rows import side_of
from analysis_lib.importing.written_numbers import parse_number, without_footnote

HEADER = "Study,Mean 1,SD 1,N 1,Mean 2,SD 2,N 2"
ROW = "Adams 2010,3.5,1.2,20,4.5,1.4,21"
SHEET = f"{HEADER}\n{ROW}\n"
NUMBERS = (20, 3.5, 1.2, 21, 4.5, 1.4)


def brought(folder: Path, content: str | bytes, name: str = "sheet.csv") -> ImportedResults:
    """Import a file of one outcome and follow-up."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return import_results(path, outcome="Pain", time="End")


def numbers(found: ImportedResults) -> tuple[float | None, ...]:
    """Return n, mean and SD of the two arms of the first row."""
    return tuple(x for arm in found.results[:2] for x in (arm.n, arm.mean, arm.sd))


@pytest.mark.parametrize("sign", "-−–—‐‑‒﹣－")
def test_every_dash_before_a_number_is_a_minus(sign: str) -> None:
    assert parse_number(f"{sign}3.5") == parse_number(f" {sign} 3.5\u00a0") == -3.5


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1 234", 1234), ("1\u202f234,5", 1234.5), ("12'345'678", 12345678), ("1’234", 1234)),
        *(("1,234,567", 1234567), ("1.234.567,8", 1234567.8), ("1,234.5", 1234.5)),
        *(("3.5\u200b", 3.5), ("３．５", 3.5), ("－２０", -20), ("12.3*", 12.3), ("4.5 †‡", 4.5)),
        *(("4.5¹", 4.5), ("7ᵃ", 7)),
    ],
)
def test_what_can_be_one_number_only_is_that_number(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("10²", "is not a number alone"),
        ("12 mm", "is not a number alone; write the number and nothing beside it"),
        ("12.3a", "is not a number alone"),
        ("<0.1", "is not a number alone"),
        ("30 %", "a percentage; write the number itself"),
        ("2020-05-03 00:00:00 (a date, says the workbook)", "took it for a date; format the cell"),
        ("1 23", "is not a number"),
        ("1,23,456", "is not a number"),
        ("0,123,456", "is not a number"),
        ("9" * 100_000 + "x", "is not a number"),
    ],
)
def test_what_is_more_than_a_number_says_what_to_do(text: str, told: str) -> None:
    with pytest.raises(ReviewError, match=re.escape(told)):
        parse_number(text)


def test_a_mark_before_three_digits_of_people_is_of_thousands() -> None:
    assert parse_number("13,598", whole=True) == 13598
    assert parse_number("13.598", decimal_commas=True, whole=True) == 13598
    assert parse_number("13.598", decimal_commas=None, whole=True) == 13598
    with pytest.raises(ReviewError, match="may be"):
        parse_number("13,598")


@given(st.text(max_size=80))
def test_a_footnote_is_taken_from_a_digit_or_not_at_all(text: str) -> None:
    bare = without_footnote(text)
    assert text.strip().startswith(bare) or bare == text
    assert bare == text or bare[-1].isdigit()


def test_footnotes_are_named_with_their_cells(tmp_path: Path) -> None:
    found = brought(tmp_path, f"{HEADER}\nAdams 2010*,3.5*,1.2,20,4.5†,1.4,21\n")
    assert numbers(found) == NUMBERS
    assert found.results[0].study == "Adams 2010"
    (told,) = (note for note in found.notes if "footnote" in note)
    assert "3 cells" in told
    assert "row 2, column Mean 1: '3.5*'" in told


@pytest.mark.parametrize(
    "header",
    [
        "Study,Mean 1 (mm),SD 1 (mm),N 1,Mean 2 (mm),SD 2 (mm),N 2",
        "Study,Intervention mean [kg],Intervention SD [kg],Intervention n,"
        "Control mean [kg],Control SD [kg],Control n",
        "Study,Mean 1 (0-10),SD 1 (0-10),N 1,Mean 2 (0-10),SD 2 (0-10),N 2",
        "Study,Mean 1 (kg/m²),SD 1 (kg/m²),N 1,Mean 2 (kg/m²),SD 2 (kg/m²),N 2",
        "Study,Mean 1 (%),SD 1 (%),N 1,Mean 2 (%),SD 2 (%),N 2",
        "Study,Intervention group mean,Intervention group SD,Intervention group n,"
        "Control group mean,Control group SD,Control group n",
        "Étude,Moyenne intervention,Écart-type intervention,N intervention,"
        "Moyenne contrôle,Écart-type contrôle,N contrôle",
        "Estudo,Média intervenção,DP intervenção,N intervenção,"
        "Média controle,DP controle,N controle",
        "Studio,Media intervento,DS intervento,N intervento,"
        "Media controllo,DS controllo,N controllo",
        "研究,试验组均数,试验组标准差,试验组例数,对照组均数,对照组标准差,对照组例数",
        "Study,Me,Se,Ne,Mc,Sc,Nc",
    ],
)
def test_headers_with_units_groups_and_in_other_languages(tmp_path: Path, header: str) -> None:
    assert numbers(brought(tmp_path, f"{header}\n{ROW}\n")) == NUMBERS


@pytest.mark.parametrize(
    ("word", "side"),
    [
        *(("Intervention group", "experimental"), ("IG", "experimental")),
        ("Treatment", "experimental"),
        *(("Control arm", "comparator"), ("CG", "comparator"), ("Exercise", None), ("group", None)),
    ],
)
def test_a_group_is_on_the_side_that_its_name_says(word: str, side: str | None) -> None:
    assert side_of(word) == side


def test_a_column_of_percentages_holds_no_people(tmp_path: Path) -> None:
    head = "Study,Events 1 (%),N 1,Events 2 (%),N 2"
    with pytest.raises(ReviewError, match=r"no column for means with SDs or for events; not used"):
        brought(tmp_path, f"{head}\nAdams 2010,30,40,10,40\n")
    both = "Study,Events 1,Events 1 (%),N 1,Events 2,% events 2,N 2"
    found = brought(tmp_path, f"{both}\nAdams 2010,12,30,40,4,10,40\n")
    assert [arm.events for arm in found.results] == [12, 4]
    assert "columns not used: Events 1 (%), % events 2" in found.notes


def test_people_with_their_percentage_in_brackets(tmp_path: Path) -> None:
    head = "Study,Intervention n (%),Intervention N,Control n (%),Control N"
    found = brought(tmp_path, f"{head}\nAdams 2010,12 (30%),40,4 (10.0),40\n")
    assert [(arm.events, arm.n) for arm in found.results] == [(12, 40), (4, 40)]


@pytest.mark.parametrize("behind", ["(12 weeks)", "(SE)", "(baseline)", "(week 3)"])
def test_what_is_no_unit_is_not_taken_off_a_header(behind: str) -> None:
    assert "mean 1" not in names_of(f"Mean 1 {behind}")


def test_two_units_of_one_thing_are_asked_about(tmp_path: Path) -> None:
    head = HEADER.replace("Mean 1", "Mean 1 (mm),Mean 1 (cm)")
    with pytest.raises(ReviewError, match=r"'Mean 1 \(mm\)' and 'Mean 1 \(cm\)' both seem"):
        brought(tmp_path, f"{head}\n{ROW.replace('3.5', '35,3.5')}\n")


@pytest.mark.parametrize(
    "name", ["Gesamt", "Insgesamt", "Σ", "All studies", "合计", "Mean", "Sum:"]
)
def test_totals_in_other_words_are_no_trials(tmp_path: Path, name: str) -> None:
    found = brought(tmp_path, f"{SHEET}{name},3.5,1.2,40,4.5,1.3,42\n")
    assert len(found.results) == 2
    assert any("row 3: a total or a test" in note for note in found.notes)


def test_a_total_under_any_name_is_asked_about(tmp_path: Path) -> None:
    rows = f"{SHEET}Berg 2011,3.6,1.2,22,4.1,1.4,23\nzusammen,3.5,1.2,42,4.3,1.3,44\n"
    with pytest.raises(
        ReviewError, match=r"row 4: 'zusammen' has as many people as the rows above"
    ):
        brought(tmp_path, rows)
    assert len(brought(tmp_path, rows.replace("zusammen", "Cole 2012")).results) == 6


def test_a_trial_whose_name_begins_like_a_total_is_read(tmp_path: Path) -> None:
    assert len(brought(tmp_path, f"{SHEET}Mean 2012,3.5,1.2,44,4.5,1.3,42\n").results) == 4


def test_means_that_cannot_be_pooled_are_told(tmp_path: Path) -> None:
    found = brought(tmp_path, f"{HEADER}\nAdams 2010,3.5,,20,4.5,,21\n")
    assert any("row 2: a mean with no standard deviation" in note for note in found.notes)


HR = "Study,HR,O-E,V\nAdams 2010,{},-5,8\n"


def test_an_estimate_beside_o_minus_e_has_to_be_the_same(tmp_path: Path) -> None:
    found = brought(tmp_path, HR.format("0.54"))  # exp(-5 / 8) is 0.535
    assert found.differences[0].estimate == -5 / 8
    assert any("row 2: an estimate beside O-E and V" in note for note in found.notes)
    with pytest.raises(ReviewError, match=r"row 2, column HR: the estimate 0.8 and O-E with V"):
        brought(tmp_path, HR.format("0.8"))


def test_a_standard_error_has_to_be_that_of_the_interval(tmp_path: Path) -> None:
    sheet = "Study,MD,SE,CI lower,CI upper\nAdams 2010,1,{},0,2\n"
    assert brought(tmp_path, sheet.format("0.51")).differences[0].se == 0.51
    with pytest.raises(ReviewError, match=r"row 2, column SE: 3 cannot be the standard error"):
        brought(tmp_path, sheet.format("3"))


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """Return a zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as out:
        for name, text in files.items():
            out.writestr(name, text)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        packed({"a.csv": SHEET}),
        packed({"x/": "", "x/a.csv": SHEET, "__MACOSX/x/._a.csv": "?", "x/.DS_Store": "?"}),
        packed({"../../etc/a.csv": SHEET}),
        gzip.compress(SHEET.encode(), mtime=0),
        gzip.compress(f"{HEADER}\n".encode(), mtime=0)
        + gzip.compress(f"{ROW}\n".encode(), mtime=0),
    ],
)
def test_the_one_file_of_a_packed_file_is_read(tmp_path: Path, content: bytes) -> None:
    assert numbers(brought(tmp_path, content, "sheet.zip")) == NUMBERS
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.zip"]


def test_of_several_packed_files_one_has_to_be_chosen(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"unpack it and import one of 'a\.csv', 'b\.csv'"):
        brought(tmp_path, packed({"a.csv": SHEET, "b.csv": SHEET}), "sheet.zip")


@pytest.mark.parametrize("pack", [lambda x: packed({"a.csv": x}), gzip.compress])
def test_no_more_is_unpacked_than_a_file_may_hold(pack) -> None:
    content = pack(b"0" * 10_000)
    assert len(unpacked("a", content, 10_000).content) == 10_000
    with pytest.raises(ReviewError, match="the limit is 9,999"):
        unpacked("a", content, 9_999)


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReviewError, match=r"sheet.gz: cannot be unpacked"):
        brought(tmp_path, gzip.compress(SHEET.encode(), mtime=0)[:-12], "sheet.gz")


def workbook(change: Mapping[str, object]) -> bytes:
    """Return a workbook with the rows of `SHEET` and other cells in place of some."""
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    book.active.append([cell if cell[:1].isalpha() else float(cell) for cell in ROW.split(",")])
    for cell, value in change.items():
        book.active[cell] = value
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_raised_mark_of_a_footnote_is_no_digit_of_the_number(tmp_path: Path) -> None:
    raised = TextBlock(InlineFont(vertAlign="superscript"), "1")
    found = brought(tmp_path, workbook({"B2": CellRichText("3.5", raised)}), "sheet.xlsx")
    assert numbers(found) == NUMBERS
    assert any("column Mean 1: '3.5¹'" in note for note in found.notes)


def test_the_saved_result_of_a_formula_is_read_and_told(tmp_path: Path) -> None:
    old = zipfile.ZipFile(io.BytesIO(workbook({"C2": "=6/5"})))
    parts = {part: old.read(part) for part in old.namelist()}
    with pytest.raises(ReviewError, match=r"column SD 1: '=6/5' .*; put its result in its place"):
        brought(tmp_path, packed(parts), "sheet.xlsx")
    place = "xl/worksheets/sheet1.xml"
    saved = re.sub(rb"(<f>6/5</f>)(?:<v ?/>|<v></v>)", rb"\1<v>1.2</v>", parts[place])
    found = brought(tmp_path, packed(parts | {place: saved}), "sheet.xlsx")
    assert numbers(found) == NUMBERS
    assert any("the saved results are read: C2" in note for note in found.notes)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "[[1, 2], [3, 4]]"])
def test_json_of_any_depth_is_called_json(tmp_path: Path, content: str) -> None:
    with pytest.raises(ReviewError, match=r"sheet.csv: JSON; export it as RIS, or as .csv"):
        brought(tmp_path, content)
