"""Are numbers that share a cell told apart as their header says, and only then?"""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.base.errors import ReviewError
from analysis_lib.importing import ImportedResults, import_results
from analysis_lib.importing.joined_cells import split_joined
from analysis_lib.importing.spreadsheets import Row, Sheet

GIVEN = {"outcome": "Pain", "time": "ETP"}
MEANS = [(20, 1.5, 2.5), (21, -2.5, 3.5)]


def read(tmp_path: Path, text: str, encoding: str = "utf-8") -> ImportedResults:
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode(encoding))
    return import_results(path, **GIVEN)


@pytest.mark.parametrize(
    "text",
    [
        "Study,n1,mean (SD) 1,n2,mean (SD) 2\nA 2001,20,1.5 (2.5),21,-2.5 (3.5)\n",
        "Study;N exp;Mean ± SD exp;N ctrl;Mean ± SD ctrl\nA 2001;20;1,5 ± 2,5;21;−2,5 ± 3,5\n",
        "Study,Control Mean [SD],Control n,Experimental Mean [SD],Experimental n\n\n"
        "A 2001,-2.5 [3.5],21,1.5[2.5],20\n",
        "Study\tTreat N\tTreat M (SD)\tPlacebo N\tPlacebo M (SD)\tNote\n"
        "A 2001\t20\t1.5 (SD 2.5)\t21\t-2.5 +/- 3.5\tx\n",
        # two columns of one name, as RevMan prints them
        "Study or Subgroup,Mean,SD,Total,Mean,SD,Total,Weight\nA 2001,1.5,2.5,20,-2.5,3.5,21,9%\n"
        "Total (95% CI),,,20,,,21,100%\n",
        # lines before the header
        "Extraction sheet,,,,,,\n,,,,,,\nStudy,n1,mean1,sd1,n2,mean2,sd2\n"
        "A 2001,20,1.5,2.5,21,-2.5,3.5\n",
        "Study name,Group-A Mean,Group-A Std-Dev,Group-A Sample size,Group-B Mean,Group-B Std-Dev,"
        "Group-B Sample size\nA 2001,1.5,2.5,20,-2.5,3.5,21\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_means_and_sds_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    if encoding == "cp1252":
        text = text.replace("−", "-")
    found = read(tmp_path, text, encoding)
    assert [(r.n, r.mean, r.sd) for r in found.results] == MEANS
    assert [r.side for r in found.results] == ["experimental", "comparator"]


@pytest.mark.parametrize(
    "text",
    [
        "Study,Events/total 1,Events/N 2\nA 2001,4/20,6/21\n",
        "Study,n/N 1,n/N 2\nA 2001,4/20 (20%),6 of 21\n",
        "Study or Subgroup,Events,Total,Events,Total\nA 2001,4,20,6,21\n",
        "trial,author,year,tpos,tneg,cpos,cneg\n1,A,2001,4,16,6,15\n",
    ],
)
def test_events_are_read(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, text)
    assert [(r.events, r.n) for r in found.results] == [(4, 20), (6, 21)]
    assert found.results[0].year == 2001


def test_medians_and_intervals_in_one_cell_are_read(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    text = "Study,n1,median (IQR) 1,n2,median (IQR) 2\nA 2001,20,5 (4-7),21,6 (5 to 8)\n"
    path.write_text(text, encoding="utf-8")
    one, two = import_results(path, **GIVEN, medians=True).results
    assert "median 5 (q1 4, q3 7) of 20 people" in one.derived
    assert "median 6 (q1 5, q3 8) of 21 people" in two.derived
    text = "Study,n1,mean (95% CI) 1,n2,mean (95% CI) 2\nA 2001,20,5 (4 to 6),21,6 (5 to 7)\n"
    one, two = read(tmp_path, text).results
    assert "the 95 % interval 4 to 6" in one.derived
    assert "the 95 % interval 5 to 7" in two.derived
    text = "Study,n1,mean (SE) 1,n2,mean (SE) 2\nA 2001,25,5 (0.2),36,6 (0.5)\n"
    assert [r.sd for r in read(tmp_path, text).results] == [1, 3]


@pytest.mark.parametrize(
    ("text", "measure", "numbers"),
    [
        ("Study,OR (95% CI)\nA,0.50 (0.20 to 1.25)\n", "OR", (0.5, None, 0.2, 1.25)),
        ('Study,RR [95% CI]\nA,"0.50 [0.20, 1.25]"\n', "RR", (0.5, None, 0.2, 1.25)),
        ("Study;MD (95% CI)\nA;-0,5 (-0,9–-0,1)\n", "MD", (-0.5, None, -0.9, -0.1)),
        ("Study,lnHR,selnHR\nA,-0.5,0.2\n", "HR", (-0.5, 0.2, None, None)),
        ("Study,logOR,SE(logOR)\nA,-0.5,0.2\n", "OR", (-0.5, 0.2, None, None)),
        ("Study,SMD,SMD_lower,SMD_upper\nA,-0.5,-0.9,-0.1\n", "SMD", (-0.5, None, -0.9, -0.1)),
    ],
)
def test_effects_are_read(
    tmp_path: Path, text: str, measure: str, numbers: tuple[float | None, ...]
) -> None:
    (found,) = read(tmp_path, text).differences
    assert found.measure == measure
    assert (found.estimate, found.se, found.ci_low, found.ci_high) == numbers


def test_a_cell_of_another_form_is_named(tmp_path: Path) -> None:
    text = "Study,n1,mean (SD) 1,n2,mean (SD) 2\nA,20,1.5 (2.5),21,2.5 (3.5)\nB,9,about 1,9,2 (1)\n"
    with pytest.raises(ReviewError, match="row 3, column mean 1: 'about 1' is not a number"):
        read(tmp_path, text)


def test_a_dash_or_a_full_stop_says_that_nothing_is_known(tmp_path: Path) -> None:
    found = read(tmp_path, "Study,n1,mean1,sd1,n2,mean2,sd2\nA,20,1,2,21,2,3\nB,20,-,–,21,.,NR\n")
    assert {r.study for r in found.results} == {"A"}
    assert any("row 3: NA, NR or the like, read as not known" in note for note in found.notes)


def test_lines_before_the_header_of_a_workbook_are_passed_over(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Extraction by AB"], [], ["Study", "n1", "mean (SD) 1", "n2", "mean (SD) 2"],
                ["A 2001", 20, "1.5 (2.5)", 21, "-2.5 (3.5)"]):  # fmt: skip
        book.active.append(row)
    book.save(tmp_path / "sheet.xlsx")
    found = import_results(tmp_path / "sheet.xlsx", **GIVEN)
    assert [(r.n, r.mean, r.sd) for r in found.results] == MEANS
    assert {r.row for r in found.results} == {4}


@given(st.text(max_size=12), st.text(max_size=12))
def test_a_sheet_without_such_columns_comes_back_as_it_is(header: str, cell: str) -> None:
    sheet = Sheet("f", ("Study", "x"), (Row(2, {"Study": header, "x": cell}),))
    assert split_joined(sheet) is sheet
