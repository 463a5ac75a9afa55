"""Is every cell told in which two sheets differ, and nothing imported while one is open?"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from table_rows import rows_of

import analysis_lib as al
from analysis_lib.__main__ import main
from analysis_lib.base.errors import ReviewError
from analysis_lib.base.formatting import percent
from analysis_lib.importing.comparing import SheetComparison, compare_sheets
from analysis_lib.importing.spreadsheets import Row, Sheet
from analysis_lib.review.extraction import extraction_agreement

FIRST = """Study,n1,mean1,sd1,n2,mean2,sd2,Country
Aasa 2015,35,3.1,1.2,36,4.0,1.5,Sweden
Kell 2009,30,3.0,1.1,31,4.1,1.4,Canada
"""
#: The same results: other words, order, marks, an empty row, a column of its own (Me).
SAME = """Trial;Country;N Control;Control M;SD2;Experimental N;M Experimental;SD Experimental;Me
kell 2009;CANADA;31;4,1;1,4;30;3;1,1;x

Aasa  2015; Sweden;36;4;1,5;35;3,1;1,2;
"""
GIVEN = {"outcome": "Pain", "time": "ETP"}


@pytest.fixture
def compare(folder: Path, tmp_path: Path, capsys: Any) -> Callable[..., tuple[int, str]]:
    """Import two sheets of these texts, and return the exit code and what was told."""

    def run(first: str, second: str, *more: str, encoding: str = "utf-8") -> tuple[int, str]:
        paths = [tmp_path / "ab.csv", tmp_path / "cd.csv"]
        for path, text in zip(paths, (first, second), strict=True):
            path.write_bytes(text.encode(encoding))
        files = ["import", *map(str, paths), "--compare", "--to", str(folder)]
        code = main([*files, "--outcome", "Pain", "--time", "ETP", *more])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def table(folder: Path, name: str = "extraction/differences") -> list[dict[str, str]]:
    return rows_of(folder / "data" / f"{name}.csv")


def settle(folder: Path, **cells: str) -> None:
    """Write into every row of the differences what was decided."""
    rows = [row | cells for row in table(folder)]
    path = folder / "data" / "extraction" / "differences.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_equal_sheets_of_other_layout_are_imported(
    folder: Path, compare: Callable[..., tuple[int, str]]
) -> None:
    code, told = compare(FIRST, SAME)
    assert code == 0, told
    assert "0 of 14 cells differ" in told
    assert "columns only in cd.csv, not compared: Me" in told
    means = [row["mean"] for row in table(folder, "arm_results")]
    assert means == ["3.1", "4", "3", "4.1"]
    assert al.load_review(folder / "data").trials["label"].tolist() == ["Aasa 2015", "Kell 2009"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_every_difference_is_told_with_values_and_rows(
    folder: Path, compare: Callable[..., tuple[int, str]], encoding: str
) -> None:
    other = SAME.replace("4,1;1,4", "4,1;4,1").replace("Sweden", "Schweden (für alle)")
    code, told = compare(FIRST, other, encoding=encoding)
    assert code == 1
    assert "2 problems between the two sheets; nothing was imported" in told
    assert "sd2 is 1.4 (ab.csv, row 3) or 4,1 (cd.csv, row 2)" in told
    assert "Country is Sweden (ab.csv, row 2) or Schweden (für alle) (cd.csv, row 4)" in told
    assert table(folder, "trials") == []


def test_check_stops_until_somebody_decides_and_the_decision_holds(
    folder: Path, compare: Callable[..., tuple[int, str]], capsys: Any
) -> None:
    other = SAME.replace("4,1;1,4", "4,1;4,1")
    compare(FIRST, other)
    assert main(["check", str(folder)]) == 1
    assert "sd2 is 1.4 (ab.csv, row 3) or 4,1 (cd.csv, row 2)" in capsys.readouterr().err
    settle(folder, settled="1,4", decided_by="")  # who?
    assert compare(FIRST, other)[0] == 1
    settle(folder, settled="1.45", decided_by="EF", why="Table 2 has it")
    code, told = compare(FIRST, other)
    assert (code, "1 of 14 cells differ" in told) == (0, True), told
    assert [row["sd"] for row in table(folder, "arm_results")] == ["1.2", "1.5", "1.1", "1.45"]
    assert extraction_agreement(folder / "data") is not None
    assert main(["check", str(folder)]) == 0
    told = capsys.readouterr().out
    assert f"they agreed on 13 of 14 cells ({percent(13 / 14)}). What differed was" in told
    assert "settled by EF" in told
    code, told = compare(FIRST, SAME.replace("4,1;1,4", "4,1;9,9"))
    assert (code, "1.4 (ab.csv, row 3) or 9,9" in told) == (1, True)  # another question


def test_a_row_of_one_sheet_is_entered_in_both_or_left_out(
    folder: Path, compare: Callable[..., tuple[int, str]]
) -> None:
    first = FIRST + "New 2020,10,1,2,10,2,2,Chile\n"
    code, told = compare(first, SAME)
    assert (code, "New 2020, Pain, ETP: only in ab.csv, row 4" in told) == (1, True)
    settle(folder, settled="yes", decided_by="EF")
    assert compare(first, SAME)[0] == 1
    settle(folder, settled="no", decided_by="EF", why="not a trial")
    assert compare(first, SAME)[0] == 0
    assert [row["label"] for row in table(folder, "trials")] == ["Aasa 2015", "Kell 2009"]
    code, told = compare(FIRST, SAME + "New 2020;;1;2;2;10;3;1;\n")
    assert (code, "only in cd.csv, row 5" in told) == (1, True)


def test_a_column_that_only_one_sheet_has_and_that_counts_differs(
    folder: Path, compare: Callable[..., tuple[int, str]]
) -> None:
    first = "Study,n1,mean1,n2,mean2\nAasa 2015,35,3.1,36,4.0\n"
    second = "Study,n1,mean1,sd1,n2,mean2,sd2\nAasa 2015,35,3.1,1.2,36,4.0,NR\n"
    code, told = compare(first, second)
    assert (code, "sd1 is nothing (ab.csv, row 2) or 1.2 (cd.csv, row 2)" in told) == (1, True)
    assert "sd2" not in told  # not reported is nothing, too
    settle(folder, settled="1.2", decided_by="EF")
    assert compare(first, second)[0] == 0
    assert [row["sd"] for row in table(folder, "arm_results")] == ["1.2", ""]


LONG = "Study,Arm,Side,n,mean,sd\n"


def test_arms_come_together_by_name_and_never_across_the_sides(
    compare: Callable[..., tuple[int, str]],
) -> None:
    rows = ["A 2000,Weights,experimental,9,1,2", "A 2000,Bands,experimental,8,1,2",
            "A 2000,Walking,control,7,1,2"]  # fmt: skip
    assert compare(LONG + "\n".join(rows), LONG + "\n".join(reversed(rows)))[0] == 0
    other = [rows[2], rows[0].replace("9,1,2", "9,1,3")]
    code, told = compare(LONG + "\n".join(rows), LONG + "\n".join(other))
    assert (code, told.count("\n- ")) == (1, 2)
    assert "sd is 2 (ab.csv, row 2) or 3 (cd.csv, row 3)" in told
    assert "Bands, experimental: only in ab.csv, row 3" in told


def test_sheets_of_two_shapes_and_one_sheet_alone_are_refused(
    compare: Callable[..., tuple[int, str]], folder: Path, tmp_path: Path, capsys: Any
) -> None:
    code, told = compare(FIRST, LONG + "Aasa 2015,W,control,9,1,2\n")
    assert (code, "two sheets of one shape" in told) == (1, True)
    alone = ["import", str(tmp_path / "ab.csv"), "--compare", "--to", str(folder)]
    assert main(alone) == 1
    assert "--compare needs two sheets, of two people" in capsys.readouterr().err


def test_nothing_is_written_in_a_dry_run_and_nothing_runs(
    folder: Path, compare: Callable[..., tuple[int, str]]
) -> None:
    assert compare(FIRST, FIRST.replace("3.1", "3.2"), "--dry-run")[0] == 1
    assert not (folder / "data" / "extraction").exists()
    code, told = compare(FIRST, FIRST.replace("Sweden", "<script>"))
    assert (code, "row 2, column Country: '<script>' holds HTML" in told) == (1, True)
    code, told = compare(FIRST, FIRST.replace("Sweden", "=1+1"))
    assert (code, "looks like a spreadsheet formula" in told) == (1, True)


def test_workbooks_are_compared(folder: Path, tmp_path: Path, capsys: Any) -> None:
    for name, mean in (("ab", 3.1), ("cd", 3.7)):
        book = openpyxl.Workbook()
        for row in (["Study", "n1", "mean1", "sd1", "n2", "mean2", "sd2"],
                    ["Aasa 2015", 35, mean, 1.2, 36, 4, 1.5]):  # fmt: skip
            book.active.append(row)
        book.save(tmp_path / f"{name}.xlsx")
    files = [str(tmp_path / f"{name}.xlsx") for name in ("ab", "cd")]
    flags = ["--compare", "--to", str(folder), "--outcome", "Pain", "--time", "ETP"]
    assert main(["import", *files, *flags]) == 1
    assert "mean1 is 3.1 (ab.xlsx, row 2) or 3.7 (cd.xlsx, row 2)" in capsys.readouterr().err


NUMBERS = st.integers(1, 99)


@examples(25)
@given(
    cells=st.lists(st.tuples(*[NUMBERS] * 6), min_size=1, max_size=5),
    changed=st.sets(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_as_many_differences_are_told_as_were_made(
    cells: list[tuple[int, ...]], changed: set[tuple[int, int]], order: Any
) -> None:
    """Whatever is changed, and in whatever order the rows stand."""
    made = {(i, j) for i, j in changed if i < len(cells)}
    other = [[x + 100 * ((i, j) in made) for j, x in enumerate(row)] for i, row in enumerate(cells)]
    rows = list(range(len(cells)))
    order.shuffle(rows)
    found = _compared(cells, other, rows)
    assert found.differing == len(made) == len(found.differences)
    assert found.cells == 6 * len(cells)
    told = {(int(d.study.split()[1]), d.first, d.second) for d in found.differences}
    assert told == {(i, str(cells[i][j]), str(other[i][j])) for i, j in made}


def _compared(one: Any, other: Any, order: list[int]) -> SheetComparison:
    names = ("n1", "mean1", "sd1", "n2", "mean2", "sd2")

    def sheet(name: str, cells: Any, rows: list[int]) -> Sheet:
        lines = (
            Row(2 + at, {"study": f"A {i}", **dict(zip(names, map(str, cells[i]), strict=True))})
            for at, i in enumerate(rows)
        )
        return Sheet(name, ("study", *names), tuple(lines))

    return compare_sheets(sheet("a", one, sorted(order)), sheet("b", other, order), **GIVEN)


def test_a_sheet_that_is_none_of_results_is_refused() -> None:
    sheet = Sheet("a", ("study", "title"), (Row(2, {"study": "A", "title": "B"}),))
    with pytest.raises(ReviewError, match="neither the columns of two arms"):
        compare_sheets(sheet, sheet, **GIVEN)


def _renamed(folder: Path, tmp_path: Path, capsys: Any, *names: str) -> tuple[int, str]:
    for old, new in zip(("ab.csv", "cd.csv"), names, strict=True):
        (tmp_path / new).write_bytes((tmp_path / old).read_bytes())
    files = ["import", *(str(tmp_path / name) for name in names), "--compare", "--to", str(folder)]
    code = main([*files, "--outcome", "Pain", "--time", "ETP"])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_decision_holds_for_sheets_of_other_names_and_order(
    folder: Path, tmp_path: Path, compare: Callable[..., tuple[int, str]], capsys: Any
) -> None:
    compare(FIRST + "New 2020,10,1,2,10,2,2,Chile\n", SAME.replace("4,1;1,4", "4,1;4,1"))
    rows = [row | {"decided_by": "EF"} for row in table(folder)]
    for row in rows:
        row["settled"] = "no" if row["column"] == "(the row)" else "1.4"
    settle(folder)
    path = folder / "data" / "extraction" / "differences.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    code, told = _renamed(folder, tmp_path, capsys, "ab final.csv", "cd_v2.csv")
    assert code == 0, told
    assert {row["first_file"] for row in table(folder)} == {"ab final.csv"}
    assert len(table(folder)) == len(rows)
    (counted,) = table(folder, "extraction/compared")  # once, under the new names
    assert (counted["first_file"], counted["second_file"]) == ("ab final.csv", "cd_v2.csv")
    both = [tmp_path / name for name in ("cd_v2.csv", "ab final.csv")]
    for path, name in zip(both, ("cd.csv", "ab.csv"), strict=True):
        text = (tmp_path / name).read_text(encoding="utf-8")
        path.write_text(text.replace("kell", "Kell"), encoding="utf-8")
    files = ["import", *map(str, both), "--compare", "--to", str(folder)]
    assert main([*files, "--outcome", "Pain", "--time", "ETP"]) == 0, capsys.readouterr().err


def test_two_comparisons_of_other_results_are_counted_both(
    folder: Path, tmp_path: Path, compare: Callable[..., tuple[int, str]], capsys: Any
) -> None:
    assert compare(FIRST, SAME)[0] == 0
    for name in ("ab", "cd"):
        (tmp_path / f"{name}.csv").write_text(FIRST.replace("Aasa", "Dag").replace("Kell", "Lie"))
    assert _renamed(folder, tmp_path, capsys, "x.csv", "y.csv")[0] == 0
    assert len(table(folder, "extraction/compared")) == 2


def test_a_sheet_alone_is_not_imported_while_cells_are_open(
    folder: Path, tmp_path: Path, compare: Callable[..., tuple[int, str]], capsys: Any
) -> None:
    compare(FIRST, SAME.replace("4,1;1,4", "4,1;4,1"))
    alone = ["import", str(tmp_path / "ab.csv"), "--to", str(folder)]
    assert main([*alone, "--outcome", "Pain", "--time", "ETP"]) == 1
    told = capsys.readouterr().err
    assert "nothing was imported" in told
    assert "sd2 is 1.4 (ab.csv, row 3) or 4,1" in told
    assert table(folder, "arm_results") == []


def test_yes_for_a_row_of_one_sheet_is_answered_in_words(
    folder: Path, compare: Callable[..., tuple[int, str]]
) -> None:
    first = FIRST + "New 2020,10,1,2,10,2,2,Chile\n"
    compare(first, SAME)
    assert table(folder)[0]["first"] == "is there"
    settle(folder, settled="yes", decided_by="EF")
    code, told = compare(first, SAME)
    assert (code, "yes in settled does not do: one person alone extracted it" in told) == (1, True)
    assert "the second person enters it in cd.csv too" in told
